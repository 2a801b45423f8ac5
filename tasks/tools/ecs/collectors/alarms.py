"""The alarms that watch the service or its target groups."""

from collections.abc import Mapping
from typing import Any, Final, cast

from tasks.redact import clipped
from tasks.tools.ecs.collectors.cluster import WORDS
from tasks.tools.ecs.facts import Alarm
from tasks.tools.ecs.scene import NotThere, Scene, ms

MOST: Final = 2_000
"""Alarms of the account that are looked at."""
SHOWN: Final = 50


def alarms(scene: Scene) -> tuple[Alarm, ...]:
    """NotThere when none does."""
    pages = (
        scene.run.aws("cloudwatch")
        .get_paginator("describe_alarms")
        .paginate(AlarmTypes=["MetricAlarm"], PaginationConfig={"MaxItems": MOST, "PageSize": 100})
    )
    ours: list[Mapping[str, Any]] = []
    for page in pages:
        scene.run.check()
        ours += [
            each for each in cast("list[Mapping[str, Any]]", page.get("MetricAlarms", [])) if _is_ours(scene, each)
        ]
    if not ours:
        raise NotThere("No CloudWatch alarm watches the service or its target groups.")
    ours.sort(key=lambda each: each.get("StateValue") != "ALARM")
    return tuple(_alarm(number, each) for number, each in enumerate(ours[:SHOWN], 1))


def _is_ours(scene: Scene, found: Mapping[str, Any]) -> bool:
    dimensions = dict(_dimensions(found))
    for metric in found.get("Metrics", []):
        dimensions |= dict(_dimensions(metric.get("MetricStat", {}).get("Metric", {})))
    if dimensions.get("ServiceName") == scene.service and dimensions.get("ClusterName") == scene.cluster_name:
        return True
    groups = {group.arn.rpartition(":")[2] for group in scene.facts.targets or ()}
    return dimensions.get("TargetGroup") in groups


def _dimensions(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(each["Name"], each["Value"]) for each in found.get("Dimensions", [])]


def _alarm(number: int, found: Mapping[str, Any]) -> Alarm:
    return Alarm(
        id=f"alarm:{number}",
        name=clipped(found.get("AlarmName", ""), WORDS),
        state=found.get("StateValue", ""),
        reason=clipped(found.get("StateReason", ""), WORDS),
        metric=found.get("MetricName", ""),
        since=ms(found.get("StateTransitionedTimestamp") or found.get("StateUpdatedTimestamp")),
    )
