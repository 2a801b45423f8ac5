"""The SDK's request-scoped channel (`DispatchContext`) on top of one HTTP response, and how a request is stopped."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import anyio
import structlog
from mcp import MCPError
from mcp.server.runner import modern_error_data
from mcp.shared.dispatcher import CallOptions
from mcp.shared.exceptions import NoBackChannelError
from mcp.shared.message import MessageMetadata, ServerMessageMetadata
from mcp.shared.transport_context import TransportContext
from mcp.types import ErrorData, RequestId
from mcp.types.version import is_version_at_least
from pydantic import ValidationError

from api.errors import (
    REDIS_AWAY,
    REQUEST_CANCELLED,
    SERVER_STOPPING,
    SESSION_ENDED,
    error_message,
    result_message,
    status_of,
)
from api.mcp.answer import WATCH_AFTER, Answer, Why
from api.mcp.backchannel import BackChannel
from api.mcp.caller import Caller
from api.mcp.cursor import StreamCursor
from api.mcp.explain import invalid_params
from api.mcp.translate import Audience, question_id
from storage.connection import Unavailable
from storage.records import Principal, Session, new_id
from storage.streams import LEASE

log = structlog.get_logger(__name__)

PRIMED_SINCE = "2025-11-25"
"""The first version whose clients come back for a stream that ended early; older ones choke on an empty event."""

_STOPPED = {
    "cancelled": ErrorData(code=REQUEST_CANCELLED, message="Request cancelled"),
    "stopping": ErrorData(code=SERVER_STOPPING, message="The server is being stopped. Call again."),
    "ended": ErrorData(code=SESSION_ENDED, message="The session was ended. Send initialize again."),
}


@dataclass(eq=False)
class Exchange:
    """One request while it is being answered. Satisfies `mcp.shared.dispatcher.DispatchContext` and `Line`."""

    request_id: RequestId
    answer: Answer
    principal: Principal
    audience: Audience
    headers: Mapping[str, str]
    params: Mapping[str, Any] | None = None
    session: Session | None = None
    """None in the stateless era, whose client cancels by leaving; with a session the work goes on."""
    back: BackChannel | None = None
    """Given with the session."""
    cancel_requested: anyio.Event = field(default_factory=anyio.Event)
    stream: str = field(default_factory=new_id)
    why: Why | None = None
    opener: str | None = None
    """None: this is not a standalone stream."""
    _backed: bool = False
    _final: str | None = None
    _asked: int = 0
    _scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)
    _watchers: list[asyncio.Task[None]] = field(default_factory=list[asyncio.Task[None]])

    def __post_init__(self) -> None:
        if self.session and is_version_at_least(self.session.protocol_version, PRIMED_SINCE):
            self.answer.prime = str(StreamCursor(self.stream))
        if self.session:
            self.answer.before_start = self._own

    @property
    def can_send_request(self) -> bool:
        return self.session is not None and self.answer.streams

    @property
    def transport(self) -> TransportContext:
        return TransportContext(
            kind="streamable-http", can_send_request=self.can_send_request, headers=dict(self.headers)
        )

    @property
    def message_metadata(self) -> MessageMetadata:
        caller = Caller(
            principal=self.principal,
            session=self.session,
            audience=self.audience,
            line=self,
            streams=self.answer.streams,
            headers=self.headers,
        )
        return ServerMessageMetadata(
            request_context=caller,
            can_send_request=self.can_send_request,
            close_sse_stream=self._close_sse_stream if self.answer.prime else None,
        )

    @property
    def leaves_work(self) -> bool:
        return self.why == "detached"

    @property
    def is_resumable(self) -> bool:
        """Whether another replica can go on with the response, and the client knows to ask one."""
        return self._backed and (self.answer.resumable or (self.answer.prime is not None and self.answer.streams))

    def back_by_task(self) -> None:
        self._backed = True

    def end_at(self, entry: str) -> None:
        self._final = str(StreamCursor(self.stream, entry)) if self.session else None

    def hang_up(self) -> None:
        if self.answer.prime and self.is_resumable:
            self.stop("detached")

    async def say(self, message: Mapping[str, Any], entry: str | None) -> None:
        with_id = self.session is not None and entry is not None
        await self.answer.event(message, str(StreamCursor(self.stream, entry)) if with_id and entry else None)

    async def notify(self, method: str, params: Mapping[str, Any] | None, opts: CallOptions | None = None) -> None:
        message: dict[str, Any] = {"jsonrpc": "2.0", "method": method}
        if params is not None:
            message["params"] = params
        await self._carry(message)

    async def progress(self, progress: float, total: float | None = None, message: str | None = None) -> None:
        if (token := self.audience.progress_token) is None:
            return
        optional = {"total": total, "message": message}
        given = {name: value for name, value in optional.items() if value is not None}
        await self.notify("notifications/progress", {"progressToken": token, "progress": progress, **given})

    async def send_raw_request(
        self, method: str, params: Mapping[str, Any] | None, opts: CallOptions | None = None
    ) -> dict[str, Any]:
        if not self.can_send_request or self.session is None or self.back is None:
            raise NoBackChannelError(method)
        self._asked += 1
        request_id = question_id(self.stream, f"request-{self._asked}")
        return await self.back.ask(self.session, request_id, (method, params), send=self._carry, opts=opts)

    def stop(self, why: Why) -> None:
        """End the handler now; the first reason decides what the client is told."""
        if self.why is None:
            self.why = why
            self.cancel_requested.set()
            self._scope.cancel()

    async def respond(self, work: Callable[[], Awaitable[dict[str, Any]]]) -> None:
        """Run the handler in this task and send what it returns, or why it did not."""
        timer = asyncio.get_running_loop().call_later(WATCH_AFTER, self._watch)
        message, status = None, 200
        try:
            with self._scope:
                message, status = await self._outcome(work)
        finally:
            timer.cancel()
            for watcher in self._watchers:
                watcher.cancel()
        if message is None and self.why in _STOPPED:
            error = _STOPPED[self.why]
            message, status = error_message(self.request_id, error), status_of(error)
        if message is not None:
            await self._finish(message, status)
        elif self.why == "detached":
            await self.answer.detach()
        else:
            await self.answer.end()

    async def _outcome(self, work: Callable[[], Awaitable[dict[str, Any]]]) -> tuple[dict[str, Any], int]:
        try:
            return result_message(self.request_id, await work()), 200
        except MCPError as error:
            data = error.error
        except ValidationError as error:
            data = invalid_params(error, self.params)
        except Unavailable as error:
            log.warning("store unavailable", error=str(error))
            data = REDIS_AWAY
        except Exception as error:  # noqa: BLE001  # the ASGI edge: the SDK logs it and tells the client nothing of it
            data = modern_error_data(error)
        return error_message(self.request_id, data), status_of(data)

    async def _finish(self, message: Mapping[str, Any], status: int) -> None:
        if self._keeps_log and self.answer.is_stream:
            with contextlib.suppress(*Unavailable):
                self._final = await self._store(message)
        await self.answer.finish(message, status=status, event_id=self._final)

    @property
    def _keeps_log(self) -> bool:
        """Whether this stream has a log of its own, because no task's is it."""
        return self.session is not None and not self._backed and self.answer.streams

    async def _carry(self, message: Mapping[str, Any]) -> None:
        """Store a message, then send it: who comes back on another replica finds it there."""
        event_id = await self._store(message) if self._keeps_log else None
        await self.answer.event(message, event_id)

    async def _store(self, message: Mapping[str, Any]) -> str | None:
        if self.session is None or self.back is None:
            return None
        return str(StreamCursor(self.stream, await self.back.store(self.session, self.stream, message)))

    async def _own(self) -> None:
        """Let other replicas know that somebody works for this stream."""
        if self._keeps_log and self.session and self.back:
            with contextlib.suppress(*Unavailable):
                await self.back.streams.own(self.session, self.stream, self.request_id, now=time.time())

    async def _close_sse_stream(self) -> None:
        self.hang_up()

    def _watch(self) -> None:
        self._watchers = [
            asyncio.create_task(self._watch_connection()),
            asyncio.create_task(self.answer.keep_alive()),
        ]
        if self.session:
            self._watchers.append(asyncio.create_task(self._stay_owner()))

    async def _watch_connection(self) -> None:
        await self.answer.disconnected()
        if self.session is None:
            self.stop("disconnected")
        elif self._backed:
            # The task's log goes on by itself: nobody needs to read it for a client that is not there.
            self.stop("detached")

    async def _stay_owner(self) -> None:
        while True:
            await asyncio.sleep(LEASE.total_seconds() / 3)
            if self.answer.is_stream:
                await self._own()
