"""Auto scaling: how far it may go, and what it did."""

from collections.abc import Mapping
from typing import Any, Final, cast

from tasks.redact import clipped
from tasks.tools.ecs.collectors.cluster import WORDS
from tasks.tools.ecs.facts import Activity, Scaling
from tasks.tools.ecs.scene import NotThere, Scene, at

MOST: Final = 50


def scaling(scene: Scene) -> Scaling:
    client = scene.run.aws("application-autoscaling")
    resource = f"service/{scene.cluster_name}/{scene.must_have_service()}"
    targets = client.describe_scalable_targets(ServiceNamespace="ecs", ResourceIds=[resource])["ScalableTargets"]
    target = cast("Mapping[str, Any]", next(iter(targets), None))
    if not target:
        raise NotThere("The service is not scaled by Application Auto Scaling.")
    answer = client.describe_scaling_activities(ServiceNamespace="ecs", ResourceId=resource, MaxResults=MOST)
    start, end = (at(moment) for moment in scene.request.window)
    acts = cast("list[Mapping[str, Any]]", answer.get("ScalingActivities", []))
    activities = [_activity(number, each) for number, each in enumerate(acts, 1)]
    return Scaling(
        id="scaling:0",
        least=target.get("MinCapacity", 0),
        most=target.get("MaxCapacity", 0),
        suspended=any(target.get("SuspendedState", {}).values()),
        activities=tuple(each for each in activities if start <= each.at <= end),
    )


def _activity(number: int, found: Mapping[str, Any]) -> Activity:
    words = f"{found.get('Description', '')} {found.get('StatusMessage', '')} {found.get('Cause', '')}"
    return Activity(
        id=f"scaling:{number}",
        at=at(found["StartTime"]),
        status=found.get("StatusCode", ""),
        text=clipped(words.strip(), WORDS),
    )
