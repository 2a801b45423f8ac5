"""Lines of a log group, and a search for them."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from tasks.tools.cloudwatch.search import search_logs
from tests.stand_ins.aws import LOG_GROUP, Aws
from tests.stand_ins.insights_language import printed
from tests.stand_ins.run import FakeRun

PRESETS = ("errors", "slow", "pattern", "diff", "lines")


@dataclass(frozen=True)
class Event:
    message: str
    ago: timedelta
    stream: str


def event(message: str, *, ago: timedelta = timedelta(minutes=5), stream: str = "web/1") -> Event:
    return Event(message, ago, stream)


def fill(cloud: Aws, *events: Event, group: str = LOG_GROUP, now: datetime | None = None) -> None:
    """Let the group have these events, as old as they are from here on."""
    end = now or datetime.now(UTC)
    cloud.insights.groups[group] = [
        {"@timestamp": printed(end - each.ago), "@message": each.message, "@logStream": each.stream, "@ptr": "opaque"}
        for each in events
    ]


def search(run: FakeRun, preset: str = "errors", **more: object) -> dict[str, Any]:
    return run.call(search_logs, **{"logGroups": [LOG_GROUP], "preset": preset, **more})
