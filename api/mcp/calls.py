"""`tools/list` and `tools/call`: inline tools run here, the others become tasks whose events are relayed."""

import asyncio
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import anyio
import msgspec
import structlog
from mcp import MCPError
from mcp.types import (
    INVALID_PARAMS,
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    PaginatedRequestParams,
    ToolAnnotations,
)
from mcp.types import Tool as ListedTool

from api.mcp.caller import Caller, Context, caller
from api.mcp.translate import call_result, ending, notification
from storage.events import Ended, Event, Progress, Status
from storage.records import TaskRecord, new_id
from storage.results import ResultStore
from storage.subscriber import Reader, Subscriber
from storage.tasks import TaskStore
from storage.workers import WorkerRegistry
from tasks.catalog import Catalog
from tasks.inline import InlineRun, run_inline
from tasks.outcome import outcome
from tasks.queue import JobQueue
from tasks.result import Result, failure
from tasks.schema import InvalidArguments
from tasks.settings import ToolSettings
from tasks.tool import Tool

QUEUED_WORD_AFTER: Final = 2.0
"""Seconds in the queue after which a client is told that no worker is there."""
NO_WORKER: Final = "queued, no worker is running"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Calls:
    catalog: Catalog
    tasks: TaskStore
    queue: JobQueue
    subscriber: Subscriber
    workers: WorkerRegistry
    results: ResultStore
    settings: ToolSettings
    no_worker_timeout: timedelta

    def input_schema(self, name: str) -> dict[str, Any] | None:
        tool = self.catalog.find(name)
        return None if tool is None else tool.arguments.schema

    async def list_tools(self, ctx: Context, params: PaginatedRequestParams | None) -> ListToolsResult:
        if params and params.cursor is not None:
            raise MCPError(INVALID_PARAMS, "Unknown cursor: the list of tools has one page")
        return ListToolsResult(tools=[_listed(tool) for tool in self.catalog])

    async def call_tool(self, ctx: Context, params: CallToolRequestParams) -> CallToolResult:
        """A result in every case but one: an unknown tool is a protocol error (-32602, tools: error handling)."""
        tool = self.catalog.find(params.name)
        if tool is None:
            known = ", ".join(self.catalog.names())
            raise MCPError(INVALID_PARAMS, f"Unknown tool: {params.name[:100]}. The tools are: {known}")
        raw = msgspec.json.encode(params.arguments or {})
        try:
            arguments = tool.arguments.parse(raw)
        except InvalidArguments as error:
            return call_result(failure(f"Invalid arguments for {tool.name}: {error}"))
        run = self._run_inline(ctx, tool, arguments) if tool.inline else self._run_on_worker(ctx, tool, raw)
        return call_result(await run)

    async def _run_inline(self, ctx: Context, tool: Tool, arguments: dict[str, Any]) -> Result:
        run = InlineRun(caller(ctx).principal, self.settings)
        result = await run_inline(tool, run, arguments)
        for event in run.events:
            await _tell(ctx, event)
        await self._keep(tool, run.id, caller(ctx), result)
        return result

    async def _run_on_worker(self, ctx: Context, tool: Tool, raw: bytes) -> Result:
        """Accept the task, follow its log, wake a worker: in this order, so that nothing is missed."""
        record = _record(tool, caller(ctx))
        await self.tasks.accept(record, raw)
        try:
            async with self.subscriber.follow(self.tasks.log_of(record)) as events:
                await self.queue.send(record)
                result = await self._relay(ctx, record, events)
        except BaseException as error:
            # The caller left, cancelled, or can no longer be answered: nobody waits for this run.
            with anyio.CancelScope(shield=True), anyio.move_on_after(5):
                await self.tasks.cancel(record, "its caller no longer waits")
            if not isinstance(error, asyncio.CancelledError):
                log.warning("call ended before its task", task=record.id, error=str(error))
            raise
        await self._keep(tool, record.id, caller(ctx), result)
        return result

    async def _relay(self, ctx: Context, record: TaskRecord, events: Reader) -> Result:
        """Pass every event on as it comes, until the task's last."""
        event = await self._first(ctx, record, events)
        while not isinstance(event, Ended):
            await _tell(ctx, event)
            _, payload = await anext(events)
            event = self.tasks.decode(record, payload)
        return ending(event)

    async def _first(self, ctx: Context, record: TaskRecord, events: Reader) -> Event:
        """The first event after the task left the queue; an ending of our own when no worker is there to take it."""
        started = time.monotonic()
        patience = self.no_worker_timeout.total_seconds()
        while True:
            try:
                async with asyncio.timeout(QUEUED_WORD_AFTER):
                    _, payload = await anext(events)
            except TimeoutError:
                if await self.workers.alive(record.queue):
                    continue
                waited = time.monotonic() - started
                if patience and waited >= patience:
                    return await self._give_up(record, waited)
                await _tell(ctx, Progress(done=waited * 1e-6, message=NO_WORKER))
                continue
            event = self.tasks.decode(record, payload)
            if not (isinstance(event, Status) and event.status == "queued"):
                return event

    async def _give_up(self, record: TaskRecord, waited: float) -> Event:
        """End a task that nobody takes; if a worker took it just now, go on with it."""
        message = (
            f"{record.tool} was not started: {NO_WORKER} for queue {record.queue!r} since {waited:.0f} s. "
            "Start one with `mcp-playground worker` and call again."
        )
        status = await self.tasks.cancel(record, message)
        return Ended(status="cancelled", message=message) if status == "cancelled" else Status(status="working")

    async def _keep(self, tool: Tool, run_id: str, caller: Caller, result: Result) -> None:
        if tool.keep and not result.is_error:
            await self.results.add(run_id, caller.principal, msgspec.json.encode(outcome(result)), keep=tool.keep)


async def _tell(ctx: Context, event: Event) -> None:
    """On the request's own stream: a notification sent anywhere else is lost."""
    told = notification(event, caller(ctx))
    if told is not None:
        await ctx.session.send_notification(told, related_request_id=ctx.request_id)


def _record(tool: Tool, caller: Caller) -> TaskRecord:
    return TaskRecord(
        id=new_id(),
        tool=tool.name,
        queue=tool.queue,
        principal=caller.principal,
        created_at=int(time.time() * 1000),
        timeout_ms=int(tool.timeout.total_seconds() * 1000),
        max_attempts=tool.max_attempts,
        rerun=tool.rerun,
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
