"""The handshake eras (2025-03-26 to 2025-11-25): a session in Redis, rebuilt for every request, on any replica."""

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

import msgspec
from mcp.server import NotificationOptions, Server
from mcp.server.connection import Connection
from mcp.server.runner import ServerRunner, serve_one
from mcp.shared.dispatcher import as_request_id
from mcp.shared.exceptions import NoBackChannelError
from mcp.shared.inbound import MCP_PROTOCOL_VERSION_HEADER
from mcp.shared.jsonrpc_dispatcher import progress_token_from_params
from mcp.types import InitializeRequestParams, RequestId
from mcp.types.version import HANDSHAKE_PROTOCOL_VERSIONS

from api.errors import Refused
from api.mcp.answer import Answer
from api.mcp.backchannel import BackChannel, SessionOutbound
from api.mcp.exchange import Exchange
from api.mcp.inflight import InFlight
from api.mcp.request import Incoming
from api.mcp.session_stream import SessionStream
from api.mcp.streams import SessionStreams
from api.mcp.translate import Audience, question_of
from auth.bearer import Bearer
from storage.control import Abandoned
from storage.errors import NotFound
from storage.records import Principal, Session
from storage.sessions import SessionStore
from storage.tasks import TaskStore

SESSION_HEADER: Final = "mcp-session-id"
CHANGES: Final = NotificationOptions(prompts_changed=True, resources_changed=True, tools_changed=True)
_LONGEST_SESSION_ID: Final = 128


@dataclass(frozen=True, kw_only=True)
class HandshakeEra:
    server: Server[Any]
    sessions: SessionStore
    tasks: TaskStore
    back: BackChannel
    streams: SessionStreams
    in_flight: InFlight

    async def serve(self, incoming: Incoming, answer: Answer, bearer: Bearer) -> None:
        if incoming.message.get("method") == "initialize":
            await self._initialize(incoming, answer, bearer)
            return
        session = await self._session(incoming.headers, bearer.principal)
        if "method" not in incoming.message:
            await self._take_answer(incoming, session)
            await answer.empty(202)
        elif incoming.request_id is None:
            await self._notice(incoming, session)
            await answer.empty(202)
        else:
            await self._request(incoming, answer, session, bearer)

    async def open(self, headers: Mapping[str, str], answer: Answer, bearer: Bearer) -> None:
        """GET: the standalone stream, or the rest of one that broke off."""
        if not answer.streams:
            raise Refused(406, "GET answers with text/event-stream: Accept must name it")
        await self.streams.serve(headers, answer, await self._session(headers, bearer.principal), bearer.opened_by)

    async def end(self, headers: Mapping[str, str], principal: Principal) -> None:
        """DELETE: the session and its streams are gone on every replica."""
        session = await self._session(headers, principal)
        try:
            await self.sessions.remove(session)
        except NotFound:
            raise _not_found() from None

    async def _initialize(self, incoming: Incoming, answer: Answer, bearer: Bearer) -> None:
        if incoming.request_id is None:
            raise Refused(400, "initialize must be a request with an id")
        session_id = secrets.token_urlsafe(32)
        # The head of the answer names the session: silence must not begin a stream before it is there.
        answer.streams = False
        connection = Connection.for_loop(_NOWHERE, session_id=session_id)
        options = self.server.create_initialization_options(CHANGES)
        runner = ServerRunner(self.server, connection, {}, init_options=options)
        exchange = Exchange(
            request_id=incoming.request_id,
            answer=answer,
            bearer=bearer,
            audience=Audience(request=incoming.request_id),
            headers=incoming.headers,
            params=incoming.params,
        )

        async def open_session() -> dict[str, Any]:
            result = await runner.on_request(exchange, "initialize", incoming.params)
            await self.sessions.add(
                Session(
                    id=session_id,
                    principal=bearer.principal,
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
            raise _not_found() from None

    async def _request(self, incoming: Incoming, answer: Answer, session: Session, bearer: Bearer) -> None:
        request_id = cast("RequestId", incoming.request_id)
        exchange = Exchange(
            request_id=request_id,
            answer=answer,
            bearer=bearer,
            audience=Audience(
                request=request_id,
                progress_token=progress_token_from_params(incoming.params),
                log_level=session.log_level,
                session=session.scope,
            ),
            headers=incoming.headers,
            params=incoming.params,
            kept=SessionStream(session, request_id, self.back),
        )
        connection = self._rebuilt(session)
        with self.in_flight.hold(exchange):
            await exchange.respond(
                lambda: serve_one(
                    self.server, exchange, incoming.method, incoming.params, connection=connection, lifespan_state={}
                )
            )

    def _rebuilt(self, session: Session) -> Connection:
        """The connection as it stood after `initialize`, from the session's record."""
        connection = Connection(
            SessionOutbound(session, self.back),
            protocol_version=session.protocol_version,
            session_id=session.id,
            client_params=InitializeRequestParams.model_validate(session.initialize, by_name=False),
        )
        connection.initialized.set()
        return connection

    async def _notice(self, incoming: Incoming, session: Session) -> None:
        """A client that gives up a request is heard by every replica; other notifications ask for nothing."""
        if incoming.message.get("method") != "notifications/cancelled":
            return
        request_id = as_request_id((incoming.params or {}).get("requestId"))
        if request_id is None:
            return
        await self.back.streams.tell(Abandoned(session=session.scope, request=request_id))
        # The replica that took the call may be gone: then nobody but us ends its task.
        task_id = await self.back.streams.find_call(session, request_id)
        record = None if task_id is None else await self.tasks.find(task_id)
        if record is not None:
            await self.tasks.cancel(record, "cancelled by its client")

    async def _take_answer(self, incoming: Incoming, session: Session) -> None:
        """What the client answers to a question of ours goes to whoever asked; Refused when nobody waits for it."""
        body = {name: incoming.message[name] for name in ("result", "error") if name in incoming.message}
        answer = msgspec.json.encode(body)
        if asked := question_of(incoming.message.get("id")):
            stream, key = asked
            record = await self.tasks.find(stream)
            if record is not None and record.meta.get("session") == session.scope:
                if await self.tasks.answer(record, key, answer):
                    return
            elif await self.back.streams.reply(session, str(incoming.request_id), answer):
                return
        raise Refused(
            400, "No question with this id is open in this session: it was answered, withdrawn, or never asked"
        )


class _Nowhere:
    """The channel of a session that does not exist yet."""

    async def notify(self, method: str, params: Mapping[str, Any] | None, opts: object = None) -> None:
        return

    async def send_raw_request(
        self, method: str, params: Mapping[str, Any] | None, opts: object = None
    ) -> dict[str, Any]:
        raise NoBackChannelError(method)


_NOWHERE: Final = _Nowhere()


def _not_found() -> Refused:
    return Refused(404, "Session not found: it ended or expired. Send initialize again.")
