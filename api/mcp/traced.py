"""A method of MCP as a trace shows it, by OpenTelemetry's conventions for MCP, with names of ours alone."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from mcp import MCPError
from mcp.server.context import CallNext, HandlerResult
from mcp.types import INTERNAL_ERROR, INVALID_PARAMS, CallToolResult
from pydantic import ValidationError

from api.errors import UNAVAILABLE, UNREADABLE
from api.mcp.caller import Context, caller
from api.measured import rpc_of
from storage import traces
from storage.connection import Unavailable
from storage.errors import Unreadable
from tasks.catalog import Catalog

LONGEST_ID: Final = 64
"""Characters of a request's id, which its client makes up."""
TOOL_ERROR: Final = "tool_error"
"""What the conventions call a result that says the tool failed."""
OUTCOME: Final = "mcp_playground.outcome"


@dataclass(frozen=True)
class TracedMethods:
    """Server middleware, the outermost: it sees what the client is answered with.

    Its span is below that of the HTTP request, which continues the caller's trace: where the conventions have two
    traces and a link, there is one (ADR 0021).
    """

    catalog: Catalog

    async def __call__(self, ctx: Context, call_next: CallNext) -> HandlerResult:
        name, attributes = self._described(ctx)
        with traces.span(name, "server", attributes) as span:
            try:
                result = await call_next(ctx)
            except asyncio.CancelledError:
                # Its caller left, or this process ends: nothing failed.
                span.note({OUTCOME: "left by its caller"})
                raise
            except Exception as error:
                code = str(code_of(error))
                span.note({"rpc.response.status_code": code})
                span.fail(code)
                raise
            if _is_error(result):
                span.fail(TOOL_ERROR)
            return result

    def _described(self, ctx: Context) -> tuple[str, traces.Attributes]:
        """The name of the span and what is known when it begins. What is not ours by name is not named."""
        method = rpc_of(ctx.method)
        attributes: dict[str, str] = {
            "mcp.method.name": method,
            "mcp.protocol.version": ctx.protocol_version,
            "network.protocol.name": "http",
            "network.transport": "tcp",
        }
        if ctx.request_id is not None:
            attributes["jsonrpc.request.id"] = str(ctx.request_id)[:LONGEST_ID]
        if (session := caller(ctx).session) is not None:
            # Hashed with its principal: an id of a session is a secret, halfway.
            attributes["mcp.session.id"] = session.scope
        target = self._target(method, ctx.params or {})
        if target and method == "tools/call":
            attributes |= {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": target}
        elif target:
            attributes["gen_ai.prompt.name"] = target
        return f"{method} {target}" if target else method, attributes

    def _target(self, method: str, params: Mapping[str, Any]) -> str | None:
        name = params.get("name")
        if not isinstance(name, str):
            return None
        if method == "tools/call":
            return name if self.catalog.find_tool(name) else None
        return name if method == "prompts/get" and self.catalog.find_prompt(name) else None


def code_of(error: Exception) -> int:
    """The JSON-RPC code that the client is told of it."""
    match error:
        case MCPError():
            return error.error.code
        case ValidationError():
            return INVALID_PARAMS
        case Unreadable():
            return UNREADABLE
        case _:
            return UNAVAILABLE if isinstance(error, Unavailable) else INTERNAL_ERROR


def _is_error(result: HandlerResult) -> bool:
    if isinstance(result, CallToolResult):
        return bool(result.is_error)
    return isinstance(result, dict) and result.get("isError") is True
