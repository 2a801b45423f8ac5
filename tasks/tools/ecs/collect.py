"""Collecting the evidence: each part on its own, in the order in which one names the next."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from tasks.tool import Run, ToolError
from tasks.tools.ecs import describe, logs
from tasks.tools.ecs.logs import Window
from tasks.tools.ecs.section import Sections
from tasks.tools.ecs.shapes import Logs, Service, Task, Utilisation

STEPS: Final = 8
AFTERMATH: Final = timedelta(minutes=1)
"""How long after a task stopped its last lines may be written."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """What to look into: a task, or the latest task of a service."""

    cluster: str
    task: str | None
    service: str | None
    window: timedelta


@dataclass(frozen=True, kw_only=True)
class Collected:
    cluster: dict[str, Any]
    task: Task | None
    service: Service | None
    logs: list[Logs]
    samples: list[Utilisation]
    window: Window
    sections: Sections

    def plain(self) -> dict[str, Any]:
        """As JSON, for a checkpoint."""
        kept = {name: getattr(self, name) for name in _KEPT}
        return {**kept, "window": [at.isoformat() for at in self.window], "sections": self.sections.all}


_KEPT: Final = ("cluster", "task", "service", "logs", "samples")


def restored(run: Run) -> Collected | None:
    """What an earlier attempt collected before its worker died; None when there is nothing yet."""
    kept: Any = run.resume()
    if not kept:
        return None
    start, end = (datetime.fromisoformat(at) for at in kept["window"])
    sections = Sections(run, STEPS, done=kept["sections"])
    return Collected(**{name: kept[name] for name in _KEPT}, window=(start, end), sections=sections)


def collect(run: Run, target: Target) -> Collected:
    """Everything that can be read; ToolError when not even the cluster can."""
    sections = Sections(run, STEPS)
    ecs = run.aws("ecs")
    cluster = sections.collect(
        "cluster", f"describing the cluster {target.cluster}", lambda: describe.cluster(ecs, target.cluster)
    )
    if cluster is None:
        raise ToolError(sections.all[-1]["message"])
    task = _task(run, sections, cluster["clusterArn"], target)
    service = target.service or describe.service_of(task)
    window = window_of(task, target.window, now=datetime.now(UTC))
    return Collected(
        cluster=cluster,
        task=task,
        service=_service(run, sections, cluster["clusterArn"], service),
        logs=_logs(run, sections, task, window),
        samples=_samples(run, sections, cluster["clusterName"], _owner(task, service), window),
        window=window,
        sections=sections,
    )


def window_of(task: Task | None, length: timedelta, *, now: datetime) -> Window:
    """The time to read logs of: up to now, or up to when the task stopped."""
    stopped = task.get("stoppedAt") if task else None
    end = min(now, datetime.fromisoformat(stopped) + AFTERMATH) if stopped else now
    return end - length, end


def _task(run: Run, sections: Sections, cluster_arn: str, target: Target) -> Task | None:
    ecs, wanted, service = run.aws("ecs"), target.task, target.service
    if wanted:
        return sections.collect(
            "task", f"describing the task {wanted}", lambda: describe.task(ecs, cluster_arn, wanted)
        )
    words = f"listing the tasks of {service}"
    arns = sections.collect("tasks", words, lambda: describe.tasks_of(ecs, cluster_arn, service or ""))
    if not arns:
        return None
    words = f"describing {len(arns)} tasks"
    return sections.collect("task", words, lambda: describe.newest(ecs, cluster_arn, arns))


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
    found: list[Logs] = []
    for each in sections.collect("taskDefinition", words, lambda: describe.destinations(ecs, task)) or ():
        words = f"reading the application's log {each.group}"
        read = sections.collect("applicationLogs", words, lambda each=each: logs.application(run, each, window))
        found += [read] if read else []
    return found


def _owner(task: Task | None, service: str | None) -> tuple[str, str] | None:
    """Whose samples to read."""
    if task:
        return "TaskId", task["taskArn"].rpartition("/")[2]
    return ("ServiceName", service) if service else None


def _samples(
    run: Run, sections: Sections, cluster: str, owner: tuple[str, str] | None, window: Window
) -> list[Utilisation]:
    if owner is None:
        return []
    words = "reading CPU and memory from Container Insights"
    found = sections.collect("containerInsights", words, lambda: logs.utilisation(run, cluster, owner, window))
    return found or []
