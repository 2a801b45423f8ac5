"""What a run has said and Redis has not yet: sent at once, at most 40 times a second, nothing lost.

Between two sends only the newest progress stays, and all that carry what a step made; pieces of text are joined. The
tool's thread is held back when it says more than Redis takes.
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import structlog

from storage.connection import Unavailable
from storage.events import Event, Progress, Text

INTERVAL: Final = 0.025
"""Seconds between two sends of one run."""
WAITING: Final = 1_000_000
"""Characters that may wait before the tool is held back."""
LONGEST_TEXT: Final = 65_536
"""Characters of one event of text: what a reader holds in memory is so many times its buffer."""
MOST_EVENTS: Final = 100
"""Events that may wait: with the interval, 4,000 a second of one run."""
HELD_BACK: Final = 0.5
RETRY: Final = 0.5

Item = tuple[float | None, Event]
"""The progress number that orders the event, if it has one."""

log = structlog.get_logger(__name__)


class Outbox:
    """Takes events from any thread; *send* runs in *loop* and gets them in order with the number of the batch."""

    def __init__(self, loop: asyncio.AbstractEventLoop, send: Callable[[int, Sequence[Item]], Awaitable[None]]) -> None:
        self._loop = loop
        self._send = send
        self._items: list[Item] = []
        self._size = 0
        self._room = threading.Condition()
        self._scheduled = False
        self._sending = asyncio.Lock()
        self._batch = 0
        self._next = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._flush: asyncio.Task[None] | None = None
        self._closed = False

    @property
    def waiting(self) -> int:
        """How many events wait to be sent."""
        return len(self._items)

    def put(self, progress: float | None, event: Event) -> None:
        """Add an event; waits while too much waits to be sent."""
        with self._room:
            while (self._size > WAITING or len(self._items) >= MOST_EVENTS) and not self._closed:
                self._room.wait(HELD_BACK)
            self._size += self._merge(progress, event)
            if self._scheduled or self._closed:
                return
            self._scheduled = True
        self._loop.call_soon_threadsafe(self._schedule)

    async def drain(self) -> None:
        """Send what is left, now."""
        if self._timer:
            self._timer.cancel()
        await self._send_all()

    def close(self) -> None:
        """Take no more: the run has ended, whatever its tool still says."""
        with self._room:
            self._closed = True
            self._items.clear()
            self._room.notify_all()

    def _merge(self, progress: float | None, event: Event) -> int:
        """Put the event in place of the last when that loses nothing; the answer is how much longer it made the box."""
        last = self._items[-1][1] if self._items else None
        if isinstance(event, Progress) and isinstance(last, Progress) and last.data is None:
            self._items[-1] = (progress, event)
            return 0
        if isinstance(event, Text) and isinstance(last, Text) and len(last.text) + len(event.text) <= LONGEST_TEXT:
            self._items[-1] = (progress, Text(text=last.text + event.text, done=event.done, total=event.total))
            return len(event.text)
        self._items.append((progress, event))
        return len(event.text) if isinstance(event, Text) else 100

    def _schedule(self) -> None:
        self._timer = self._loop.call_at(max(self._next, self._loop.time()), self._start)

    def _start(self) -> None:
        self._flush = self._loop.create_task(self._send_all())

    async def _send_all(self) -> None:
        async with self._sending:
            with self._room:
                items, self._items = self._items, []
                self._size = 0
                self._scheduled = False
                self._room.notify_all()
            if not items or self._closed:
                return
            self._batch += 1
            while True:
                try:
                    await self._send(self._batch, items)
                    break
                except Unavailable as error:
                    if self._closed:
                        return
                    log.warning("events wait for Redis", error=str(error))
                    await asyncio.sleep(RETRY)
            self._next = self._loop.time() + INTERVAL
