"""Container Insights' samples of single tasks: CPU and memory as reserved and as used."""

from typing import Final

from tasks.aws.insights import Query, Row, query, quoted
from tasks.tools.ecs.facts import Sample, Samples
from tasks.tools.ecs.scene import NotThere, Scene

MOST: Final = 120
_FIELDS: Final = ("CpuReserved", "CpuUtilized", "MemoryReserved", "MemoryUtilized")


def samples(scene: Scene) -> Samples:
    """Of the task that was asked for, or the newest; NotThere when Container Insights is off, or has none."""
    if scene.facts.cluster and not scene.facts.cluster.insights:
        raise NotThere(f"Container Insights is off for the cluster {scene.cluster_name}.")
    tasks = scene.facts.tasks
    if not tasks:
        raise NotThere("There is no task whose samples could be read.")
    only = f"filter Type = 'Task' and TaskId = {quoted(tasks[0].name)}"
    text = f"fields @timestamp, {', '.join(_FIELDS)} | {only} | sort @timestamp desc | limit {MOST}"
    group = f"/aws/ecs/containerinsights/{scene.cluster_name}/performance"
    answer = query(scene.run, Query(groups=[group], text=text, window=scene.request.window, limit=MOST))
    found = Samples(all=tuple(_sample(row) for row in reversed(answer.rows)), scanned=answer.scan.bytes)
    if not found.all:
        raise NotThere("Container Insights has no samples of the task in this time.", found)
    return found


def _sample(row: Row) -> Sample:
    values = {name: float(row[name]) for name in _FIELDS if row.get(name)}
    return Sample(
        timestamp=row.get("@timestamp", ""),
        cpu_reserved=values.get("CpuReserved"),
        cpu_utilized=values.get("CpuUtilized"),
        cpu_percent=_percent(values.get("CpuUtilized"), values.get("CpuReserved")),
        memory_reserved=values.get("MemoryReserved"),
        memory_utilized=values.get("MemoryUtilized"),
        memory_percent=_percent(values.get("MemoryUtilized"), values.get("MemoryReserved")),
    )


def _percent(used: float | None, reserved: float | None) -> float | None:
    return round(100 * used / reserved, 1) if reserved and used is not None else None
