"""`tools/list` and `tools/call`: inline tools run here, the others become tasks whose events are relayed."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from difflib import get_close_matches
from functools import partial
from typing import Any

import msgspec
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

from api.mcp.caller import Context, caller
from api.mcp.cursor import START
from api.mcp.durable import DurableTasks, declares, must_declare
from api.mcp.inputs import INVALID_STATE, Waiting, required, state_of
from api.mcp.intake import Intake
from api.mcp.jobs import RESULT as JOB_RESULT
from api.mcp.jobs import Jobs
from api.mcp.offers import Offers
from api.mcp.relay import Patience, Relay
from api.mcp.translate import call_result, message
from storage import traces
from storage.records import TaskRecord
from storage.results import ResultStore
from storage.tasks import TaskStore
from tasks.catalog import Catalog
from tasks.errors import ProtocolError, ToolError, Unsupported
from tasks.inline import InlineRun, run_inline
from tasks.outcome import outcome
from tasks.queue import JobQueue
from tasks.result import Result, failure
from tasks.schema import InvalidArguments
from tasks.tool import Tool

Answered = CallToolResult | InputRequiredResult | dict[str, Any]
"""A result, one that asks, or the handle of a task."""


@dataclass(frozen=True, kw_only=True)
class Calls:
    catalog: Catalog
    tasks: TaskStore
    queue: JobQueue
    results: ResultStore
    offers: Offers
    durable: DurableTasks
    intake: Intake
    relay: Relay
    jobs: Jobs
    task_after: timedelta
    call_deadline: timedelta
    """How long a client that takes no tasks waits for a call; zero for as long as it takes."""

    def input_schema(self, name: str) -> dict[str, Any] | None:
        tool = self.catalog.find_tool(name)
        return None if tool is None else tool.arguments.schema

    async def list_tools(self, ctx: Context, params: PaginatedRequestParams | None) -> ListToolsResult:
        if params and params.cursor is not None:
            raise MCPError(INVALID_PARAMS, "Unknown cursor: the list of tools has one page")
        return ListToolsResult(tools=[_listed(tool) for tool in self.catalog.tools])

    async def call_tool(self, ctx: Context, params: CallToolRequestParams) -> Answered:
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
        is_job_result = tool.name == JOB_RESULT
        if tool.inline and not is_job_result:
            return await self._run_inline(ctx, tool, arguments)
        state = state_of(ctx)
        if isinstance(state, Waiting):
            return await self._continue(ctx, tool, state)
        if is_job_result:
            return await self._job_result(ctx, tool, arguments["job_id"])
        if tool.task == "required" and not declares(ctx):
            raise must_declare(f"The tool {tool.name}")
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
        except ProtocolError as error:
            raise MCPError(error.code, str(error), error.data) from None
        return call_result(result) if isinstance(result, Result) else result

    async def _run_on_worker(self, ctx: Context, tool: Tool, raw: bytes) -> Answered:
        """Accept the task, follow its log, wake a worker: in this order, so that nothing is missed."""
        record, is_new = await self.intake.accept(ctx, tool, raw)
        if is_new:
            caller(ctx).line.back_by_task()
        if declares(ctx) and tool.task in ("always", "required"):
            if is_new:
                await self.queue.send(record)
            return await self.durable.created(record)
        wake = partial(self.queue.send, record) if is_new else None
        return await self._wait(ctx, tool, record, wake=wake)

    async def _continue(self, ctx: Context, tool: Tool, state: Waiting) -> Answered:
        """Hand the answers of a retry to the task that waits for them, and go on relaying it."""
        record = await self.tasks.find(state.task)
        if record is None or record.principal != caller(ctx).principal:
            raise INVALID_STATE
        traces.link(record.meta)
        if unanswered := await self.relay.answer(ctx, record):
            return required(unanswered, state)
        return await self._wait(ctx, tool, record, after=state.entry)

    async def _job_result(self, ctx: Context, tool: Tool, job_id: str) -> Answered:
        try:
            record, _ = await self.jobs.find(job_id, caller(ctx).principal)
        except ToolError as error:
            return call_result(failure(str(error)))
        return await self._wait(ctx, tool, record)

    async def _wait(
        self,
        ctx: Context,
        tool: Tool,
        record: TaskRecord,
        *,
        after: str = START,
        wake: Callable[[], Awaitable[None]] | None = None,
    ) -> Answered:
        """Relay the task; when it takes longer than the call may, hand it over as a task or as a job."""
        takes = declares(ctx) and tool.task != "never"
        if takes:
            patience = Patience(tool.task_after or self.task_after)
        else:
            has_token = caller(ctx).audience.progress_token is not None
            patience = Patience(self.call_deadline or None, from_progress=has_token)
        watching = tool.name == JOB_RESULT
        result = await self.relay.attend(ctx, record, patience, after=after, wake=wake, watching=watching)
        if result is not None:
            return result
        return await (self.durable.created(record) if takes else self.jobs.goes_on(tool, record))


def _listed(tool: Tool) -> ListedTool:
    return ListedTool(
        name=tool.name,
        title=tool.title,
        description=tool.description,
        input_schema=tool.arguments.schema,
        output_schema=tool.output.schema,
        annotations=ToolAnnotations(title=tool.title, **_hints(tool)),
        _meta=_page(tool),
    )


def _page(tool: Tool) -> dict[str, Any] | None:
    """Where the page of a tool is (MCP Apps: resource discovery).

    The second key is the one of before the specification was final: hosts of that time read no other.
    """
    return None if tool.ui is None else {"ui": {"resourceUri": tool.ui}, "ui/resourceUri": tool.ui}


def _hints(tool: Tool) -> dict[str, Any]:
    hints = tool.annotations
    return {
        "read_only_hint": hints.get("readOnlyHint"),
        "destructive_hint": hints.get("destructiveHint"),
        "idempotent_hint": hints.get("idempotentHint"),
        "open_world_hint": hints.get("openWorldHint"),
    }
