"""The tasks: those that run, and those that ended within the hour in which ECS remembers them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal, cast

from tasks.redact import clipped
from tasks.tools.ecs.collectors.cluster import WORDS
from tasks.tools.ecs.facts import Container, Task
from tasks.tools.ecs.scene import NotThere, Scene, ms

if TYPE_CHECKING:
    from mypy_boto3_ecs import ECSClient

BATCH: Final = 100
"""As many as DescribeTasks takes."""
MOST: Final = 300
"""Of those that run, and of those that ended."""


def tasks(scene: Scene) -> tuple[Task, ...]:
    """Of the service, or the one task that was asked for."""
    ecs = scene.run.aws("ecs")
    if wanted := scene.request.task:
        found = _described(scene, ecs, [wanted])
        if not found:
            raise NotThere(
                f"ECS does not know the task {wanted!r} in the cluster {scene.cluster_name}: "
                "stopped tasks vanish after about an hour."
            )
    else:
        name = scene.must_have_service()
        stopped = _listed(ecs, scene.cluster, name, "STOPPED")
        found = _described(scene, ecs, [*stopped, *_listed(ecs, scene.cluster, name, "RUNNING")])
        if not found:
            raise NotThere(f"The service {name!r} has no tasks, neither running nor recently stopped.")
    return tuple(_task(number, each) for number, each in enumerate(sorted(found, key=_newest, reverse=True), 1))


def _listed(ecs: "ECSClient", cluster: str, service: str, status: Literal["RUNNING", "STOPPED"]) -> list[str]:
    pages = ecs.get_paginator("list_tasks").paginate(cluster=cluster, serviceName=service, desiredStatus=status)
    arns: list[str] = []
    for page in pages:
        arns += page["taskArns"]
        if len(arns) >= MOST:
            break
    return arns[:MOST]


def _described(scene: Scene, ecs: "ECSClient", arns: Sequence[str]) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = []
    for start in range(0, len(arns), BATCH):
        scene.run.check()
        answer = ecs.describe_tasks(cluster=scene.cluster, tasks=list(arns[start : start + BATCH]))
        found += cast("list[Mapping[str, Any]]", answer.get("tasks", []))
    return found


def _newest(found: Mapping[str, Any]) -> float:
    moment = found.get("stoppedAt") or found.get("stoppingAt") or found.get("startedAt") or found.get("createdAt")
    return moment.timestamp() if moment else 0.0


def _task(number: int, found: Mapping[str, Any]) -> Task:
    return Task(
        id=f"task:{number}",
        arn=found.get("taskArn", ""),
        status=found.get("lastStatus", ""),
        desired=found.get("desiredStatus", ""),
        health=found.get("healthStatus", ""),
        code=found.get("stopCode", ""),
        reason=clipped(found.get("stoppedReason", ""), WORDS),
        definition=found.get("taskDefinitionArn", ""),
        created=ms(found.get("createdAt")),
        started=ms(found.get("startedAt")),
        stopping=ms(found.get("stoppingAt")),
        stopped=ms(found.get("stoppedAt")),
        launch=found.get("launchType") or found.get("capacityProviderName", ""),
        zone=found.get("availabilityZone", ""),
        address=next(_addresses(found), ""),
        group=found.get("group", ""),
        cpu=str(found.get("cpu", "")),
        memory=str(found.get("memory", "")),
        containers=tuple(_container(each) for each in found.get("containers", [])),
    )


def _addresses(found: Mapping[str, Any]) -> Iterator[str]:
    for attachment in found.get("attachments", []):
        for detail in attachment.get("details", []):
            if detail.get("name") == "privateIPv4Address":
                yield detail.get("value", "")


def _container(found: Mapping[str, Any]) -> Container:
    return Container(
        name=found.get("name", ""),
        status=found.get("lastStatus", ""),
        exit=found.get("exitCode"),
        reason=clipped(found.get("reason", ""), WORDS),
        health=found.get("healthStatus", ""),
        image=found.get("image", ""),
        digest=found.get("imageDigest", ""),
    )
