"""The MCP endpoint: an ASGI application on the SDK's public kernel, with no session manager and no affinity."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

import structlog
from litestar.types import HTTPScope, Receive, Scope, Send

from api.errors import INTERNAL, RATE_LIMITED, REDIS_AWAY, Refused, encode, error_message
from api.mcp.answer import Answer
from api.mcp.handshake import HandshakeEra
from api.mcp.modern import ModernEra, is_modern, lacks_header, missing_header
from api.mcp.request import headers_of, read, takes_stream
from storage.connection import Unavailable
from storage.rate import RateLimiter
from storage.records import Principal

log = structlog.get_logger(__name__)


class Identify(Protocol):
    """Says who a request speaks for."""

    def __call__(self, scope: HTTPScope) -> Principal: ...


@dataclass(frozen=True)
class Front:
    """Routes a request to its era by the version header, then by the body."""

    modern: ModernEra
    handshake: HandshakeEra
    identify: Identify
    limiter: RateLimiter | None
    max_body: int

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        answer = Answer(receive, send, streams=True)
        try:
            await self._serve(scope, receive, send)
        except Refused as refused:
            answer.headers.update(refused.headers)
            await answer.json(encode(error_message(refused.request_id, refused.error)), status=refused.status)
        except Unavailable as error:
            log.warning("store unavailable", error=str(error))
            answer.headers["retry-after"] = "2"
            await answer.json(encode(error_message(None, REDIS_AWAY)), status=503)
        except Exception:
            log.exception("request failed")
            await answer.json(encode(error_message(None, INTERNAL)), status=500)

    async def _serve(self, scope: HTTPScope, receive: Receive, send: Send) -> None:
        principal = self.identify(scope)
        await self._limit(scope)
        method: Callable[[HTTPScope, Receive, Send, Principal], Awaitable[None]] = {
            "POST": self._post,
            "GET": self._get,
            "DELETE": self._delete,
        }.get(scope["method"], _not_allowed)
        await method(scope, receive, send, principal)

    async def _limit(self, scope: HTTPScope) -> None:
        if self.limiter is None:
            return
        client = scope["client"]
        taken = await self.limiter.take(client[0] if client else "unknown")
        if taken.wait:
            seconds = f"{taken.wait} second{'s' if taken.wait > 1 else ''}"
            raise Refused(
                429,
                f"Too many requests: try again in {seconds}",
                code=RATE_LIMITED,
                headers={
                    "retry-after": str(taken.wait),
                    "ratelimit-limit": str(self.limiter.rate.amount),
                    "ratelimit-remaining": "0",
                    "ratelimit-reset": str(taken.wait),
                },
            )

    async def _post(self, scope: HTTPScope, receive: Receive, send: Send, principal: Principal) -> None:
        incoming = await read(scope, receive, max_body=self.max_body)
        answer = Answer(receive, send, streams=incoming.streams, prefers_stream=incoming.prefers_stream)
        if is_modern(incoming.headers):
            await self.modern.serve(incoming, answer, principal)
        elif lacks_header(incoming):
            raise missing_header(incoming)
        else:
            await self.handshake.serve(incoming, answer, principal)

    async def _get(self, scope: HTTPScope, receive: Receive, send: Send, principal: Principal) -> None:
        headers = dict(headers_of(scope))
        if is_modern(headers):
            raise Refused(405, "This protocol version has no streams to GET", headers={"allow": "POST"})
        await self.handshake.open(headers, Answer(receive, send, streams=takes_stream(headers)), principal)

    async def _delete(self, scope: HTTPScope, receive: Receive, send: Send, principal: Principal) -> None:
        headers = dict(headers_of(scope))
        if is_modern(headers):
            raise Refused(405, "This protocol version has no sessions to delete", headers={"allow": "POST"})
        await self.handshake.end(headers, principal)
        await Answer(receive, send, streams=False).empty(204)


async def _not_allowed(scope: HTTPScope, receive: Receive, send: Send, principal: Principal) -> None:
    allow = {"allow": "POST, GET, DELETE"}
    raise Refused(405, "POST sends a JSON-RPC message, GET opens a session's stream, DELETE ends it", headers=allow)
