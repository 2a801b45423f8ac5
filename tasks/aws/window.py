"""The time that is looked at, from what a caller says of it."""

from datetime import UTC, datetime, timedelta

from tasks.aws.insights import Window
from tasks.tool import ToolError


def window_of(start: str | None, end: str | None, length: timedelta, *, longest: timedelta, now: datetime) -> Window:
    """From *start* (or *length* before the end) to *end* (now at the latest).

    ToolError names the argument that is wrong.
    """
    last = min(_moment("end", end), now) if end else now
    first = _moment("start", start) if start else _before(last, length)
    if first >= now:
        raise ToolError(f"start {first.isoformat()} is in the future: nothing has happened yet.")
    if first >= last:
        raise ToolError(f"start {first.isoformat()} is not before end {last.isoformat()}.")
    if last - first > longest:
        raise ToolError(f"start and end are more than {_words(longest)} apart: look at them in parts.")
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


def _before(last: datetime, length: timedelta) -> datetime:
    try:
        return last - length
    except OverflowError:
        raise ToolError(f"end {last.isoformat()} is out of range.") from None


def _words(longest: timedelta) -> str:
    return f"{longest.days} days" if longest.days > 1 else f"{longest.total_seconds() / 3600:g} hours"
