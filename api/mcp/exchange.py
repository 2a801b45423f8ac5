"""The SDK's request-scoped channel (`DispatchContext`) on top of one HTTP response, and how a request is stopped."""

import asyncio
import contextlib
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
from pydantic import ValidationError

from api import refusals
from api.errors import (
    DAMAGED,
    REDIS_AWAY,
    REQUEST_CANCELLED,
    REVOKED,
    SERVER_STOPPING,
    SESSION_ENDED,
    error_message,
    result_message,
    status_of,
)
from api.mcp.answer import WATCH_AFTER, Answer, Why
from api.mcp.caller import Caller
from api.mcp.explain import invalid_params
from api.mcp.session_stream import SessionStream
from api.mcp.translate import Audience
from auth.bearer import Bearer
from storage.connection import Unavailable
from storage.control import Opened
from storage.errors import Unreadable
from storage.records import Principal, Session, new_id
from storage.streams import LEASE

log = structlog.get_logger(__name__)

_STOPPED = {
    "cancelled": ErrorData(code=REQUEST_CANCELLED, message="Request cancelled"),
    "stopping": ErrorData(code=SERVER_STOPPING, message="The server is being stopped. Call again."),
    "revoked": ErrorData(code=REVOKED, message="Access was revoked. Sign in again."),
    "ended": ErrorData(code=SESSION_ENDED, message="The session was ended. Send initialize again."),
}


@dataclass(eq=False)
class Exchange:
    """One request while it is being answered. Satisfies `mcp.shared.dispatcher.DispatchContext` and `Line`."""

    request_id: RequestId
    answer: Answer
    bearer: Bearer
    audience: Audience
    headers: Mapping[str, str]
    params: Mapping[str, Any] | None = None
    kept: SessionStream | None = None
    """None in the stateless era, whose client cancels by leaving; with a session the work goes on."""
    cancel_requested: anyio.Event = field(default_factory=anyio.Event)
    why: Why | None = None
    opener: str = ""
    _id: str = field(default_factory=new_id)
    _final: str | None = None
    _scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)
    _watchers: list[asyncio.Task[None]] = field(default_factory=list[asyncio.Task[None]])

    def __post_init__(self) -> None:
        if self.kept:
            self.answer.prime = self.kept.prime
            self.answer.before_start = self.kept.own

    @property
    def principal(self) -> Principal:
        return self.bearer.principal

    @property
    def opened_by(self) -> Opened | None:
        return self.bearer.opened_by

    @property
    def session(self) -> Session | None:
        return self.kept.session if self.kept else None

    @property
    def stream(self) -> str:
        return self.kept.id if self.kept else self._id

    @property
    def can_send_request(self) -> bool:
        return self.kept is not None and self.answer.streams

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
            grant=self.bearer.grant or "",
        )
        return ServerMessageMetadata(
            request_context=caller,
            can_send_request=self.can_send_request,
            close_sse_stream=self._close_sse_stream if self.answer.prime else None,
        )

    @property
    def leaves_work(self) -> bool:
        # With a session nobody asked for an end when there is no reason: the server cut the response off.
        return self.why in ("detached", "replaced") or (self.kept is not None and self.why is None)

    @property
    def is_stopping(self) -> bool:
        return self.why == "stopping"

    @property
    def is_resumable(self) -> bool:
        """Whether another replica can go on with the response, and the client knows to ask one."""
        return self.is_backed and (self.answer.resumable or (self.answer.prime is not None and self.answer.streams))

    @property
    def is_backed(self) -> bool:
        return self.kept is not None and self.kept.is_backed

    def back_by_task(self) -> None:
        if self.kept:
            self.kept.is_backed = True

    def end_at(self, entry: str) -> None:
        self._final = self.kept.cursor(entry) if self.kept and self.kept.is_backed else None

    def hang_up(self) -> None:
        if self.answer.prime and self.is_resumable:
            self.stop("detached")

    async def say(self, message: Mapping[str, Any], entry: str | None) -> None:
        if self.kept and not self.kept.is_backed:
            # The task is another request's too: this stream has a log of its own.
            await self._carry(message)
        else:
            await self.answer.event(message, self.kept.cursor(entry) if self.kept and entry else None)

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
        if self.kept is None or not self.can_send_request:
            raise NoBackChannelError(method)
        return await self.kept.ask(method, params, send=self._carry, opts=opts)

    def stop(self, why: Why) -> None:
        """End the handler now; the first reason decides what the client is told."""
        if why == "replaced" and not self.is_backed:
            # Nobody else can do the work: it goes on, and its log is what the client reads now.
            self.answer.mute()
        elif self.why is None:
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
            refusals.count(error)
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
        except Unreadable:
            data = DAMAGED
        except Exception as error:  # noqa: BLE001  # the ASGI edge: the SDK logs it and tells the client nothing of it
            data = modern_error_data(error)
        refusals.count(data)
        return error_message(self.request_id, data), status_of(data)

    async def _finish(self, message: Mapping[str, Any], status: int) -> None:
        if self.kept and self.answer.is_stream:
            with contextlib.suppress(*Unavailable):
                self._final = await self.kept.store(message) or self._final
        await self.answer.finish(message, status=status, event_id=self._final)

    async def _carry(self, message: Mapping[str, Any]) -> None:
        """Store a message, then send it: who comes back on another replica finds it there."""
        stored = await self.kept.store(message) if self.kept and self.answer.streams else None
        await self.answer.event(message, stored)

    async def _close_sse_stream(self) -> None:
        self.hang_up()

    def _watch(self) -> None:
        self._watchers = [
            asyncio.create_task(self._watch_connection()),
            asyncio.create_task(self.answer.keep_alive()),
        ]
        if self.kept:
            self._watchers.append(asyncio.create_task(self._stay_owner(self.kept)))

    async def _watch_connection(self) -> None:
        await self.answer.disconnected()
        if self.kept is None:
            self.stop("disconnected")
        elif self.is_backed:
            # The task's log goes on by itself: nobody needs to read it for a client that is not there.
            self.stop("detached")

    async def _stay_owner(self, kept: SessionStream) -> None:
        while True:
            await asyncio.sleep(LEASE.total_seconds() / 3)
            if self.answer.is_stream:
                await kept.own()
