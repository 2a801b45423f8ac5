"""Who did what to the service, by CloudTrail."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final, cast

import msgspec

from tasks.redact import clipped
from tasks.tools.ecs.facts import Act
from tasks.tools.ecs.scene import NotThere, Scene, at

MOST: Final = 50
WRITES: Final = ("CreateService", "UpdateService", "DeleteService")
"""By name, as CloudTrail lists no resources with what is done to a service."""
BEFORE: Final = timedelta(hours=3)
"""How long before the window is looked at: what broke something comes before it breaks."""


class Record(msgspec.Struct):
    """Of the JSON text in an event, what tells whom it is about."""

    requestParameters: dict[str, Any] | None = None
    errorCode: str = ""


def trail(scene: Scene) -> tuple[Act, ...]:
    """Writes to the service; NotThere when there was none. CloudTrail tells of them with up to 15 minutes' delay."""
    start, end = scene.request.window
    name = scene.must_have_service()
    found: list[Mapping[str, Any]] = []
    for each in WRITES:
        answer = scene.run.aws("cloudtrail").lookup_events(
            LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": each}],
            StartTime=start - BEFORE,
            EndTime=end,
            MaxResults=MOST,
        )
        found += cast("list[Mapping[str, Any]]", answer.get("Events", []))
    writes = [each for each in found if each.get("EventTime") and _is_of(each, name, scene.cluster_name)]
    writes.sort(key=lambda each: each["EventTime"], reverse=True)
    if not writes:
        raise NotThere("CloudTrail knows of nobody who changed the service in this time (it may be 15 minutes late).")
    return tuple(
        Act(
            id=f"trail:{number}",
            at=at(each["EventTime"]),
            name=clipped(each.get("EventName", ""), 100),
            who=clipped(each.get("Username", "somebody"), 100),
        )
        for number, each in enumerate(writes, 1)
    )


def _is_of(found: Mapping[str, Any], service: str, cluster: str) -> bool:
    """Whether the request, a JSON text in the event, names the service; one that AWS refused changed nothing."""
    try:
        record = msgspec.json.decode(found.get("CloudTrailEvent", ""), type=Record)
    except msgspec.DecodeError:
        return False
    asked = record.requestParameters or {}
    named = str(asked.get("service") or asked.get("serviceName")).rpartition("/")[2]
    where = str(asked.get("cluster") or "default").rpartition("/")[2]
    return (named, where) == (service, cluster) and not record.errorCode
