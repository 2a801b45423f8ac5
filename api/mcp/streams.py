"""GET: a session's standalone stream, and the rest of a stream that broke off, on any replica."""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import anyio
import msgspec
import structlog
from mcp import MCPError
from mcp.types import INTERNAL_ERROR, ErrorData, RequestId
from mcp.types.methods import serialize_server_result

from api.errors import Refused, error_message, result_message
from api.mcp.answer import KEEP_ALIVE, Answer, Why
from api.mcp.cursor import START, StandaloneCursor, StreamCursor, parse
from api.mcp.inflight import InFlight
from api.mcp.session_stream import comes_back
from api.mcp.translate import Audience, audience_of, call_result, ending, message, wire
from storage import traces
from storage.changes import Change, ChangeLog
from storage.connection import RedisError, Unavailable
from storage.control import Opened, StreamOpened
from storage.errors import Unreadable
from storage.events import Ended, order
from storage.records import Session, TaskRecord, new_id
from storage.sessions import SessionStore
from storage.streams import STANDALONE, Lease, Message, StreamStore, Toggle
from storage.subscriber import Subscriber
from storage.tasks import TaskStore

LAST_EVENT_ID: Final = "last-event-id"
_LISTS: Final = {"tools", "prompts", "resources"}

log = structlog.get_logger(__name__)

_GONE: Final = ErrorData(code=INTERNAL_ERROR, message="The server that worked for this request is gone. Call again.")


@dataclass(eq=False)
class OpenStream:
    """A response to GET while it is open."""

    answer: Answer
    session: Session
    stream: str
    opened_by: Opened | None
    opener: str = field(default_factory=new_id)
    request_id: RequestId | None = None
    why: Why | None = None
    _scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)

    is_resumable = True

    def stop(self, why: Why) -> None:
        if self.why is None:
            self.why = "detached" if why == "stopping" else why
            self._scope.cancel()

    async def run(self, work: Callable[[], Awaitable[None]], *, beat: Callable[[], Awaitable[None]]) -> None:
        """Write the stream until *work* returns, the client leaves, or it is stopped; *beat* runs now and then."""
        others = [asyncio.create_task(self._watch()), asyncio.create_task(self._beat(beat))]
        try:
            with self._scope:
                await self.answer.open()
                await work()
        except (TimeoutError, RedisError, *Unavailable) as error:
            # The head is sent: all that can be said is to come back.
            log.warning("stream broken off", stream=self.stream, error=str(error))
            self.why = "detached"
        except Unreadable as error:
            # It would be as unreadable for whoever comes back.
            log.warning("stream ended", stream=self.stream, error=str(error))
        finally:
            for other in others:
                other.cancel()
        if self.why == "detached":
            await self.answer.detach()
        else:
            await self.answer.end()

    async def _watch(self) -> None:
        await self.answer.disconnected()
        self.stop("disconnected")

    async def _beat(self, beat: Callable[[], Awaitable[None]]) -> None:
        while True:
            await asyncio.sleep(KEEP_ALIVE)
            await self.answer.comment("keep-alive")
            with contextlib.suppress(*Unavailable):
                await beat()


@dataclass(frozen=True, kw_only=True)
class SessionStreams:
    sessions: SessionStore
    streams: StreamStore
    tasks: TaskStore
    changes: ChangeLog
    subscriber: Subscriber
    in_flight: InFlight

    async def serve(
        self, headers: Mapping[str, str], answer: Answer, session: Session, opened_by: Opened | None = None
    ) -> None:
        """Answer a GET of *session*; Refused when its Last-Event-ID leads nowhere."""
        event_id = headers.get(LAST_EVENT_ID)
        match None if event_id is None else parse(event_id):
            case StreamCursor() as cursor:
                await self._resume(cursor, answer, session, opened_by)
            case cursor:
                await self._standalone(cursor, answer, session, opened_by)

    async def _resume(self, cursor: StreamCursor, answer: Answer, session: Session, opened_by: Opened | None) -> None:
        record = await self.tasks.find(cursor.stream)
        if record and record.principal == session.principal and record.meta.get("session") == session.scope:
            traces.link(record.meta)
            rest = self._task_rest(session, record, cursor)
        elif lease := await self.streams.lease(session, cursor.stream):
            rest = self._stream_rest(session, cursor, lease)
        else:
            raise Refused(400, "Last-Event-ID names no stream of this session: it was never there, or has expired")
        stream = OpenStream(answer, session, cursor.stream, opened_by)

        async def work() -> None:
            async with contextlib.aclosing(rest):
                async for body, entry in rest:
                    await answer.event(body, str(StreamCursor(cursor.stream, entry)) if entry else None)

        async def beat() -> None:
            await self.sessions.touch(session)

        await self._carry(stream, work, beat)

    async def _carry(
        self, stream: OpenStream, work: Callable[[], Awaitable[None]], beat: Callable[[], Awaitable[None]]
    ) -> None:
        """The newest response that carries a stream is the one: a message travels on one only."""
        with self.in_flight.hold(stream):
            await self.streams.tell(
                StreamOpened(session=stream.session.scope, stream=stream.stream, opener=stream.opener)
            )
            await stream.run(work, beat=beat)

    async def _task_rest(
        self, session: Session, record: TaskRecord, cursor: StreamCursor
    ) -> AsyncGenerator[tuple[Mapping[str, Any], str | None]]:
        """The messages of a call after the cursor, up to its result."""
        audience = audience_of(record.meta)
        newest = await self.tasks.newest(record)
        if newest is None or (isinstance(newest[1], Ended) and order(newest[0]) <= order(cursor.entry)):
            return
        async with self.subscriber.follow(self.tasks.log_of(record), after=cursor.entry) as entries:
            async for entry, payload in entries:
                event = self.tasks.decode(record, payload)
                if isinstance(event, Ended):
                    yield _response(event, audience, session.protocol_version), entry
                    return
                if body := message(event, audience, cursor.stream):
                    yield body, entry

    async def _stream_rest(
        self, session: Session, cursor: StreamCursor, lease: Lease
    ) -> AsyncGenerator[tuple[Mapping[str, Any], str | None]]:
        """The messages of any other stream after the cursor, up to its response, or to the end of who worked for it."""
        newest = await self.streams.newest(session, cursor.stream)
        if newest and order(newest[0]) <= order(cursor.entry) and _is_response(_body(newest[1])):
            return
        async with self.subscriber.follow(self.streams.log_of(session, cursor.stream), after=cursor.entry) as entries:
            while True:
                try:
                    async with asyncio.timeout(KEEP_ALIVE):
                        entry, payload = await anext(entries)
                except TimeoutError:
                    lease = await self.streams.lease(session, cursor.stream) or lease
                    if lease.until < time.time():
                        yield error_message(lease.request, _GONE), None
                        return
                    continue
                body = _body(self.streams.decode(session, cursor.stream, payload))
                yield body, entry
                if _is_response(body):
                    return

    async def _standalone(
        self, cursor: StandaloneCursor | None, answer: Answer, session: Session, opened_by: Opened | None
    ) -> None:
        """What belongs to no request, from the cursor or else from now on."""
        if cursor is None:
            own = await self.streams.newest(session, STANDALONE)
            cursor = StandaloneCursor(own[0] if own else START, await self.changes.newest())
        if comes_back(session):
            answer.prime = str(cursor)
        stream = OpenStream(answer, session, STANDALONE, opened_by)

        async def beat() -> None:
            if not await self.sessions.touch(session):
                stream.stop("ended")

        await self._carry(stream, lambda: self._tell(cursor, answer, session), beat)

    async def _tell(self, cursor: StandaloneCursor, answer: Answer, session: Session) -> None:
        """Merge what is for this session with what is for everybody."""
        own_log = self.streams.log_of(session, STANDALONE)
        wanted = set(session.subscriptions)
        async with self.subscriber.follow_all({own_log: cursor.own, self.changes.name: cursor.change}) as entries:
            async for name, (entry, payload) in entries:
                if name == own_log:
                    cursor = StandaloneCursor(entry, cursor.change)
                    match self.streams.decode(session, STANDALONE, payload):
                        case Toggle(uri=uri, wanted=yes):
                            (wanted.add if yes else wanted.discard)(uri)
                            continue
                        case Message(body=raw):
                            body = msgspec.json.decode(raw)
                else:
                    cursor = StandaloneCursor(cursor.own, entry)
                    body = _change(self.changes.decode(payload), wanted)
                if body is not None:
                    await answer.event(body, str(cursor))


def _response(ended: Ended, audience: Audience, version: str) -> dict[str, Any]:
    """The response to the call whose task ended so."""
    try:
        plain = wire(call_result(ending(ended, audience)))
    except MCPError as error:
        return error_message(audience.request, error.error)
    return result_message(audience.request, serialize_server_result("tools/call", version, plain))


def _change(change: Change, wanted: set[str]) -> dict[str, Any] | None:
    if change.what in _LISTS:
        return {"jsonrpc": "2.0", "method": f"notifications/{change.what}/list_changed"}
    if change.uri in wanted:
        return {"jsonrpc": "2.0", "method": "notifications/resources/updated", "params": {"uri": change.uri}}
    return None


def _body(item: Toggle | Message) -> Mapping[str, Any]:
    return msgspec.json.decode(item.body) if isinstance(item, Message) else {}


def _is_response(body: Mapping[str, Any]) -> bool:
    return "method" not in body and ("result" in body or "error" in body)
