"""The experimental tasks of 2025-11-25, for clients of that version, as a thin adapter over the same tasks.

Off unless `MCP_EXPERIMENTAL_TASKS` is on. The SDK has the types of that experiment and no server for it; a result that
middleware makes passes the SDK unchanged.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

import msgspec
from mcp import MCPError
from mcp.server.context import CallNext, HandlerResult
from mcp.types import INVALID_PARAMS, METHOD_NOT_FOUND, CallToolResult

from api.mcp.caller import Context, caller
from api.mcp.calls import Calls
from api.mcp.durable import POLL_EVERY, shown
from api.mcp.relay import Patience
from api.mcp.translate import wire
from storage.errors import NotFound
from storage.records import TaskRecord, TaskState
from storage.states import is_ended
from tasks.schema import InvalidArguments
from tasks.tool import TaskPolicy, Tool

VERSION: Final = "2025-11-25"
RELATED: Final = "io.modelcontextprotocol/related-task"
CAPABILITY: Final[Mapping[str, Any]] = {"list": {}, "cancel": {}, "requests": {"tools": {"call": {}}}}
_SUPPORT: Final[Mapping[TaskPolicy, str]] = {
    "never": "forbidden",
    "slow": "optional",
    "always": "optional",
    "required": "required",
}
NO_SUCH_TASK: Final = MCPError(INVALID_PARAMS, "Unknown task: it expired, or was never yours")


@dataclass(frozen=True)
class LegacyTasks:
    """Server middleware: answers what that version calls tasks, and passes on the rest."""

    calls: Calls

    async def __call__(self, ctx: Context, call_next: CallNext) -> HandlerResult:
        if ctx.method == "initialize":
            return _with_capability(await call_next(ctx))
        if ctx.protocol_version != VERSION:
            return await call_next(ctx)
        params = cast("Mapping[str, Any]", ctx.params or {})
        own: Mapping[str, Callable[[Context, Mapping[str, Any]], Awaitable[dict[str, Any]]]] = {
            "tasks/get": self._get,
            "tasks/result": self._result,
            "tasks/list": self._list,
            "tasks/cancel": self._cancel,
        }
        if handler := own.get(ctx.method):
            return await handler(ctx, params)
        if ctx.method == "tools/call" and "task" in params:
            return await self._create(ctx, params)
        if ctx.method == "tools/call" and (tool := self._tool(params)) and tool.task == "required":
            raise MCPError(METHOD_NOT_FOUND, f"{tool.name} runs as a task only: give params.task")
        result = await call_next(ctx)
        return self._with_support(result) if ctx.method == "tools/list" else result

    async def _get(self, ctx: Context, params: Mapping[str, Any]) -> dict[str, Any]:
        return self._plain(*await self._own(ctx, params))

    async def _create(self, ctx: Context, params: Mapping[str, Any]) -> dict[str, Any]:
        tool = self._tool(params)
        if tool is None:
            raise MCPError(INVALID_PARAMS, f"Unknown tool: {str(params.get('name'))[:100]}")
        if _support(tool) == "forbidden":
            raise MCPError(METHOD_NOT_FOUND, f"{tool.name} does not run as a task: call it without params.task")
        raw = msgspec.json.encode(params.get("arguments") or {})
        try:
            tool.arguments.parse(raw)
        except InvalidArguments as error:
            raise MCPError(INVALID_PARAMS, f"Invalid arguments for {tool.name}: {error}") from None
        record, is_new = await self.calls.intake.accept(ctx, tool, raw)
        if is_new:
            await self.calls.queue.send(record)
        _, state = await self.calls.tasks.get(record.id, record.principal)
        return {"task": self._plain(record, state)}

    async def _result(self, ctx: Context, params: Mapping[str, Any]) -> dict[str, Any]:
        """Wait for the end, with progress and questions on this request's stream, and return what it came to."""
        record, _ = await self._own(ctx, params)
        result = await self.calls.relay.attend(ctx, record, Patience(None), watching=True)
        if not isinstance(result, CallToolResult):
            raise NO_SUCH_TASK
        return {**wire(result), "_meta": {RELATED: {"taskId": record.id}}}

    async def _list(self, ctx: Context, params: Mapping[str, Any]) -> dict[str, Any]:
        if params.get("cursor") is not None:
            raise MCPError(INVALID_PARAMS, "Unknown cursor: the list of tasks has one page")
        principal = caller(ctx).principal
        ids = await self.calls.jobs.admission.own(principal)
        return {"tasks": [self._plain(*each) for each in await self.calls.tasks.several(ids, principal)]}

    async def _cancel(self, ctx: Context, params: Mapping[str, Any]) -> dict[str, Any]:
        record, state = await self._own(ctx, params)
        if is_ended(state.status):
            raise MCPError(INVALID_PARAMS, f"The task has ended ({shown(state.status)}) and cannot be cancelled")
        await self.calls.jobs.cancel(record)
        return self._plain(*await self._own(ctx, params))

    async def _own(self, ctx: Context, params: Mapping[str, Any]) -> tuple[TaskRecord, TaskState]:
        try:
            return await self.calls.tasks.get(str(params.get("taskId")), caller(ctx).principal)
        except NotFound:
            raise NO_SUCH_TASK from None

    def _plain(self, record: TaskRecord, state: TaskState) -> dict[str, Any]:
        body = self.calls.durable.task(record, state)
        del body["ttlMs"], body["pollIntervalMs"]
        return {**body, "ttl": self.calls.durable.ttl_ms, "pollInterval": POLL_EVERY}

    def _tool(self, params: Mapping[str, Any]) -> Tool | None:
        return self.calls.catalog.find_tool(str(params.get("name")))

    def _with_support(self, result: HandlerResult) -> HandlerResult:
        listed = cast("dict[str, Any]", result)
        for entry in listed["tools"]:
            tool = self.calls.catalog.find_tool(entry["name"])
            entry["execution"] = {"taskSupport": _support(tool) if tool else "forbidden"}
        return listed


def _support(tool: Tool) -> str:
    return "forbidden" if tool.inline else _SUPPORT[tool.task]


def _with_capability(result: HandlerResult) -> HandlerResult:
    initialized = cast("dict[str, Any]", result)
    if initialized.get("protocolVersion") == VERSION:
        initialized["capabilities"] = {**initialized["capabilities"], "tasks": dict(CAPABILITY)}
    return initialized
