"""Who did what to the service, by CloudTrail."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final, cast

from tasks.redact import clipped
from tasks.tools.ecs.facts import Act
from tasks.tools.ecs.scene import NotThere, Scene, at

MOST: Final = 50
BEFORE: Final = timedelta(hours=3)
"""How long before the window is looked at: what broke something comes before it breaks."""


def trail(scene: Scene) -> tuple[Act, ...]:
    """Writes to the service; NotThere when there was none. CloudTrail tells of them with up to 15 minutes' delay."""
    start, end = scene.request.window
    name = scene.must_have_service()
    wanted = [name, *([scene.facts.service.arn] if scene.facts.service else [])]
    found: dict[str, Mapping[str, Any]] = {}
    for each in wanted:
        answer = scene.run.aws("cloudtrail").lookup_events(
            LookupAttributes=[{"AttributeKey": "ResourceName", "AttributeValue": each}],
            StartTime=start - BEFORE,
            EndTime=end,
            MaxResults=MOST,
        )
        found |= {event.get("EventId", ""): cast("Mapping[str, Any]", event) for event in answer.get("Events", [])}
    writes = [each for each in found.values() if each.get("ReadOnly") != "true" and each.get("EventTime")]
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
