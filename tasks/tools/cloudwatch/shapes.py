"""The shape of what `search_logs` returns, and how much of it."""

from collections.abc import Iterable
from typing import Annotated, Final, NotRequired, TypeVar

from pydantic import Field
from typing_extensions import TypedDict

from tasks.mining.digest import Digest, size
from tasks.tools.cloudwatch.presets import Preset

ROOM: Final = 16_000
"""Bytes of JSON that lines, patterns and requests take together."""

T = TypeVar("T")


class Span(TypedDict):
    start: str
    end: str


class Scanned(TypedDict):
    bytes: int
    events: int
    queries: int
    words: Annotated[str, Field(description="what was read: that is what AWS charges for")]


class Line(TypedDict):
    timestamp: str
    message: str
    stream: str
    logGroup: str
    durationMs: NotRequired[float]


class PatternRow(TypedDict):
    """A pattern as Logs Insights found it: `<Token-1>` stands for what varies."""

    pattern: str
    count: int
    share: NotRequired[Annotated[float, Field(description="of all lines that were looked at, from 0 to 1")]]
    severity: NotRequired[str]
    dayBefore: NotRequired[Annotated[int, Field(description="how often it was there a day before")]]
    change: NotRequired[Annotated[int, Field(description="more (or, negative, fewer) than a day before")]]
    difference: NotRequired[Annotated[str, Field(description="the change in AWS's own words")]]
    sample: NotRequired[str]


class Durations(TypedDict):
    """Of all lines that say how long something took, in milliseconds."""

    start: str
    measured: int
    p50: float
    p95: float
    p99: float
    longest: float


class Found(TypedDict):
    preset: Preset
    logGroups: list[str]
    region: str
    window: Span
    queries: Annotated[list[str], Field(description="what was asked, in Logs Insights' language")]
    scanned: Scanned
    matched: Annotated[int, Field(description="events that matched the first query, as far as it came")]
    complete: Annotated[bool, Field(description="whether nothing was left out; if not, notes say what")]
    notes: list[str]
    errors: NotRequired[Annotated[Digest, Field(description="for errors: their patterns, the worst first")]]
    lines: NotRequired[Annotated[list[Line], Field(description="for lines: oldest first; for slow: slowest first")]]
    overTime: NotRequired[Annotated[list[Durations], Field(description="for slow: how long things took, over time")]]
    patterns: NotRequired[Annotated[list[PatternRow], Field(description="for pattern and diff")]]
    consoleLink: NotRequired[Annotated[str, Field(description="Logs Insights in AWS's console, with the first query")]]


def fitting(rows: Iterable[T], room: int = ROOM) -> list[T]:
    """The first of *rows* that there is room for, in bytes."""
    kept: list[T] = []
    for row in rows:
        room -= size(row) + 2
        if room < 0:
            break
        kept.append(row)
    return kept
