"""The MCP endpoint: an ASGI application on the SDK's public kernel, with no session manager and no affinity."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, cast

import structlog
from litestar.types import HTTPScope, Receive, Scope, Send
from mcp.types import ErrorData

from api import refusals, traced
from api.errors import DAMAGED, INTERNAL, RATE_LIMITED, REDIS_AWAY, Refused, encode, error_message, status_of
from api.limit import Exceeded, Limit
from api.mcp.answer import Answer
from api.mcp.guard import Guard
from api.mcp.handshake import HandshakeEra
from api.mcp.modern import ModernEra, is_modern, lacks_header, missing_header
from api.mcp.request import headers_of, read, takes_stream
from api.mcp.streams import LAST_EVENT_ID
from api.measured import RPC
from auth.bearer import Bearer
from storage.connection import Unavailable
from storage.errors import Unreadable

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Front:
    """Routes a request to its era by the version header, then by the body."""

    modern: ModernEra
    handshake: HandshakeEra
    guard: Guard
    limit: Limit
    max_body: int

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        answer = Answer(receive, send, streams=True)
        try:
            await self._serve(scope, receive, send)
        except Refused as refused:
            refusals.count(refused.error)
            answer.headers.update(refused.headers)
            await answer.json(encode(error_message(refused.request_id, refused.error)), status=refused.status)
        except Exceeded as exceeded:
            answer.headers.update(exceeded.headers)
            refusal = ErrorData(code=RATE_LIMITED, message=str(exceeded))
            refusals.count(refusal)
            await answer.json(encode(error_message(None, refusal)), status=429)
        except Unavailable as error:
            log.warning("store unavailable", error=str(error))
            refusals.count(REDIS_AWAY)
            answer.headers["retry-after"] = "2"
            await answer.json(encode(error_message(None, REDIS_AWAY)), status=503)
        except Unreadable:
            refusals.count(DAMAGED)
            await answer.json(encode(error_message(None, DAMAGED)), status=status_of(DAMAGED))
        except Exception:
            log.exception("request failed")
            refusals.count(INTERNAL)
            await answer.json(encode(error_message(None, INTERNAL)), status=500)

    async def _serve(self, scope: HTTPScope, receive: Receive, send: Send) -> None:
        method: Callable[[HTTPScope, Receive, Send, Bearer], Awaitable[None]] = {
            "POST": self._post,
            "GET": self._get,
            "DELETE": self._delete,
        }.get(scope["method"], _not_allowed)
        try:
            await method(scope, receive, send, await self._known(scope))
        except Exception:
            # Where it was refused before it was known whose trace it belongs to.
            traced.begin(scope)
            raise

    async def _known(self, scope: HTTPScope) -> Bearer:
        """Who asks, once more: people behind one address do not use up each other's requests."""
        try:
            bearer = await self.guard.identify(scope)
        except Refused:
            await self.limit.take(scope, self.limit.whence(scope))
            raise
        await self.limit.take(scope, f"by {bearer.principal.key}" if bearer.grant else self.limit.whence(scope))
        return bearer

    async def _post(self, scope: HTTPScope, receive: Receive, send: Send, bearer: Bearer) -> None:
        incoming = await read(scope, receive, max_body=self.max_body)
        traced.begin(scope, (incoming.params or {}).get("_meta"), is_known=True)
        cast("dict[str, Any]", scope)[RPC] = incoming.message.get("method", "response")
        if "method" in incoming.message:
            await self.guard.authorize(bearer, incoming.method, incoming.params)
        answer = Answer(receive, send, streams=incoming.streams, prefers_stream=incoming.prefers_stream)
        if is_modern(incoming.headers):
            await self.modern.serve(incoming, answer, bearer)
        elif lacks_header(incoming):
            raise missing_header(incoming)
        else:
            await self.handshake.serve(incoming, answer, bearer)

    async def _get(self, scope: HTTPScope, receive: Receive, send: Send, bearer: Bearer) -> None:
        traced.begin(scope, is_known=True)
        headers = dict(headers_of(scope))
        if is_modern(headers):
            raise Refused(405, "This protocol version has no streams to GET", headers={"allow": "POST"})
        await self.guard.authorize_stream(bearer, headers.get(LAST_EVENT_ID))
        await self.handshake.open(headers, Answer(receive, send, streams=takes_stream(headers)), bearer)

    async def _delete(self, scope: HTTPScope, receive: Receive, send: Send, bearer: Bearer) -> None:
        traced.begin(scope, is_known=True)
        headers = dict(headers_of(scope))
        if is_modern(headers):
            raise Refused(405, "This protocol version has no sessions to delete", headers={"allow": "POST"})
        await self.handshake.end(headers, bearer.principal)
        await Answer(receive, send, streams=False).empty(204)


async def _not_allowed(scope: HTTPScope, receive: Receive, send: Send, bearer: Bearer) -> None:
    allow = {"allow": "POST, GET, DELETE"}
    raise Refused(405, "POST sends a JSON-RPC message, GET opens a session's stream, DELETE ends it", headers=allow)
