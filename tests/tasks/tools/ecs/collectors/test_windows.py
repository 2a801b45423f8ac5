"""Which times of a log are read."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.tools.ecs.collectors.windows import MINUTE, Span, spans

BEGIN = 1_790_000_040_000 // MINUTE * MINUTE

counted = st.dictionaries(st.integers(0, 1_440), st.integers(0, 200_000), max_size=40).map(
    lambda counts: [(BEGIN + minute * MINUTE, lines) for minute, lines in counts.items()]
)
rooms = st.integers(5_000, 9_000)


def total(found: list[Span]) -> int:
    return sum(span.lines for span in found)


@settings(deadline=None)
@given(counted, rooms)
def test_all_is_read_when_there_is_no_more_than_may_be(minutes: list[tuple[int, int]], room: int):
    """Ours: not a line is left out, and none is asked for twice."""
    lines = sum(count for _, count in minutes)

    found = spans(minutes, most=lines, room=room)

    assert total(found) == lines
    for minute, count in minutes:
        covered = [span for span in found if span.start < minute + MINUTE and minute < span.end]
        assert bool(covered) == bool(count)


@settings(deadline=None)
@given(counted, rooms, st.integers(1_000, 1_000_000))
def test_spans_are_in_order_apart_and_of_whole_seconds(minutes: list[tuple[int, int]], room: int, most: int):
    """AWS: the API's times are seconds; ours: a line is in one span."""
    found = spans(minutes, most=most, room=room)

    assert all(span.start < span.end for span in found)
    assert all(before.end <= after.start for before, after in pairwise(found))
    assert all(edge % 1_000 == 0 for span in found for edge in (span.start, span.end))


@settings(deadline=None)
@given(counted, rooms, st.integers(1_000, 1_000_000))
def test_no_span_is_planned_for_more_than_a_query_gives(minutes: list[tuple[int, int]], room: int, most: int):
    """AWS: 10,000 rows; a minute has no more than 60 pieces."""
    assert all(span.lines <= room for span in spans(minutes, most=most, room=room))


@settings(deadline=None)
@given(counted, rooms, st.integers(20_000, 1_000_000))
def test_of_too_many_lines_the_newest_are_read_and_no_more_than_may_be(
    minutes: list[tuple[int, int]], room: int, most: int
):
    """Ours: what is happening now matters most."""
    found = spans(minutes, most=most, room=room)

    spoken = [minute for minute, lines in minutes if lines]
    assert total(found) <= most
    if spoken:
        assert found[-1].end == max(spoken) + MINUTE


def test_the_first_and_the_fullest_minute_are_read_when_not_all_is():
    """Ours: how it began, and its worst."""
    minutes = [(BEGIN + number * MINUTE, 5_000 if number == 20 else 1_000) for number in range(60)]

    found = spans(minutes, most=10_000)

    assert found[0].start == BEGIN
    assert any(span.start <= BEGIN + 20 * MINUTE < span.end for span in found)
    assert found[-1].end == BEGIN + 60 * MINUTE
    assert total(found) == 10_000


def test_a_minute_that_is_too_full_is_cut_into_seconds():
    """AWS: a query gives no more than 10,000 rows."""
    found = spans([(BEGIN, 48_000)], most=100_000, room=9_000)

    assert [span.lines for span in found] == [8_000] * 6
    assert [(span.start - BEGIN) // 1_000 for span in found] == [0, 10, 20, 30, 40, 50]


def test_quiet_neighbours_are_one_query():
    """Ours: a query costs time, whatever it finds; a minute in which nothing was said parts them."""
    found = spans([(BEGIN, 10), (BEGIN + MINUTE, 20), (BEGIN + 3 * MINUTE, 5)], most=100)

    assert found == [Span(BEGIN, BEGIN + 2 * MINUTE, 30), Span(BEGIN + 3 * MINUTE, BEGIN + 4 * MINUTE, 5)]


def test_nothing_said_is_nothing_read():
    """Ours."""
    assert spans([], most=100) == spans([(BEGIN, 0)], most=100) == []
