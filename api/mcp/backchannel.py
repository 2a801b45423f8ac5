"""Requests of ours to a client, in the handshake eras: asked on one replica, answered by a POST to any."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast

import anyio
import msgspec
from mcp import MCPError
from mcp.shared.dispatcher import CallOptions

from api.errors import NO_ANSWER
from api.mcp.translate import question_id
from storage.records import Session, new_id
from storage.streams import STANDALONE, Message, StreamStore
from storage.subscriber import Subscriber

Send = Callable[[Mapping[str, Any]], Awaitable[None]]
Asked = tuple[str, Mapping[str, Any] | None]
"""Method and params."""


@dataclass(frozen=True)
class BackChannel:
    streams: StreamStore
    subscriber: Subscriber
    timeout: timedelta

    async def store(self, session: Session, stream: str, message: Mapping[str, Any]) -> str:
        """Put *message* into the stream's log; the answer is its id there."""
        return await self.streams.append(session, stream, Message(msgspec.Raw(msgspec.json.encode(message))))

    async def ask(
        self, session: Session, request_id: str, asked: Asked, *, send: Send, opts: CallOptions | None = None
    ) -> dict[str, Any]:
        """Send a request and wait for its result. MCPError: the client's own, or NO_ANSWER when it does not answer."""
        wait = min(self.timeout.total_seconds(), (opts or {}).get("timeout", self.timeout.total_seconds()))
        log = await self.streams.expect(session, request_id, within=timedelta(seconds=wait))
        try:
            async with self.subscriber.follow(log) as replies:
                method, params = asked
                await send({**_message(method, params), "id": request_id})
                async with asyncio.timeout(wait):
                    _, payload = await anext(replies)
        except (TimeoutError, asyncio.CancelledError) as error:
            with anyio.CancelScope(shield=True), anyio.move_on_after(5):
                await self.streams.withdraw(session, request_id)
                await send(_withdrawn(request_id))
            if isinstance(error, asyncio.CancelledError):
                raise
            raise MCPError(NO_ANSWER, f"The client did not answer {asked[0]} within {wait:g} s") from None
        answer: Any = msgspec.json.decode(self.streams.decode_reply(session, request_id, payload))
        if problem := answer.get("error"):
            raise MCPError(int(problem.get("code", 0)), str(problem.get("message", "")), problem.get("data"))
        return cast("dict[str, Any]", answer.get("result") or {})


@dataclass(frozen=True)
class SessionOutbound:
    """What belongs to no request goes to the session's standalone stream, wherever it is open."""

    session: Session
    back: BackChannel

    async def notify(self, method: str, params: Mapping[str, Any] | None, opts: CallOptions | None = None) -> None:
        await self._send(_message(method, params))

    async def send_raw_request(
        self, method: str, params: Mapping[str, Any] | None, opts: CallOptions | None = None
    ) -> dict[str, Any]:
        request_id = question_id(new_id(), "request")
        return await self.back.ask(self.session, request_id, (method, params), send=self._send, opts=opts)

    async def _send(self, message: Mapping[str, Any]) -> None:
        await self.back.store(self.session, STANDALONE, message)


def _withdrawn(request_id: str) -> dict[str, Any]:
    params = {"requestId": request_id, "reason": "nobody waits for the answer any more"}
    return _message("notifications/cancelled", params)


def _message(method: str, params: Mapping[str, Any] | None) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "method": method, **({"params": params} if params else {})}
