"""The numbers: CPU and memory of the service, and what its clients get from the load balancer."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, cast

from tasks.tools.ecs.facts import Metric
from tasks.tools.ecs.scene import NotThere, Scene, at

FINEST: Final = 60
POINTS: Final = 240
"""Of a series, at most: a longer window has longer steps."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    name: str
    unit: Literal["percent", "count", "seconds", "tasks"]
    namespace: str
    metric: str
    statistic: str
    dimensions: tuple[tuple[str, str], ...]


def metrics(scene: Scene) -> tuple[Metric, ...]:
    """Those that have points; NotThere when none has."""
    start, end = scene.request.window
    asked = list(_asked(scene))
    step = max(FINEST, -(-round((end - start).total_seconds()) // POINTS // FINEST) * FINEST)
    queries: Any = [_query(number, each, step) for number, each in enumerate(asked)]
    pages = (
        scene.run.aws("cloudwatch")
        .get_paginator("get_metric_data")
        .paginate(MetricDataQueries=queries, StartTime=start, EndTime=end, ScanBy="TimestampAscending")
    )
    points: dict[str, list[tuple[int, float]]] = {}
    for page in pages:
        for result in cast("list[Mapping[str, Any]]", page.get("MetricDataResults", [])):
            stamps, values = result.get("Timestamps", []), result.get("Values", [])
            points.setdefault(result.get("Id", ""), []).extend(
                (at(moment), value) for moment, value in zip(stamps, values, strict=False)
            )
    found = [(each, sorted(points.get(f"m{number}", []))) for number, each in enumerate(asked)]
    made = [
        Metric(id=f"metric:{number}", name=each.name, unit=each.unit, points=tuple(series))
        for number, (each, series) in enumerate(((each, series) for each, series in found if series), 1)
    ]
    if not made:
        raise NotThere("CloudWatch has no metrics of the service in this time.")
    return tuple(made)


def _asked(scene: Scene) -> Iterator[Asked]:
    ours = (("ClusterName", scene.cluster_name), ("ServiceName", scene.must_have_service()))
    for name, metric in (("cpu", "CPUUtilization"), ("memory", "MemoryUtilization")):
        yield Asked(name=name, unit="percent", namespace="AWS/ECS", metric=metric, statistic="Average", dimensions=ours)
    if scene.facts.cluster is None or scene.facts.cluster.insights:
        yield Asked(
            name="running",
            unit="tasks",
            namespace="ECS/ContainerInsights",
            metric="RunningTaskCount",
            statistic="Minimum",
            dimensions=ours,
        )
    for group in scene.facts.targets or ():
        for balancer in group.balancers:
            yield from _of_balancer(group.arn.rpartition(":")[2], balancer.partition(":loadbalancer/")[2])


def _of_balancer(group: str, balancer: str) -> Iterator[Asked]:
    """What an application load balancer counts; a network load balancer counts unhealthy hosts alone."""
    dimensions = (("TargetGroup", group), ("LoadBalancer", balancer))
    if balancer.startswith("app/"):
        spoken: tuple[tuple[str, Literal["count", "seconds"], str, str], ...] = (
            ("5xx", "count", "HTTPCode_Target_5XX_Count", "Sum"),
            ("latency", "seconds", "TargetResponseTime", "p95"),
            ("requests", "count", "RequestCount", "Sum"),
        )
        for name, unit, metric, statistic in spoken:
            yield Asked(
                name=name,
                unit=unit,
                namespace="AWS/ApplicationELB",
                metric=metric,
                statistic=statistic,
                dimensions=dimensions,
            )
    namespace = "AWS/ApplicationELB" if balancer.startswith("app/") else "AWS/NetworkELB"
    yield Asked(
        name="unhealthy",
        unit="count",
        namespace=namespace,
        metric="UnHealthyHostCount",
        statistic="Maximum",
        dimensions=dimensions,
    )


def _query(number: int, asked: Asked, step: int) -> dict[str, Any]:
    dimensions = [{"Name": name, "Value": value} for name, value in asked.dimensions]
    metric = {"Namespace": asked.namespace, "MetricName": asked.metric, "Dimensions": dimensions}
    return {"Id": f"m{number}", "MetricStat": {"Metric": metric, "Period": step, "Stat": asked.statistic}}
