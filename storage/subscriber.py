"""One pub/sub connection per process, however many readers.

A reader subscribes and waits for the acknowledgement, reads the log after the last id it has, then takes live
messages and drops ids it has seen. After a lost connection all is subscribed again: every acknowledgement is therefore
a reason to read the log. A publish can be lost silently too, so a tick compares each log with its reader.
"""

import asyncio
import contextlib
import math
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from datetime import timedelta
from typing import Final, Self

import structlog

from storage.background import cancel_all
from storage.connection import Channel, Redis, RedisError, Unavailable, channel, count_subscribers
from storage.events import Entry, order, replay

TICK: Final = timedelta(seconds=2)
BUFFERED: Final = 32
"""Entries a reader may have waiting; a slow one reads the log again instead of having more."""
CHUNK: Final = 200
"""Logs compared in one round trip of the tick."""
ACKNOWLEDGED_WITHIN: Final = timedelta(seconds=10)
FIRST_PAUSE: Final = 0.05
LONGEST_PAUSE: Final = 1.0

log = structlog.get_logger(__name__)


class Reader:
    """The entries of one log in order, each once: first what is stored, then what arrives."""

    def __init__(self, redis: Redis, name: str, after: str, wake: asyncio.Event | None = None) -> None:
        self.name = name
        self.last = after
        self.began = int(time.time() * 1000)
        """When it was asked for, as entries tell the time."""
        self._redis = redis
        self._stored: deque[Entry] = deque()
        self._live: deque[Entry] = deque()
        self._behind = True
        self._wake = wake or asyncio.Event()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Entry:
        while True:
            self._wake.clear()
            if entry := await self.take():
                return entry
            await self._wake.wait()

    async def take(self) -> Entry | None:
        """The next entry if there is one now."""
        while self._stored or self._behind or self._live:
            if self._stored:
                entry = self._stored.popleft()
            elif self._behind:
                if await self._catch_up():
                    continue
                return None
            else:
                entry = self._live.popleft()
            if order(entry[0]) > order(self.last):
                self.last = entry[0]
                return entry
        return None

    def push(self, entry: Entry) -> None:
        """Take a live entry; when too many wait, drop them all and read the log instead."""
        if len(self._live) >= BUFFERED:
            self._live.clear()
            self._behind = True
        elif not self._behind:
            self._live.append(entry)
        self._wake.set()

    def refresh(self) -> None:
        """Something may have been missed: read the log before the next live entry."""
        self._behind = True
        self._wake.set()

    async def _catch_up(self) -> bool:
        """Read what is stored; False while Redis is away: the next acknowledgement or tick comes when it is back."""
        self._behind = False
        try:
            self._stored.extend(await replay(self._redis, self.name, after=self.last, count=BUFFERED))
        except Unavailable:
            self._behind = True
            return False
        except asyncio.CancelledError:
            self._behind = True
            raise
        self._behind = self._behind or len(self._stored) == BUFFERED
        return True


class Merged:
    """The entries of several logs as they come, each with the name of its log."""

    def __init__(self, readers: Sequence[Reader], wake: asyncio.Event) -> None:
        self._readers = readers
        self._wake = wake

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> tuple[str, Entry]:
        while True:
            self._wake.clear()
            for reader in self._readers:
                if entry := await reader.take():
                    return reader.name, entry
            await self._wake.wait()


class Subscriber:
    """All readers and listeners of one process on one connection. Use as an async context manager.

    One task owns the connection: it alone connects and disconnects. What is wanted is a set; a command is only a
    wish to have the set obeyed sooner than at the next connection.
    """

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._readers: dict[str, set[Reader]] = {}
        self._listeners: dict[str, Callable[[bytes], None]] = {}
        self._acknowledged: dict[str, asyncio.Event] = {}
        """The channels that are wanted, and whether Redis has said yes."""
        self._leaving: dict[str, asyncio.Event] = {}
        """The channels that Redis may still count us on."""
        self._commands: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
        self._work: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self._work = [asyncio.create_task(self._stay_connected()), asyncio.create_task(self._tick())]
        return self

    async def __aexit__(self, *_: object) -> None:
        await cancel_all(self._work)

    @contextlib.asynccontextmanager
    async def follow(self, name: str, *, after: str = "0-0") -> AsyncGenerator[Reader]:
        """Read the log *name* after the id *after*, and go on as it grows; subscribed when this returns."""
        async with self._reading(Reader(self._redis, name, after)) as reader:
            yield reader

    @contextlib.asynccontextmanager
    async def follow_all(self, after: Mapping[str, str]) -> AsyncGenerator[Merged]:
        """Follow several logs at once, each after the id given with its name."""
        wake = asyncio.Event()
        readers = [Reader(self._redis, name, last, wake) for name, last in after.items()]
        async with contextlib.AsyncExitStack() as reading:
            for reader in readers:
                await reading.enter_async_context(self._reading(reader))
            yield Merged(readers, wake)

    @contextlib.asynccontextmanager
    async def _reading(self, reader: Reader) -> AsyncGenerator[Reader]:
        readers = self._readers.setdefault(reader.name, set())
        readers.add(reader)
        try:
            await self._ensure(reader.name)
            yield reader
        finally:
            readers.discard(reader)
            if not readers and self._readers.get(reader.name) is readers:
                del self._readers[reader.name]
                del self._acknowledged[reader.name]
                self._leaving.setdefault(reader.name, asyncio.Event())
                self._commands.put_nowait(("UNSUBSCRIBE", reader.name))

    async def count_readers(self, name: str) -> int:
        """How many read the log *name*: each reader here, and every other process that has one."""
        if leaving := self._leaving.get(name):
            async with asyncio.timeout(ACKNOWLEDGED_WITHIN.total_seconds()):
                await leaving.wait()
        connections = await count_subscribers(self._redis, name)
        acknowledged = self._acknowledged.get(name)
        ours = acknowledged is not None and acknowledged.is_set()
        return len(self._readers.get(name, ())) + max(0, connections - ours)

    def listen(self, name: str, callback: Callable[[bytes], None]) -> None:
        """Call *callback* with every message of the channel *name* from soon on; hints, lost while Redis is away."""
        self._listeners[name] = callback
        self._want(name)

    def _have_left(self, *names: str) -> None:
        for name in names:
            if left := self._leaving.pop(name, None):
                left.set()

    async def _ensure(self, name: str) -> None:
        """Subscribe unless done, and wait for the acknowledgement. TimeoutError when Redis does not answer."""
        self._want(name)
        async with asyncio.timeout(ACKNOWLEDGED_WITHIN.total_seconds()):
            await self._acknowledged[name].wait()

    def _want(self, name: str) -> None:
        if name not in self._acknowledged:
            self._acknowledged[name] = asyncio.Event()
            self._commands.put_nowait(("SUBSCRIBE", name))

    async def _stay_connected(self) -> None:
        pause = FIRST_PAUSE
        while True:
            connection = channel(self._redis)
            try:
                async with asyncio.timeout(ACKNOWLEDGED_WITHIN.total_seconds()):
                    await connection.connect()
                pause = FIRST_PAUSE
                self._have_left(*self._leaving)
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._write(connection))
                    group.create_task(self._read(connection))
            except* (RedisError, *Unavailable) as errors:
                log.warning("pub/sub connection lost", error=str(errors.exceptions[0]))
            finally:
                await connection.disconnect(nowait=True)
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    async def _write(self, connection: Channel) -> None:
        """Subscribe to all that is wanted, then to what is wanted next."""
        while not self._commands.empty():
            self._commands.get_nowait()
        if wanted := list(self._acknowledged):
            await connection.send_command("SUBSCRIBE", *wanted, check_health=False)
        while True:
            command = await self._commands.get()
            await connection.send_command(*command, check_health=False)

    async def _read(self, connection: Channel) -> None:
        while True:
            frame = await connection.read_response(timeout=math.inf, disconnect_on_error=False, push_request=True)
            self._handle(*frame)

    def _handle(self, kind: bytes, raw_name: bytes, data: bytes) -> None:
        name = raw_name.decode()
        if kind == b"unsubscribe":
            self._have_left(name)
        elif kind == b"subscribe":
            if acknowledged := self._acknowledged.get(name):
                acknowledged.set()
            for reader in self._readers.get(name, ()):
                reader.refresh()
        elif kind == b"message":
            if listener := self._listeners.get(name):
                listener(data)
            if readers := self._readers.get(name):
                entry_id, _, payload = data.partition(b" ")
                for reader in readers:
                    reader.push((entry_id.decode(), payload))

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK.total_seconds())
            names = list(self._readers)
            for start in range(0, len(names), CHUNK):
                try:
                    await self._compare(names[start : start + CHUNK])
                except (RedisError, *Unavailable) as error:
                    log.warning("could not compare logs with their readers", error=str(error))

    async def _compare(self, names: list[str]) -> None:
        """Ask for the newest entry of each log, and wake the readers that have not seen it."""
        async with self._redis.pipeline(transaction=False) as pipe:
            for name in names:
                pipe.xrevrange(name, count=1)
            newest = await pipe.execute()
        for name, rows in zip(names, newest, strict=True):
            for reader in self._readers.get(name, ()):
                if rows and order(rows[0][0].decode()) > order(reader.last):
                    reader.refresh()
