"""Events of many streams to patterns, in memory that does not grow with the number of events.

What had to be forgotten is counted, so that all counts still add up. Two miners of two streams can be merged; one can
be kept as JSON and go on elsewhere.
"""

from datetime import UTC, datetime
from typing import Any, Final

from tasks.mining import pattern, severity
from tasks.mining.clean import clean
from tasks.mining.pattern import BURST, MINUTE, Pattern
from tasks.mining.traces import Event, Joiner
from tasks.mining.tree import Tree
from tasks.mining.variables import starred

MOST_PATTERNS: Final = 1_000
_LATEST: Final = 253_402_300_799_999
"""The end of the year 9999, as far as datetime goes."""
_MOST_KNOWN: Final = 4_096
_LONGEST_KNOWN: Final = 500


class Miner:
    """Fed line by line with `add`; `flush` says that no line of an open stack trace is to come."""

    def __init__(self, *, most_patterns: int = MOST_PATTERNS) -> None:
        self.lines = 0
        self.blank = 0
        self.events = 0
        """Lines that stand alone, and stack traces."""
        self.first_at: int | None = None
        self.last_at: int | None = None
        self._next = 1
        self._tree = Tree(most_patterns)
        self._joiner = Joiner()
        self._known: dict[str, Pattern] = {}

    @property
    def patterns(self) -> list[Pattern]:
        """In the order in which they were first seen."""
        return list(self._tree)

    @property
    def forgotten(self) -> tuple[int, int]:
        """Patterns that had to make room for others, and their events."""
        return self._tree.forgotten, self._tree.forgotten_events

    def add(self, at: int | datetime, stream: str, line: bytes | str) -> None:
        """*at* is a time or milliseconds since 1970."""
        at = round(at.timestamp() * 1000) if isinstance(at, datetime) else at
        text = clean(line)
        self.lines += 1
        self.blank += not text.strip()
        for event in self._joiner.add(min(max(at, 0), _LATEST), stream[:500], text):
            self._count(event)

    def flush(self) -> None:
        for event in self._joiner.flush():
            self._count(event)

    def merge(self, other: "Miner") -> None:
        """Take in what *other* counted; ids of this one stay, *other* is as it was (but flushed)."""
        self.flush()
        for kept in sorted(other.plain()["patterns"], key=lambda each: each["number"]):
            one = pattern.restored(kept)
            same = self._tree.find(one.tokens, one.severity)
            if same is not None:
                same.merge(one)
                self._tree.touch(same)
                continue
            one.number, self._next = self._next, self._next + 1
            self._tree.insert(one)
        self.lines += other.lines
        self.blank += other.blank
        self.events += other.events
        self._tree.forgotten += other.forgotten[0]
        self._tree.forgotten_events += other.forgotten[1]
        self._saw(other.first_at, other.last_at)

    def find(self, one: Pattern) -> Pattern | None:
        """The pattern here that is like *one* of another miner."""
        return self._tree.find(one.tokens, one.severity)

    def is_new(self, one: Pattern, since: int | None) -> bool:
        """Whether *one* was never seen before *since*, as far as is remembered."""
        return since is not None and one.first[0] >= since

    def rise(self, one: Pattern, since: int, baseline: tuple[int, int]) -> float | None:
        """By what factor *one* is more frequent since then than in *baseline*; None where there is too little to say.

        Where the baseline has none, it counts as one.
        """
        length, before = (self.last_at or 0) + 1 - since, baseline[1] - baseline[0]
        found = one.buckets.between(since, since + length)
        if length <= 0 or before <= 0 or found < BURST:
            return None
        rate = found / max(1.0, length / MINUTE)
        return round(rate / (max(1.0, one.buckets.between(*baseline)) / max(1.0, before / MINUTE)), 1)

    def plain(self) -> dict[str, Any]:
        """As JSON, for a checkpoint. Flushes: a stack trace that goes on afterwards is two events."""
        self.flush()
        return {
            "version": 1,
            "mostPatterns": self._tree.capacity,
            "lines": self.lines,
            "blank": self.blank,
            "events": self.events,
            "span": [self.first_at, self.last_at],
            "next": self._next,
            "forgotten": self.forgotten,
            "patterns": self._tree.plain(),
        }

    @classmethod
    def restored(cls, kept: dict[str, Any]) -> "Miner":
        """The miner that `plain` was taken of."""
        miner = cls(most_patterns=kept["mostPatterns"])
        miner.lines, miner.blank, miner.events = kept["lines"], kept["blank"], kept["events"]
        miner.first_at, miner.last_at = kept["span"]
        for each in kept["patterns"]:
            one, two = each["path"]
            miner._tree.insert(pattern.restored(each), (one, two))
        miner._next = kept["next"]
        miner._tree.forgotten, miner._tree.forgotten_events = kept["forgotten"]
        return miner

    def _count(self, event: Event) -> None:
        self.events += 1
        self._saw(event.at, event.at)
        words = starred(event.summary)
        one = self._known.get(words)
        if one is None or one not in self._tree:
            one = self._found(event, words)
        one.add(event.at, event.text, event.lines)
        self._tree.touch(one)

    def _found(self, event: Event, words: str) -> Pattern:
        parts, level = tuple(words.split(" ")), severity.guess(event.summary)
        one = self._tree.find(parts, level)
        if one is None:
            one = pattern.opened(self._next, parts, level, event.at, event.text)
            self._next += 1
            self._tree.insert(one)
        if len(words) <= _LONGEST_KNOWN:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            self._known[words] = one
        return one

    def _saw(self, first: int | None, last: int | None) -> None:
        if first is not None and (self.first_at is None or first < self.first_at):
            self.first_at = first
        if last is not None and (self.last_at is None or last > self.last_at):
            self.last_at = last


def moment(at: int) -> str:
    """Milliseconds as ISO 8601, UTC; a time that no calendar has is the nearest that it has."""
    return (
        datetime.fromtimestamp(min(max(at, 0), _LATEST) / 1000, UTC)
        .isoformat(timespec="milliseconds")
        .replace("+00:00", "Z")
    )
