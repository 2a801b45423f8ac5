"""What ECS knows of a cluster, a service, a task and its definition."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, cast

from tasks.tool import ToolError
from tasks.tools.ecs.redact import redact
from tasks.tools.ecs.shapes import Container, Service, Task

if TYPE_CHECKING:
    from mypy_boto3_ecs import ECSClient

EVENTS: Final = 20
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
_SERVICE_FIELDS: Final = ("status", "desiredCount", "runningCount", "pendingCount", "taskDefinition")


def cluster(ecs: "ECSClient", wanted: str) -> dict[str, Any]:
    """The cluster with exactly this name or ARN; ToolError names the clusters there are."""
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
    arns = [arn for page in ecs.get_paginator("list_clusters").paginate() for arn in page["clusterArns"]]
    names = ", ".join(sorted(arn.rpartition("/")[2] for arn in arns)[:20]) or "none"
    raise ToolError(f"There is no ECS cluster {wanted!r} in this account and region. The clusters are: {names}")


def task(ecs: "ECSClient", cluster_arn: str, wanted: str) -> Task:
    """The task with this ARN or id; ToolError when ECS no longer knows it (stopped tasks vanish after an hour)."""
    answer = ecs.describe_tasks(cluster=cluster_arn, tasks=[wanted], include=["TAGS"])
    for found in answer.get("tasks", []):
        return _task(found)
    raise ToolError(f"ECS does not know the task {wanted!r} in this cluster: stopped tasks vanish after about an hour")


def newest_task(ecs: "ECSClient", cluster_arn: str, service: str) -> Task | None:
    """A task that stopped, if the service has one, for that is what went wrong; else one that runs."""
    for status in ("STOPPED", "RUNNING"):
        paginator = ecs.get_paginator("list_tasks")
        pages = paginator.paginate(cluster=cluster_arn, serviceName=service, desiredStatus=cast("Any", status))
        arns = [arn for page in pages for arn in page["taskArns"]][:100]
        if arns:
            found = ecs.describe_tasks(cluster=cluster_arn, tasks=arns, include=["TAGS"]).get("tasks", [])
            return max((_task(each) for each in found), key=_moment, default=None)
    return None


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
    raise ToolError(f"ECS does not know the service {name!r} in this cluster")


def service_of(task: Task | None) -> str | None:
    """The name of the service that started a task; None for one that was started by hand."""
    group = (task or {}).get("group", "")
    return group.removeprefix("service:") if group.startswith("service:") else None


def log_streams(ecs: "ECSClient", task: Task) -> dict[str, list[str]]:
    """Log group -> the names of this task's streams in it, from the definition's awslogs settings."""
    definition = ecs.describe_task_definition(taskDefinition=task.get("taskDefinitionArn", ""))["taskDefinition"]
    task_id = task["taskArn"].rpartition("/")[2]
    groups: dict[str, list[str]] = {}
    for container in definition.get("containerDefinitions", []):
        logging = container.get("logConfiguration", {})
        options = logging.get("options", {})
        if logging.get("logDriver") == "awslogs" and "awslogs-group" in options:
            prefix = options.get("awslogs-stream-prefix")
            streams = [f"{prefix}/{container.get('name')}/{task_id}"] if prefix else []
            groups.setdefault(options["awslogs-group"], []).extend(streams)
    return groups


def _task(found: Mapping[str, Any]) -> Task:
    containers = [
        cast("Container", {"name": each.get("name", ""), **_picked(each, _CONTAINER_FIELDS)})
        for each in found.get("containers", [])
    ]
    tags = {each["key"]: redact(each.get("value", "")) for each in found.get("tags", [])}
    return cast(
        "Task", {"taskArn": found["taskArn"], **_picked(found, _TASK_FIELDS), "tags": tags, "containers": containers}
    )


def _moment(task: Task) -> str:
    return task.get("stoppedAt") or task.get("startedAt") or ""


def _picked(found: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {
        name: _text(found[name]) if isinstance(found[name], datetime) else found[name]
        for name in names
        if found.get(name) is not None
    }


def _text(moment: datetime | None) -> str:
    return moment.isoformat() if moment else ""
