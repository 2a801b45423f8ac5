"""From a call to a task: is it too large, is it a repeat of one we know, is there room; then it is accepted."""

import asyncio
import contextlib
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, cast

import msgspec
from mcp import MCPError
from mcp.types import INVALID_PARAMS

from api.errors import TOO_BUSY
from api.mcp.caller import Context, asks, caller, shows_ui
from storage import metrics, traces
from storage.admission import Admission, Note, Repeat
from storage.clock import milliseconds
from storage.errors import NotFound, TooMany
from storage.records import TaskRecord
from storage.scripts import ACTIVE_MARGIN_MS
from storage.states import is_ended
from storage.streams import StreamStore
from storage.subscriber import Subscriber
from storage.tasks import TaskStore
from tasks.insist import make_sure
from tasks.tool import Tool
from tasks.traced import accepting

KEY_HEADER: Final = "idempotency-key"
KEY_META: Final = "mcp-server-playground/idempotencyKey"
LONGEST_KEY: Final = 255
RETRY_AFTER: Final = timedelta(seconds=10)
"""When to call again after being refused for want of room."""
JUST_BEGUN: Final = timedelta(seconds=0.5)
"""How young a task is that its own caller may not follow yet."""
SURE_WITHIN: Final = 15.0
"""Seconds in which Redis must have come back for a call that was on its way when it left."""
BEING_ACCEPTED: Final = timedelta(seconds=2)
"""How long a repeat waits for the call it repeats to be accepted."""


@dataclass(frozen=True, kw_only=True)
class Intake:
    tasks: TaskStore
    admission: Admission
    streams: StreamStore
    subscriber: Subscriber
    most_arguments: int

    async def accept(self, ctx: Context, tool: Tool, raw: bytes) -> tuple[TaskRecord, bool]:
        """The task of this call, durable from now on, and whether it is new: a repeat gets the one there is.

        MCPError for arguments that are too large, a key that was used for another call, and want of room.
        """
        if len(raw) > self.most_arguments:
            raise MCPError(
                INVALID_PARAMS, f"The arguments take {len(raw)} bytes, and at most {self.most_arguments} are taken"
            )
        with accepting(tool.queue) as span:
            record, is_new = await self._accepted(ctx, tool, raw)
            span.note({"messaging.message.id": record.id})
            if not is_new:
                span.link(traces.of_task(record.meta))
            return record, is_new

    async def _accepted(self, ctx: Context, tool: Tool, raw: bytes) -> tuple[TaskRecord, bool]:
        record = _record(tool, ctx)
        given = _given_key(ctx)
        try:
            known = await self._admit(record, self._repeat(tool, raw, given), given)
        except TooMany as error:
            seconds = RETRY_AFTER.total_seconds()
            data = {"retryAfter": int(seconds)}
            raise MCPError(TOO_BUSY, f"Not now: {error}. Try again in {seconds:.0f} s.", data) from None
        await self._note_call(ctx, (known or record).id)
        if known is None:
            # Refusing what Redis may have taken would run what was refused.
            await make_sure(lambda: self.tasks.accept(record, raw), "a new task", within=SURE_WITHIN)
            metrics.ACCEPTED.labels(tool.name).inc()
        return known or record, known is None

    async def _note_call(self, ctx: Context, task_id: str) -> None:
        """In a session, let a cancellation that names the request find the task."""
        session = caller(ctx).session
        if session is not None and ctx.request_id is not None:
            await self.streams.add_call(session, ctx.request_id, task_id)

    async def _admit(self, record: TaskRecord, repeat: Repeat | None, given: str | None) -> TaskRecord | None:
        """Get a place for the task; the answer is the task to take instead."""
        known = await self.admission.admit(record, repeat)
        for _ in range(3):
            if known is None or repeat is None:
                return None
            if known.arguments != repeat.arguments:
                raise MCPError(
                    INVALID_PARAMS,
                    "This idempotency key belongs to another call of yours, with another tool or other arguments: "
                    "send a key of its own with every new call",
                )
            earlier = await (self._by_key(known) if given else self._unattended(known))
            if earlier is not None and earlier.principal == record.principal:
                return earlier
            known = await self.admission.admit(record, repeat, instead=known)
        # Others were quicker, again and again: this call is one of its own.
        await self.admission.admit(record)
        return None

    async def _by_key(self, known: Note) -> TaskRecord | None:
        """The task a client's own key stands for, ended or not; None when it is not there any more."""
        if found := await self.tasks.find(known.task):
            return found
        async with self.subscriber.follow(self.tasks.log_of(known.task)) as events:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(BEING_ACCEPTED.total_seconds()):
                    await anext(events)
        return await self.tasks.find(known.task)

    async def _unattended(self, known: Note) -> TaskRecord | None:
        """A running task that nobody follows, which is what a broken connection leaves behind."""
        record = await self.tasks.find(known.task)
        if record is None or time.time() - record.created_at / 1000 < JUST_BEGUN.total_seconds():
            return None
        try:
            _, state = await self.tasks.get(record.id, record.principal)
        except NotFound:
            return None
        if is_ended(state.status) or state.cancel_requested:
            return None
        return None if await self.subscriber.count_readers(self.tasks.log_of(record)) else record

    def _repeat(self, tool: Tool, raw: bytes, given: str | None) -> Repeat | None:
        """How a retry of this call is known; None when it cannot be: then every call counts."""
        if given is None and not tool.rerun:
            return None
        plain = msgspec.json.encode(msgspec.json.decode(raw), order="sorted")
        arguments = self.admission.digest(tool.name.encode(), plain)
        key = arguments if given is None else self.admission.digest(b"key", given.encode())
        return Repeat(key, arguments, tool.timeout + timedelta(milliseconds=ACTIVE_MARGIN_MS))


def _given_key(ctx: Context) -> str | None:
    """The client's own key (draft-ietf-httpapi-idempotency-key-header), in the header or in `_meta`."""
    meta = (ctx.params or {}).get("_meta")
    own = cast("dict[str, Any]", meta).get(KEY_META) if isinstance(meta, dict) else None
    key = own if own is not None else caller(ctx).headers.get(KEY_HEADER)
    if key is None:
        return None
    if not isinstance(key, str) or not 0 < len(key) <= LONGEST_KEY:
        raise MCPError(INVALID_PARAMS, f"An idempotency key must be a string of 1 to {LONGEST_KEY} characters")
    return key


def _meta(ctx: Context) -> dict[str, Any]:
    """How the client wants to be told, and which span the work is below."""
    meta: dict[str, Any] = msgspec.to_builtins(caller(ctx).audience)
    context = traces.written(traces.here())
    return {**meta, traces.META: context} if context else meta


def _record(tool: Tool, ctx: Context) -> TaskRecord:
    """The task is called what the response's stream is, so that an event id leads to it."""
    return TaskRecord(
        id=caller(ctx).line.stream,
        tool=tool.name,
        queue=tool.queue,
        principal=caller(ctx).principal,
        created_at=int(time.time() * 1000),
        timeout_ms=milliseconds(tool.timeout),
        max_attempts=tool.max_attempts,
        rerun=tool.rerun,
        meta=_meta(ctx),
        asks=asks(ctx),
        grant=caller(ctx).grant,
        shows_ui=shows_ui(ctx),
    )
