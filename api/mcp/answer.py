"""One HTTP response to one JSON-RPC request: JSON when it is quick and silent, else a stream.

The handler runs in the request's own task. Nothing is sent until it says something, returns, or has been silent for a
short grace; so the statuses the spec wants (400, 404) still reach quick refusals, and a long silence still shows life.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any, Final, Literal

import anyio
import structlog
from litestar.types import HTTPResponseBodyEvent, HTTPResponseStartEvent, Receive, Send
from sse_starlette import ServerSentEvent

from api.errors import encode

WATCH_AFTER: Final = 0.05
"""Seconds until a request is worth a watcher; most are answered before."""
GRACE: Final = 1.0
"""Seconds of silence until the response becomes a stream."""
KEEP_ALIVE: Final = 10.0
"""Seconds between two comments on a silent stream: under the 15 s that proxies and clients count on."""

LAST_WORD: Final = 5.0
"""Seconds that a client which does not read can hold up the end of its stream."""
RETRY: Final = 500
"""Milliseconds a client waits before it comes back for the rest of a stream."""

Why = Literal["disconnected", "cancelled", "stopping", "detached", "ended", "replaced", "revoked"]
"""Why a response ends before its time: `detached` means that its client comes back for the rest, on any replica."""

SSE_HEADERS: Final = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache, no-transform"),
    (b"x-accel-buffering", b"no"),
]
JSON_HEADERS: Final = [(b"content-type", b"application/json")]

log = structlog.get_logger(__name__)


class Answer:
    """Writes one response. *streams* says whether the client accepts an event stream.

    *prefers_stream* says that it would rather have one than JSON.
    """

    def __init__(self, receive: Receive, send: Send, *, streams: bool, prefers_stream: bool = False) -> None:
        self.headers: dict[str, str] = {}
        self.streams = streams
        self._prefers_stream = prefers_stream
        self.prime: str | None = None
        """The id a stream begins with, for clients that come back by it even before the first event."""
        self.before_start: Callable[[], Awaitable[None]] | None = None
        """Called once, before the first byte of a stream."""
        self.resumable = False
        """Whether the client has got an id to come back by."""
        self._receive = receive
        self._send = send
        self._lock = asyncio.Lock()
        self._started = False
        self._gone = False
        self._last = 0.0

    @property
    def is_stream(self) -> bool:
        """Whether the answer is an event stream, or will be when it is a result."""
        return self._prefers_stream or self._last > 0

    def _extra(self) -> list[tuple[bytes, bytes]]:
        return [(name.encode(), value.encode()) for name, value in self.headers.items()]

    async def event(self, message: Mapping[str, Any], event_id: str | None = None) -> None:
        """Stream one JSON-RPC message now; dropped when the client takes no stream or has left."""
        if self.streams:
            await self._write(_frame(message, event_id))
            self.resumable = self.resumable or event_id is not None

    async def finish(self, message: Mapping[str, Any], *, status: int, event_id: str | None = None) -> None:
        """The last message: an event of the stream, or the JSON body if there is none."""
        if self._started or (self._prefers_stream and status == HTTPStatus.OK):
            await self._write(_frame(message, event_id), last=True)
        else:
            await self.json(encode(message), status=status)

    async def open(self) -> None:
        """Start the stream before there is an event, so that the client knows it is there."""
        await self._write(b"" if self.prime else ServerSentEvent(comment="open").encode())

    async def comment(self, text: str) -> None:
        await self._write(ServerSentEvent(comment=text).encode())

    async def detach(self) -> None:
        """End the stream so that the client comes back for the rest (2025-11-25, transports: `retry`)."""
        if not self._gone and (self._started or self.streams):
            with anyio.move_on_after(LAST_WORD):
                await self._write(ServerSentEvent(retry=RETRY).encode() if self._started else b"", last=True)

    async def json(self, body: bytes, *, status: int) -> None:
        self._started = True
        headers = [*JSON_HEADERS, *self._extra(), (b"content-length", str(len(body)).encode())]
        await self._send(_start(status, headers))
        await self._send(_body(body, last=True))

    async def empty(self, status: int) -> None:
        self._started = True
        await self._send(_start(status, [*self._extra(), (b"content-length", b"0")]))
        await self._send(_body(b"", last=True))

    async def end(self) -> None:
        """End the response without another message."""
        with anyio.move_on_after(LAST_WORD):
            async with self._lock:
                if self._started and not self._gone:
                    self._gone = True
                    await self._send(_body(b"", last=True))

    def mute(self) -> None:
        """Send nothing more: the client listens elsewhere."""
        self._gone = True

    async def keep_alive(self) -> None:
        """Show life on a silent stream, for as long as this runs; starts the stream after the grace."""
        if not self.streams:
            return
        await asyncio.sleep(GRACE - WATCH_AFTER)
        if not self._started:
            await self._write(ServerSentEvent(comment="working").encode())
        loop = asyncio.get_running_loop()
        while not self._gone:
            await asyncio.sleep(max(0.1, self._last + KEEP_ALIVE - loop.time()))
            if loop.time() - self._last >= KEEP_ALIVE:
                await self._write(ServerSentEvent(comment="keep-alive").encode())

    async def disconnected(self) -> None:
        """Return when the client has left."""
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._gone = True

    async def _write(self, frame: bytes, *, last: bool = False) -> None:
        async with self._lock:
            if self._gone:
                return
            if not self._started:
                self._started = True
                frame = await self._begin() + frame
            self._gone = last
            await self._send(_body(frame, last=last))
            self._last = asyncio.get_running_loop().time()

    async def _begin(self) -> bytes:
        """Send the head of a stream; the answer is what its body begins with."""
        if self.before_start:
            await self.before_start()
        await self._send(_start(200, [*SSE_HEADERS, *self._extra()]))
        if self.prime is None:
            return b""
        self.resumable = True
        return ServerSentEvent(data="", id=self.prime, retry=RETRY).encode()


def _frame(message: Mapping[str, Any], event_id: str | None) -> bytes:
    return ServerSentEvent(encode(message).decode(), event="message", id=event_id).encode()


def _start(status: int, headers: list[tuple[bytes, bytes]]) -> HTTPResponseStartEvent:
    return {"type": "http.response.start", "status": status, "headers": headers}


def _body(body: bytes, *, last: bool) -> HTTPResponseBodyEvent:
    return {"type": "http.response.body", "body": body, "more_body": not last}
