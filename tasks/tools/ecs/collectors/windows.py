"""Which times to read of a log that may have more lines than anybody can read: whole, or its edges and its worst."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

MINUTE: Final = 60_000
ROOM: Final = 9_000
"""Lines that one query is planned for: it gives 10,000, and more may be written meanwhile."""

Minutes = Sequence[tuple[int, int]]
"""When a minute began (milliseconds), and how many lines it has."""


@dataclass(frozen=True)
class Span:
    """From *start*, until before *end*; milliseconds, whole seconds."""

    start: int
    end: int
    lines: int


def spans(minutes: Minutes, *, most: int, room: int = ROOM) -> list[Span]:
    """The times to read, in their order, of at most about *most* lines; each has *room* for its lines.

    When there are more, the fullest minute is read, the newest, and the first; then newer ones before older ones.
    """
    cut = [span for minute, lines in sorted(minutes) if lines for span in _cut(minute, lines, room)]
    if sum(span.lines for span in cut) > most:
        cut = _chosen(cut, most)
    return _joined(cut, room)


def _cut(minute: int, lines: int, room: int) -> list[Span]:
    """A minute in pieces of whole seconds that have room for their share."""
    pieces = min(60, -(-lines // room))
    edges = [minute + piece * MINUTE // pieces // 1000 * 1000 for piece in range(pieces)] + [minute + MINUTE]
    share, more = divmod(lines, pieces)
    return [Span(start, end, share + (number < more)) for number, (start, end) in enumerate(pairwise(edges))]


def _chosen(cut: list[Span], most: int) -> list[Span]:
    # Where a minute is full its pieces are: at the edges of a flood half of them may be empty.
    fullest = max(range(len(cut)), key=lambda number: cut[number].lines / (cut[number].end - cut[number].start))
    wanted = [fullest, len(cut) - 1, 0, *reversed(range(len(cut)))]
    chosen: set[int] = set()
    left = most
    for number in wanted:
        if number not in chosen and (cut[number].lines <= left or not chosen):
            chosen.add(number)
            left -= cut[number].lines
    return [cut[number] for number in sorted(chosen)]


def _joined(cut: list[Span], room: int) -> list[Span]:
    """Neighbours in one query, as far as it has room."""
    joined: list[Span] = []
    for span in cut:
        last = joined[-1] if joined else None
        if last and last.end == span.start and last.lines + span.lines <= room:
            joined[-1] = Span(last.start, span.end, last.lines + span.lines)
        else:
            joined.append(span)
    return joined
