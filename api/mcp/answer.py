"""One HTTP response to one JSON-RPC request: JSON when it is quick and silent, else a stream.

The handler runs in the request's own task. Nothing is sent until it says something, returns, or has been silent for a
short grace; so the statuses the spec wants (400, 404) still reach quick refusals, and a long silence still shows life.
"""

import asyncio
from collections.abc import Mapping
from typing import Any, Final, Literal

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

Why = Literal["disconnected", "cancelled", "stopping"]

SSE_HEADERS: Final = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache, no-transform"),
    (b"x-accel-buffering", b"no"),
]
JSON_HEADERS: Final = [(b"content-type", b"application/json")]

log = structlog.get_logger(__name__)


class Answer:
    """Writes one response. *streams* says whether the client accepts an event stream."""

    def __init__(self, receive: Receive, send: Send, *, streams: bool) -> None:
        self.headers: dict[str, str] = {}
        self._receive = receive
        self._send = send
        self._streams = streams
        self._lock = asyncio.Lock()
        self._started = False
        self._gone = False
        self._last = 0.0

    def _extra(self) -> list[tuple[bytes, bytes]]:
        return [(name.encode(), value.encode()) for name, value in self.headers.items()]

    async def event(self, message: Mapping[str, Any]) -> None:
        """Stream one JSON-RPC message now; dropped when the client takes no stream or has left."""
        if self._streams:
            await self._write(ServerSentEvent(encode(message).decode(), event="message").encode())

    async def finish(self, message: Mapping[str, Any], *, status: int) -> None:
        """The last message: an event of the stream, or the JSON body if there is none."""
        if self._started:
            frame = ServerSentEvent(encode(message).decode(), event="message").encode()
            await self._write(frame, last=True)
        else:
            await self.json(encode(message), status=status)

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
        if self._started and not self._gone:
            await self._send(_body(b"", last=True))

    async def keep_alive(self) -> None:
        """Show life on a silent stream, for as long as this runs; starts the stream after the grace."""
        if not self._streams:
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
                await self._send(_start(200, [*SSE_HEADERS, *self._extra()]))
            await self._send(_body(frame, last=last))
            self._last = asyncio.get_running_loop().time()


def _start(status: int, headers: list[tuple[bytes, bytes]]) -> HTTPResponseStartEvent:
    return {"type": "http.response.start", "status": status, "headers": headers}


def _body(body: bytes, *, last: bool) -> HTTPResponseBodyEvent:
    return {"type": "http.response.body", "body": body, "more_body": not last}
