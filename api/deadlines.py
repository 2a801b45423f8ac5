"""Requests that never finish are ended: uvicorn waits for their rest for ever, and each holds a connection.

It also takes headers of any size, and those behind a body as well; ours have a most, and stand before it.

Headers have a deadline on the connection, a body one where it is read. An answer has none: it may stream for hours.
"""

import asyncio
import re
from datetime import timedelta
from typing import Any, ClassVar, Final

from litestar.types import Message, Receive, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

AFTERWARDS: Final = 1.0
"""Seconds in which a request whose body is late is told so, before its connection is cut."""
MOST_HEAD: Final = 64 * 1024
"""Bytes that may come before the parser makes something of them; what one read brings is taken whole."""
_TOO_LARGE: Final = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
_LATE: Final = b"The request body did not arrive in time"


class PatientProtocol(HttpToolsProtocol):
    """Closes a connection whose headers or body do not arrive in time."""

    headers_within: ClassVar[float]
    """Seconds from a connection, or the first byte of its next request, to the end of the headers."""
    body_within: ClassVar[float]
    """Seconds from there to the end of the body."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401  # uvicorn's own
        super().__init__(*args, **kwargs)
        self._deadline: asyncio.TimerHandle | None = None
        self._in_head = False
        self._unread = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]  # as uvicorn has it
        super().connection_made(transport)
        self._expect(self.headers_within)

    def data_received(self, data: bytes) -> None:
        self._unread += len(data)
        super().data_received(data)
        # RFC 6585 5: the parser keeps a header until it is whole, and all of them until they are complete.
        if self._unread > MOST_HEAD and not self.transport.is_closing():
            self.transport.write(_TOO_LARGE)
            self.transport.close()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = True
        self._expect(self.headers_within)

    def on_headers_complete(self) -> None:
        self._forget()
        self._in_head, self._unread = False, 0
        if not self.url.startswith((b"/", b"*")):
            self._take_host_from_target()
        super().on_headers_complete()
        # Whoever was answered before the whole body came might never send it: 408 is said first where it can be.
        self._expect(self.body_within + AFTERWARDS)

    def on_header(self, name: bytes, value: bytes) -> None:
        # RFC 9110 6.5.1: what stands in a trailer is no header. A proxy that sets one may not have seen it.
        if self._in_head:
            super().on_header(name, value)

    def on_body(self, body: bytes) -> None:
        self._unread = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._forget()
        self._unread = 0
        super().on_message_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget()
        super().connection_lost(exc)

    def _take_host_from_target(self) -> None:
        """RFC 9112 3.2.2: a target in absolute form says which host is meant, and the Host header does not count."""
        authority = re.split(rb"[/?#]", self.url.partition(b"://")[2], maxsplit=1)[0]
        self.headers[:] = [*((name, value) for name, value in self.headers if name != b"host"), (b"host", authority)]

    def _expect(self, within: float) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(within, self.transport.abort)

    def _forget(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def patient(*, headers: timedelta, body: timedelta) -> type[PatientProtocol]:
    """The protocol that waits so long for headers and for a body."""
    within = {"headers_within": headers.total_seconds(), "body_within": body.total_seconds()}
    return type("Patient", (PatientProtocol,), within)


class TimedBody:
    """Both sides of a request whose body has a deadline. Once it is late, 408 is all the client gets."""

    def __init__(self, receive: Receive, send: Send, *, within: timedelta) -> None:
        self._receive = receive
        self._send = send
        self._until = asyncio.get_running_loop().time() + within.total_seconds()
        self._whole = False
        self._late = False
        self._answered = False

    async def receive(self) -> Any:  # noqa: ANN401  # an ASGI event
        if self._whole:
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._until):
                event: Any = await self._receive()
        except TimeoutError:
            await self._refuse()
            return {"type": "http.disconnect"}
        self._whole = event["type"] != "http.request" or not event.get("more_body", False)
        return event

    async def send(self, message: Message) -> None:
        if self._late:
            return
        self._answered = True
        await self._send(message)

    async def _refuse(self) -> None:
        self._whole = True
        if self._answered:
            return
        self._late = True
        headers = [
            (b"content-type", b"text/plain; charset=utf-8"),
            (b"content-length", str(len(_LATE)).encode()),
            (b"connection", b"close"),
        ]
        await self._send({"type": "http.response.start", "status": 408, "headers": headers})
        await self._send({"type": "http.response.body", "body": _LATE, "more_body": False})
