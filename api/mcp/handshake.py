"""The handshake eras (2025-03-26 to 2025-11-25): a session in Redis, rebuilt for every request, on any replica."""

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from mcp.server import Server
from mcp.server.connection import Connection
from mcp.server.runner import serve_one
from mcp.shared.dispatcher import CallOptions, as_request_id
from mcp.shared.exceptions import NoBackChannelError
from mcp.shared.inbound import MCP_PROTOCOL_VERSION_HEADER
from mcp.shared.jsonrpc_dispatcher import progress_token_from_params
from mcp.types import InitializeRequestParams, RequestId
from mcp.types.version import HANDSHAKE_PROTOCOL_VERSIONS

from api.errors import Refused
from api.mcp.answer import Answer
from api.mcp.caller import Caller
from api.mcp.exchange import Exchange
from api.mcp.inflight import InFlight, name_of
from api.mcp.request import Incoming
from storage.errors import NotFound
from storage.records import Principal, Session
from storage.sessions import SessionStore

SESSION_HEADER: Final = "mcp-session-id"
_LONGEST_SESSION_ID: Final = 128


@dataclass(frozen=True)
class HandshakeEra:
    server: Server[Any]
    sessions: SessionStore
    in_flight: InFlight

    async def serve(self, incoming: Incoming, answer: Answer, principal: Principal) -> None:
        if incoming.message.get("method") == "initialize":
            await self._initialize(incoming, answer, principal)
            return
        session = await self._session(incoming.headers, principal)
        if "method" not in incoming.message or incoming.request_id is None:
            await self._notify(incoming, session)
            await answer.empty(202)
            return
        exchange = _exchange(incoming, incoming.request_id, answer, principal, session)
        connection = _rebuilt(session)
        with self.in_flight.hold(exchange):
            await exchange.respond(lambda: self._serve(exchange, incoming, connection))

    async def end(self, headers: Mapping[str, str], principal: Principal) -> None:
        """DELETE: the session is gone on every replica."""
        session = await self._session(headers, principal)
        await self.sessions.remove(session.id, principal)

    async def _initialize(self, incoming: Incoming, answer: Answer, principal: Principal) -> None:
        if incoming.request_id is None:
            raise Refused(400, "initialize must be a request with an id")
        session_id = secrets.token_urlsafe(32)
        connection = Connection.for_loop(NoStandaloneStream(), session_id=session_id)
        exchange = _exchange(incoming, incoming.request_id, answer, principal, None)

        async def open_session() -> dict[str, Any]:
            result = await self._serve(exchange, incoming, connection)
            await self.sessions.add(
                Session(
                    id=session_id,
                    principal=principal,
                    protocol_version=connection.protocol_version,
                    initialize=dict(incoming.params or {}),
                    created_at=int(time.time() * 1000),
                )
            )
            answer.headers[SESSION_HEADER] = session_id
            return result

        await exchange.respond(open_session)

    async def _session(self, headers: Mapping[str, str], principal: Principal) -> Session:
        """The session a request names; 400 without a name, 404 when it is unknown, ended or another principal's."""
        version = headers.get(MCP_PROTOCOL_VERSION_HEADER)
        if version is not None and version not in HANDSHAKE_PROTOCOL_VERSIONS:
            raise Refused(400, f"Unsupported protocol version: {version}")
        session_id = headers.get(SESSION_HEADER)
        if not session_id:
            raise Refused(400, "Mcp-Session-Id is missing: send initialize first, then its answer's session id")
        try:
            return await self.sessions.get(session_id[:_LONGEST_SESSION_ID], principal)
        except NotFound:
            raise Refused(404, "Session not found: it ended or expired. Send initialize again.") from None

    async def _notify(self, incoming: Incoming, session: Session) -> None:
        """A client that gives up a request is heard by every replica; other notifications ask for nothing."""
        if incoming.message.get("method") == "notifications/cancelled":
            request_id = as_request_id((incoming.params or {}).get("requestId"))
            if request_id is not None:
                await self.sessions.abandon(name_of(session, request_id))

    async def _serve(self, exchange: Exchange, incoming: Incoming, connection: Connection) -> dict[str, Any]:
        return await serve_one(
            self.server, exchange, incoming.method, incoming.params, connection=connection, lifespan_state={}
        )


class NoStandaloneStream:
    """The channel for what belongs to no request: there is none, so notifications are dropped and requests refused."""

    async def notify(self, method: str, params: Mapping[str, Any] | None, opts: CallOptions | None = None) -> None:
        return

    async def send_raw_request(
        self, method: str, params: Mapping[str, Any] | None, opts: CallOptions | None = None
    ) -> dict[str, Any]:
        raise NoBackChannelError(method)


def _exchange(
    incoming: Incoming, request_id: RequestId, answer: Answer, principal: Principal, session: Session | None
) -> Exchange:
    return Exchange(
        request_id=request_id,
        answer=answer,
        caller=Caller(
            principal=principal,
            session=session,
            progress_token=progress_token_from_params(incoming.params),
            log_level=session.log_level if session else None,
            headers=incoming.headers,
        ),
        disconnect_cancels=False,
    )


def _rebuilt(session: Session) -> Connection:
    """The connection as it stood after `initialize`, from the session's record."""
    connection = Connection(
        NoStandaloneStream(),
        protocol_version=session.protocol_version,
        session_id=session.id,
        client_params=InitializeRequestParams.model_validate(session.initialize, by_name=False),
    )
    connection.initialized.set()
    return connection
