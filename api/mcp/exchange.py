"""The SDK's request-scoped channel (`DispatchContext`) on top of one HTTP response, and how a request is stopped."""

import asyncio
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

from api.errors import REDIS_AWAY, REQUEST_CANCELLED, SERVER_STOPPING, error_message, result_message, status_of
from api.mcp.answer import WATCH_AFTER, Answer, Why
from api.mcp.caller import Caller
from storage.connection import Unavailable

log = structlog.get_logger(__name__)

_STOPPED = {
    "cancelled": ErrorData(code=REQUEST_CANCELLED, message="Request cancelled"),
    "stopping": ErrorData(code=SERVER_STOPPING, message="The server is being stopped. Call again."),
}


@dataclass(eq=False)
class Exchange:
    """One request while it is being answered. Satisfies `mcp.shared.dispatcher.DispatchContext`."""

    request_id: RequestId
    answer: Answer
    caller: Caller
    disconnect_cancels: bool
    """True in the stateless era; in the handshake eras a client may leave and the work goes on."""
    cancel_requested: anyio.Event = field(default_factory=anyio.Event)
    can_send_request: bool = False
    _scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)
    _why: Why | None = None
    _watchers: list[asyncio.Task[None]] = field(default_factory=list[asyncio.Task[None]])

    @property
    def transport(self) -> TransportContext:
        return TransportContext(kind="streamable-http", can_send_request=False, headers=self.caller.headers)

    @property
    def message_metadata(self) -> MessageMetadata:
        return ServerMessageMetadata(request_context=self.caller, can_send_request=False)

    async def notify(self, method: str, params: Mapping[str, Any] | None, opts: CallOptions | None = None) -> None:
        message: dict[str, Any] = {"jsonrpc": "2.0", "method": method}
        if params is not None:
            message["params"] = params
        await self.answer.event(message)

    async def progress(self, progress: float, total: float | None = None, message: str | None = None) -> None:
        if (token := self.caller.progress_token) is None:
            return
        optional = {"total": total, "message": message}
        given = {name: value for name, value in optional.items() if value is not None}
        await self.notify("notifications/progress", {"progressToken": token, "progress": progress, **given})

    async def send_raw_request(
        self, method: str, params: Mapping[str, Any] | None, opts: CallOptions | None = None
    ) -> dict[str, Any]:
        raise NoBackChannelError(method)

    def stop(self, why: Why) -> None:
        """End the handler now; the first reason decides what the client is told."""
        if self._why is None:
            self._why = why
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
        if message is None and self._why in _STOPPED:
            error = _STOPPED[self._why]
            message, status = error_message(self.request_id, error), status_of(error)
        if message is None:
            await self.answer.end()
        else:
            await self.answer.finish(message, status=status)

    async def _outcome(self, work: Callable[[], Awaitable[dict[str, Any]]]) -> tuple[dict[str, Any], int]:
        try:
            return result_message(self.request_id, await work()), 200
        except MCPError as error:
            data = error.error
        except Unavailable as error:
            log.warning("store unavailable", error=str(error))
            data = REDIS_AWAY
        except Exception as error:  # noqa: BLE001  # the ASGI edge: the SDK logs it and tells the client nothing of it
            data = modern_error_data(error)
        return error_message(self.request_id, data), status_of(data)

    def _watch(self) -> None:
        self._watchers = [
            asyncio.create_task(self._watch_connection()),
            asyncio.create_task(self.answer.keep_alive()),
        ]

    async def _watch_connection(self) -> None:
        await self.answer.disconnected()
        if self.disconnect_cancels:
            self.stop("disconnected")
