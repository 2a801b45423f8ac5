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
REVOKED: Final = "RevokeSecurityGroupIngress"
"""What shuts a load balancer out."""
BEFORE: Final = timedelta(hours=3)
"""How long before the window is looked at: what broke something comes before it breaks."""


class Record(msgspec.Struct):
    """Of the JSON text in an event, what tells whom it is about."""

    requestParameters: dict[str, Any] | None = None
    errorCode: str = ""


def trail(scene: Scene) -> tuple[Act, ...]:
    """Writes to the service and what its security groups let in no more; NotThere when there was none.

    CloudTrail tells of them with up to 15 minutes' delay.
    """
    name = scene.must_have_service()
    groups = scene.facts.service.groups if scene.facts.service else ()
    asked = (*WRITES, REVOKED) if groups else WRITES
    found = [
        (event, about) for each in asked for event in _events(scene, each) if (about := _about(event, name, scene))
    ]
    found.sort(key=lambda each: each[0]["EventTime"], reverse=True)
    if not found:
        raise NotThere("CloudTrail knows of nobody who changed the service in this time (it may be 15 minutes late).")
    return tuple(
        Act(
            id=f"trail:{number}",
            at=at(each["EventTime"]),
            name=clipped(each.get("EventName", ""), 100),
            who=clipped(each.get("Username", "somebody"), 100),
            about=about if about in groups else "",
        )
        for number, (each, about) in enumerate(found, 1)
    )


def _events(scene: Scene, name: str) -> list[Mapping[str, Any]]:
    start, end = scene.request.window
    answer = scene.run.aws("cloudtrail").lookup_events(
        LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": name}],
        StartTime=start - BEFORE,
        EndTime=end,
        MaxResults=MOST,
    )
    found = cast("list[Mapping[str, Any]]", answer.get("Events", []))
    return [each for each in found if each.get("EventTime")]


def _about(found: Mapping[str, Any], service: str, scene: Scene) -> str:
    """The service, or the security group of its, that the request names, a JSON text in the event; empty for others.

    One that AWS refused changed nothing.
    """
    try:
        record = msgspec.json.decode(found.get("CloudTrailEvent", ""), type=Record)
    except msgspec.DecodeError:
        return ""
    asked = record.requestParameters or {}
    if record.errorCode:
        return ""
    if found.get("EventName") == REVOKED:
        group, groups = asked.get("groupId"), scene.facts.service.groups if scene.facts.service else ()
        return str(group) if group in groups else ""
    named = str(asked.get("service") or asked.get("serviceName")).rpartition("/")[2]
    where = str(asked.get("cluster") or "default").rpartition("/")[2]
    return named if (named, where) == (service, scene.cluster_name) else ""
