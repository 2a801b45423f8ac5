"""What callers say of time, and what is made of it."""

from datetime import UTC, datetime, timedelta

import pytest

from tasks.aws.window import window_of
from tasks.tool import ToolError

NOW = datetime(2026, 6, 10, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (None, None, (NOW - HOUR, NOW)),
        ("2026-06-10T09:00:00Z", None, (NOW - 3 * HOUR, NOW)),
        (None, "2026-06-10T10:00:00Z", (NOW - 3 * HOUR, NOW - 2 * HOUR)),
        ("2026-06-10T11:00:00+02:00", "2026-06-10T10:00:00+00:00", (NOW - 3 * HOUR, NOW - 2 * HOUR)),
        ("2026-06-10T09:00:00Z", "2026-06-11T00:00:00Z", (NOW - 3 * HOUR, NOW)),
    ],
)
def test_a_window_is_what_was_said_and_ends_now_at_the_latest(
    start: str | None, end: str | None, expected: tuple[datetime, datetime]
):
    """Ours: offsets count, and the future has no lines."""
    assert window_of(start, end, HOUR, longest=timedelta(days=7), now=NOW) == expected


@pytest.mark.parametrize(
    ("start", "end", "words"),
    [
        ("yesterday", None, "start 'yesterday' is not a time in ISO 8601"),
        (None, "12:00", "end '12:00' is not a time"),
        ("2026-06-10T09:00:00", None, "start .* has no time zone: add Z"),
        ("2026-06-10T10:00:00Z", "2026-06-10T09:00:00Z", "start .* is not before end"),
        ("2026-06-10T10:00:00Z", "2026-06-10T10:00:00Z", "start .* is not before end"),
        ("2026-06-10T13:00:00Z", None, "in the future"),
        ("2026-06-01T00:00:00Z", None, "more than 7 days apart"),
        ("0001-01-01T00:00:00+14:00", None, "start .* is out of range"),
        (None, "0001-01-01T00:00:01Z", "end .* is out of range"),
    ],
)
def test_a_time_that_makes_no_sense_is_refused_by_its_name(start: str | None, end: str | None, words: str):
    """Ours: the sentence says which argument, and what would be right."""
    with pytest.raises(ToolError, match=words):
        window_of(start, end, HOUR, longest=timedelta(days=7), now=NOW)
