"""Collecting the evidence: each part on its own, in the order in which one names the next."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from tasks.tool import Run, ToolError
from tasks.tools.ecs import describe, logs
from tasks.tools.ecs.section import Sections
from tasks.tools.ecs.shapes import Logs, Service, Task, Utilisation

STEPS: Final = 8
Window = tuple[datetime, datetime]


@dataclass(frozen=True, kw_only=True)
class Target:
    """What to look into: a task, or the latest task of a service."""

    cluster: str
    task: str | None
    service: str | None
    window: Window


@dataclass(frozen=True, kw_only=True)
class Collected:
    cluster: dict[str, Any]
    task: Task | None
    service: Service | None
    logs: list[Logs]
    samples: list[Utilisation]
    sections: Sections


def collect(run: Run, target: Target) -> Collected:
    """Everything that can be read; ToolError when not even the cluster can."""
    sections = Sections(run, STEPS)
    ecs = run.aws("ecs")
    cluster = sections.collect(
        "cluster", f"describing the cluster {target.cluster}", lambda: describe.cluster(ecs, target.cluster)
    )
    if cluster is None:
        raise ToolError(sections.all[-1]["message"])
    arn = cluster["clusterArn"]
    wanted, service = target.task, target.service
    task = sections.collect(
        "task",
        f"describing the task {wanted or f'of {service}'}",
        lambda: describe.task(ecs, arn, wanted) if wanted else describe.newest_task(ecs, arn, service or ""),
    )
    return Collected(
        cluster=cluster,
        task=task,
        service=_service(run, sections, arn, service or describe.service_of(task)),
        logs=_logs(run, sections, task, target.window),
        samples=_samples(run, sections, cluster["clusterName"], task, target.window),
        sections=sections,
    )


def _service(run: Run, sections: Sections, cluster_arn: str, name: str | None) -> Service | None:
    if name is None:
        return None
    ecs = run.aws("ecs")
    words = f"describing the service {name}"
    return sections.collect("service", words, lambda: describe.service(ecs, cluster_arn, name))


def _logs(run: Run, sections: Sections, task: Task | None, window: Window) -> list[Logs]:
    if task is None:
        return []
    ecs = run.aws("ecs")
    words = "reading where the task logs to"
    groups = sections.collect("taskDefinition", words, lambda: describe.log_streams(ecs, task))
    if not groups:
        return []
    words = f"reading the application's log {', '.join(groups)}"
    return sections.collect("applicationLogs", words, lambda: list(logs.application(run, groups, window))) or []


def _samples(run: Run, sections: Sections, cluster: str, task: Task | None, window: Window) -> list[Utilisation]:
    task_id = task["taskArn"].rpartition("/")[2] if task else None
    words = "reading CPU and memory from Container Insights"
    found = sections.collect("containerInsights", words, lambda: logs.utilisation(run, cluster, task_id, window))
    return found or []
