"""Log groups: what was logged when. One that is made of a rule holds a million events in no memory."""

import bisect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from types import MappingProxyType
from typing import Final, NamedTuple, Protocol

OVERHEAD: Final = 26
"""Bytes that CloudWatch Logs counts of each event beside its message (PutLogEvents)."""


class Event(NamedTuple):
    """*at* in milliseconds since 1970; *more* are the fields that Insights finds in a JSON message."""

    at: int
    stream: str
    message: str
    more: Mapping[str, str] = MappingProxyType({})

    @property
    def size(self) -> int:
        return len(self.message.encode(errors="replace")) + OVERHEAD


class Lines(Protocol):
    """A log group. Windows are in milliseconds, both ends belong to them."""

    def events(self, start: int, end: int, *, newest_first: bool = False) -> Iterator[Event]: ...

    def size(self, start: int, end: int) -> tuple[int, int]:
        """Events in the window, and their bytes."""
        ...


@dataclass
class Written:
    """Events in a list."""

    _events: list[Event] = field(default_factory=list[Event])

    def add(self, *events: Event) -> None:
        self._events.extend(events)
        self._events.sort(key=lambda event: event.at)

    def events(self, start: int, end: int, *, newest_first: bool = False) -> Iterator[Event]:
        found = self._within(start, end)
        return iter(reversed(found) if newest_first else found)

    def size(self, start: int, end: int) -> tuple[int, int]:
        found = self._within(start, end)
        return len(found), sum(event.size for event in found)

    def _within(self, start: int, end: int) -> list[Event]:
        first = bisect.bisect_left(self._events, start, key=lambda event: event.at)
        return self._events[first : bisect.bisect_right(self._events, end, key=lambda event: event.at)]


@dataclass
class Flood:
    """*rate* events in each second from *start* on, *count* in all, in the same few patterns; each has one number."""

    start: datetime
    count: int
    rate: int
    templates: Sequence[str]
    streams: Sequence[str]
    beside: Written = field(default_factory=Written)
    """What else the group holds."""

    @cached_property
    def first(self) -> int:
        """When it began, in milliseconds since 1970."""
        return round(self.start.timestamp() * 1000)

    def at(self, index: int) -> int:
        return self.first + index * 1000 // self.rate

    def event(self, index: int) -> Event:
        template = self.templates[index % len(self.templates)]
        stream = self.streams[index // len(self.templates) % len(self.streams)]
        return Event(self.at(index), stream, template % (1_000_000 + index))

    def events(self, start: int, end: int, *, newest_first: bool = False) -> Iterator[Event]:
        """What stands beside it comes in its place: the flood in the stretches between."""
        for other in self.beside.events(start, end, newest_first=newest_first):
            if newest_first:
                yield from self._own(other.at, end, newest_first=True)
                end = other.at - 1
            else:
                yield from self._own(start, other.at - 1)
                start = other.at
            yield other
        yield from self._own(start, end, newest_first=newest_first)

    def _own(self, start: int, end: int, *, newest_first: bool = False) -> Iterator[Event]:
        indexes = self._within(start, end)
        return map(self.event, reversed(indexes) if newest_first else indexes)

    def size(self, start: int, end: int) -> tuple[int, int]:
        count, size = self.beside.size(start, end)
        within = len(self._within(start, end))
        each = sum(len(template % 1_000_000) for template in self.templates) / len(self.templates) + OVERHEAD
        return count + within, size + round(within * each)

    def _within(self, start: int, end: int) -> range:
        """The indexes of the events in the window."""
        every = range(self.count)
        return range(bisect.bisect_left(every, start, key=self.at), bisect.bisect_right(every, end, key=self.at))
