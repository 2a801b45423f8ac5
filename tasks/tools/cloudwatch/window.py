"""The time that is searched, from what a caller says of it."""

from datetime import UTC, datetime, timedelta
from typing import Final

from tasks.aws.insights import Window
from tasks.tool import ToolError

LONGEST: Final = timedelta(days=7)


def window_of(start: str | None, end: str | None, length: timedelta, *, now: datetime) -> Window:
    """From *start* (or *length* before the end) to *end* (or now); ToolError names the argument that is wrong."""
    last = min(_moment("end", end), now) if end else now
    first = _moment("start", start) if start else last - length
    if first >= now:
        raise ToolError(f"start {first.isoformat()} is in the future: nothing is logged yet.")
    if first >= last:
        raise ToolError(f"start {first.isoformat()} is not before end {last.isoformat()}.")
    if last - first > LONGEST:
        raise ToolError(f"start and end are more than {LONGEST.days} days apart: search them in parts.")
    return first, last


def _moment(name: str, text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ToolError(f"{name} {text[:40]!r} is not a time in ISO 8601, such as 2026-06-10T10:00:00Z.") from None
    if moment.tzinfo is None:
        raise ToolError(f"{name} {text[:40]!r} has no time zone: add Z, or an offset such as +02:00.")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ToolError(f"{name} {text[:40]!r} is out of range.") from None
