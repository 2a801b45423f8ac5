"""What ECS knows of a cluster, a service, a task and its definition."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, cast

from botocore.exceptions import BotoCoreError, ClientError

from tasks.redact import redact
from tasks.tools.ecs.section import NotThere
from tasks.tools.ecs.shapes import Container, Service, Task

if TYPE_CHECKING:
    from mypy_boto3_ecs import ECSClient

EVENTS: Final = 20
MOST_TASKS: Final = 100
"""As many as DescribeTasks takes."""
_TASK_FIELDS: Final = (
    "lastStatus",
    "desiredStatus",
    "healthStatus",
    "stopCode",
    "stoppedReason",
    "startedAt",
    "stoppedAt",
    "cpu",
    "memory",
    "launchType",
    "group",
    "taskDefinitionArn",
)
_CONTAINER_FIELDS: Final = ("lastStatus", "exitCode", "reason", "healthStatus", "image")
_WORDS: Final = frozenset({"reason", "stoppedReason"})
"""Fields in which an application's own words may stand."""
_SERVICE_FIELDS: Final = ("status", "desiredCount", "runningCount", "pendingCount", "taskDefinition")


@dataclass(frozen=True)
class Destination:
    """Where a task's containers log to: a group, and their streams in it if their names are known."""

    group: str
    region: str | None
    streams: tuple[str, ...]


def cluster(ecs: "ECSClient", wanted: str) -> dict[str, Any]:
    """The cluster with exactly this name or ARN; NotThere names the clusters there are."""
    answer = ecs.describe_clusters(clusters=[wanted])
    for found in answer.get("clusters", []):
        if wanted in (found.get("clusterName"), found.get("clusterArn")):
            fields = (
                "clusterName",
                "clusterArn",
                "status",
                "runningTasksCount",
                "pendingTasksCount",
                "activeServicesCount",
            )
            return _picked(found, fields)
    region = ecs.meta.region_name
    raise NotThere(f"There is no ECS cluster {wanted!r} in this account in {region}.{_known_clusters(ecs)}")


def _known_clusters(ecs: "ECSClient") -> str:
    """A hint, so it may be refused."""
    try:
        arns = ecs.list_clusters()["clusterArns"]
    except (ClientError, BotoCoreError):
        return ""
    names = ", ".join(sorted(arn.rpartition("/")[2] for arn in arns)[:20]) or "none"
    return f" The clusters are: {names}."


def task(ecs: "ECSClient", cluster_arn: str, wanted: str) -> Task:
    """The task with this ARN or id; NotThere when ECS no longer knows it (stopped tasks vanish after an hour)."""
    answer = ecs.describe_tasks(cluster=cluster_arn, tasks=[wanted], include=["TAGS"])
    for found in answer.get("tasks", []):
        return _task(found)
    raise NotThere(f"ECS does not know the task {wanted!r} in this cluster: stopped tasks vanish after about an hour.")


def tasks_of(ecs: "ECSClient", cluster_arn: str, service: str) -> list[str]:
    """ARNs of the service's stopped tasks, for they show what went wrong; else of those that run."""
    for status in ("STOPPED", "RUNNING"):
        paginator = ecs.get_paginator("list_tasks")
        pages = paginator.paginate(cluster=cluster_arn, serviceName=service, desiredStatus=cast("Any", status))
        if arns := [arn for page in pages for arn in page["taskArns"]][:MOST_TASKS]:
            return arns
    raise NotThere(f"The service {service!r} has no tasks, neither running nor recently stopped.")


def newest(ecs: "ECSClient", cluster_arn: str, arns: list[str]) -> Task:
    """The task that stopped last, or else started last."""
    found = ecs.describe_tasks(cluster=cluster_arn, tasks=arns, include=["TAGS"]).get("tasks", [])
    if not found:
        raise NotThere("The tasks vanished while they were looked at: try again.")
    return max((_task(each) for each in found), key=_moment)


def service(ecs: "ECSClient", cluster_arn: str, name: str) -> Service:
    answer = ecs.describe_services(cluster=cluster_arn, services=[name])
    for found in answer.get("services", []):
        events = [
            {"createdAt": _text(event.get("createdAt")), "message": redact(event.get("message", ""))}
            for event in found.get("events", [])[:EVENTS]
        ]
        return cast(
            "Service",
            {"serviceName": found.get("serviceName", name), **_picked(found, _SERVICE_FIELDS), "events": events},
        )
    raise NotThere(f"ECS does not know the service {name!r} in this cluster.")


def service_of(task: Task | None) -> str | None:
    """The name of the service that started a task; None for one that was started by hand."""
    group = (task or {}).get("group", "")
    return group.removeprefix("service:") if group.startswith("service:") else None


def destinations(ecs: "ECSClient", task: Task) -> list[Destination]:
    """From the awslogs settings of the task's definition; NotThere when no container logs so."""
    definition = ecs.describe_task_definition(taskDefinition=task.get("taskDefinitionArn", ""))["taskDefinition"]
    task_id = task["taskArn"].rpartition("/")[2]
    streams: dict[tuple[str, str | None], list[str | None]] = {}
    drivers: set[str] = set()
    for container in definition.get("containerDefinitions", []):
        logging = container.get("logConfiguration", {})
        options = logging.get("options", {})
        drivers.add(logging.get("logDriver", "none"))
        if logging.get("logDriver") == "awslogs" and "awslogs-group" in options:
            prefix = options.get("awslogs-stream-prefix")
            stream = f"{prefix}/{container.get('name')}/{task_id}" if prefix else None
            streams.setdefault((options["awslogs-group"], options.get("awslogs-region")), []).append(stream)
    if not streams:
        raise NotThere(f"No container logs to CloudWatch through awslogs; log drivers: {', '.join(sorted(drivers))}.")
    return [Destination(group, region, _known(names)) for (group, region), names in streams.items()]


def _known(names: list[str | None]) -> tuple[str, ...]:
    """Every stream's name; none when one of them has a name that only Docker knows."""
    known = [name for name in names if name is not None]
    return tuple(known) if len(known) == len(names) else ()


def _task(found: Mapping[str, Any]) -> Task:
    containers = [
        cast("Container", {"name": each.get("name", ""), **_picked(each, _CONTAINER_FIELDS)})
        for each in found.get("containers", [])
    ]
    tags = {each["key"]: _tag(each["key"], each.get("value", "")) for each in found.get("tags", [])}
    return cast(
        "Task", {"taskArn": found["taskArn"], **_picked(found, _TASK_FIELDS), "tags": tags, "containers": containers}
    )


def _moment(task: Task) -> str:
    return task.get("stoppedAt") or task.get("startedAt") or ""


def _tag(key: str, value: str) -> str:
    return redact(f"{key}={value}").partition("=")[2]


def _picked(found: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: _plain(name, found[name]) for name in names if found.get(name) is not None}


def _plain(name: str, value: Any) -> Any:  # noqa: ANN401  # boto3's shapes
    if isinstance(value, datetime):
        return _text(value)
    return redact(value) if name in _WORDS else value


def _text(moment: datetime | None) -> str:
    return moment.isoformat() if moment else ""
