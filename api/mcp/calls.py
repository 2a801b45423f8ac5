"""`tools/list` and `tools/call`: inline tools run here, the others become tasks whose events are relayed."""

import asyncio
import time
from dataclasses import dataclass
from datetime import timedelta
from difflib import get_close_matches
from typing import Any, Final

import anyio
import msgspec
import structlog
from mcp import MCPError
from mcp.types import (
    INVALID_PARAMS,
    CallToolRequestParams,
    CallToolResult,
    InputRequiredResult,
    ListToolsResult,
    PaginatedRequestParams,
    ToolAnnotations,
)
from mcp.types import Tool as ListedTool

from api.mcp.caller import Context, asks, caller
from api.mcp.cursor import START
from api.mcp.inputs import INVALID_STATE, Waiting, answers_to, required, state_of
from api.mcp.offers import Offers
from api.mcp.translate import call_result, ending, message
from storage.events import Asked, Ended, Event, HangUp, Progress, Status
from storage.records import NOTHING_DONE, TaskRecord
from storage.results import ResultStore
from storage.streams import StreamStore
from storage.subscriber import Reader, Subscriber
from storage.tasks import TaskStore
from storage.workers import WorkerRegistry
from tasks.ask import Question, restored
from tasks.catalog import Catalog
from tasks.errors import Unsupported
from tasks.inline import InlineRun, run_inline
from tasks.outcome import outcome
from tasks.queue import JobQueue
from tasks.result import Result, failure
from tasks.schema import InvalidArguments
from tasks.tool import Tool

QUEUED_WORD_AFTER: Final = 2.0
"""Seconds in the queue after which a client is told that no worker is there."""
WAITING_STEP: Final = 1e-9
"""How much a second in the queue adds to the progress number: less than anything a tool can report."""
NO_WORKER: Final = "queued, no worker is running"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Calls:
    catalog: Catalog
    tasks: TaskStore
    streams: StreamStore
    queue: JobQueue
    subscriber: Subscriber
    workers: WorkerRegistry
    results: ResultStore
    offers: Offers
    no_worker_timeout: timedelta

    def input_schema(self, name: str) -> dict[str, Any] | None:
        tool = self.catalog.find_tool(name)
        return None if tool is None else tool.arguments.schema

    async def list_tools(self, ctx: Context, params: PaginatedRequestParams | None) -> ListToolsResult:
        if params and params.cursor is not None:
            raise MCPError(INVALID_PARAMS, "Unknown cursor: the list of tools has one page")
        return ListToolsResult(tools=[_listed(tool) for tool in self.catalog.tools])

    async def call_tool(self, ctx: Context, params: CallToolRequestParams) -> CallToolResult | InputRequiredResult:
        """A result in every case but one: an unknown tool is a protocol error (-32602, tools: error handling)."""
        tool = self.catalog.find_tool(params.name)
        if tool is None:
            close = get_close_matches(params.name[:100], self.catalog.names(), n=3, cutoff=0.5)
            hint = f"Did you mean {' or '.join(close)}?" if close else "tools/list names those there are."
            raise MCPError(INVALID_PARAMS, f"Unknown tool: {params.name[:100]}. {hint}")
        raw = msgspec.json.encode(params.arguments or {})
        try:
            arguments = tool.arguments.parse(raw)
        except InvalidArguments as error:
            return call_result(failure(f"Invalid arguments for {tool.name}: {error}"))
        if tool.inline:
            return await self._run_inline(ctx, tool, arguments)
        state = state_of(ctx)
        if isinstance(state, Waiting):
            return await self._continue(ctx, state)
        return await self._run_on_worker(ctx, tool, raw)

    async def _run_inline(
        self, ctx: Context, tool: Tool, arguments: dict[str, Any]
    ) -> CallToolResult | InputRequiredResult:
        async def call(run: InlineRun) -> Result:
            result = await run_inline(tool, run, arguments)
            for event in run.events:
                if body := message(event, caller(ctx).audience, caller(ctx).line.stream):
                    await caller(ctx).line.notify(body["method"], body["params"])
            if tool.keep and not result.is_error:
                kept = msgspec.json.encode(outcome(result))
                await self.results.add(run.id, run.principal, kept, keep=tool.keep)
            return result

        try:
            result = await self.offers.call(ctx, call)
        except Unsupported as error:
            result = failure(str(error))
        return call_result(result) if isinstance(result, Result) else result

    async def _run_on_worker(self, ctx: Context, tool: Tool, raw: bytes) -> CallToolResult | InputRequiredResult:
        """Accept the task, follow its log, wake a worker: in this order, so that nothing is missed."""
        record = _record(tool, ctx)
        session = caller(ctx).session
        accepting = self.tasks.accept(record, raw)
        if session is None or ctx.request_id is None:
            await accepting
        else:
            await asyncio.gather(accepting, self.streams.add_call(session, ctx.request_id, record.id))
        caller(ctx).line.back_by_task()
        return await self._attend(ctx, record, after=START, wake=True)

    async def _continue(self, ctx: Context, state: Waiting) -> CallToolResult | InputRequiredResult:
        """Hand the answers of a retry to the task that waits for them, and go on relaying it."""
        record = await self.tasks.find(state.task)
        if record is None or record.principal != caller(ctx).principal:
            raise INVALID_STATE
        if unanswered := await self._answer(ctx, record):
            return required(unanswered, state)
        return await self._attend(ctx, record, after=state.entry)

    async def _answer(self, ctx: Context, record: TaskRecord) -> dict[str, Question]:
        """Give the task what this request brings; the answer is what must still be asked."""
        questions = {key: restored(plain) for key, plain in (await self.tasks.open_questions(record)).items()}
        answers = answers_to(ctx, questions)
        for key, answer in answers.items():
            await self.tasks.answer(record, key, answer)
        return {key: question for key, question in questions.items() if key not in answers}

    async def _attend(
        self, ctx: Context, record: TaskRecord, *, after: str, wake: bool = False
    ) -> CallToolResult | InputRequiredResult:
        """Relay the task's events until it ends or needs an answer; cancel it when nobody waits for it any more."""
        try:
            async with self.subscriber.follow(self.tasks.log_of(record), after=after) as events:
                if wake:
                    await self.queue.send(record)
                return await self._relay(ctx, record, events)
        except BaseException as error:
            # The caller left, cancelled, or can no longer be answered: nobody waits for this run.
            if not caller(ctx).line.leaves_work and not isinstance(error, MCPError):
                with anyio.CancelScope(shield=True), anyio.move_on_after(5):
                    await self.tasks.cancel(record, "its caller no longer waits")
                if not isinstance(error, asyncio.CancelledError):
                    log.warning("call ended before its task", task=record.id, error=str(error))
            raise

    async def _relay(self, ctx: Context, record: TaskRecord, events: Reader) -> CallToolResult | InputRequiredResult:
        line, audience = caller(ctx).line, caller(ctx).audience
        entry, event, told = await self._first(ctx, record, events)
        while not isinstance(event, Ended):
            asked = isinstance(event, Asked) and not audience.is_asked_directly
            if asked and (unanswered := await self._answer(ctx, record)):
                return required(unanswered, Waiting(record.id, entry))
            if isinstance(event, HangUp):
                line.hang_up()
            backwards = isinstance(event, Progress) and event.done <= told
            if not backwards and (body := message(event, audience, line.stream)):
                await line.say(body, entry)
            entry, payload = await anext(events)
            event = self.tasks.decode(record, payload)
        line.end_at(entry)
        return call_result(ending(event, audience))

    async def _first(self, ctx: Context, record: TaskRecord, events: Reader) -> tuple[str, Event, float]:
        """The first event after the task left the queue, its id, and the progress the client was told meanwhile.

        Ends the task when no worker is there to take it.
        """
        told = NOTHING_DONE
        started = time.monotonic()
        patience = self.no_worker_timeout.total_seconds()
        while True:
            try:
                async with asyncio.timeout(QUEUED_WORD_AFTER):
                    entry, payload = await anext(events)
            except TimeoutError:
                if await self.workers.alive(record.queue):
                    continue
                waited = time.monotonic() - started
                if patience and waited >= patience:
                    await self._give_up(record, waited)
                    patience = 0.0
                    continue
                told = waited * WAITING_STEP
                word = Progress(done=told, message=NO_WORKER)
                if body := message(word, caller(ctx).audience, caller(ctx).line.stream):
                    await caller(ctx).line.say(body, None)
                continue
            event = self.tasks.decode(record, payload)
            if not (isinstance(event, Status) and event.status == "queued"):
                return entry, event, told

    async def _give_up(self, record: TaskRecord, waited: float) -> None:
        """End a task that nobody takes; its log says so next, or that a worker took it just now."""
        await self.tasks.cancel(
            record,
            f"{record.tool} was not started: {NO_WORKER} for queue {record.queue!r} since {waited:.0f} s. "
            "Start one with `mcp-playground worker` and call again.",
        )


def _record(tool: Tool, ctx: Context) -> TaskRecord:
    """The task is called what the response's stream is, so that an event id leads to it."""
    return TaskRecord(
        id=caller(ctx).line.stream,
        tool=tool.name,
        queue=tool.queue,
        principal=caller(ctx).principal,
        created_at=int(time.time() * 1000),
        timeout_ms=int(tool.timeout.total_seconds() * 1000),
        max_attempts=tool.max_attempts,
        rerun=tool.rerun,
        meta=msgspec.to_builtins(caller(ctx).audience),
        asks=asks(ctx),
    )


def _listed(tool: Tool) -> ListedTool:
    return ListedTool(
        name=tool.name,
        title=tool.title,
        description=tool.description,
        input_schema=tool.arguments.schema,
        output_schema=tool.output.schema,
        annotations=ToolAnnotations(title=tool.title, **_hints(tool)),
    )


def _hints(tool: Tool) -> dict[str, Any]:
    hints = tool.annotations
    return {
        "read_only_hint": hints.get("readOnlyHint"),
        "destructive_hint": hints.get("destructiveHint"),
        "idempotent_hint": hints.get("idempotentHint"),
        "open_world_hint": hints.get("openWorldHint"),
    }
