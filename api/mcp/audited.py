"""Every call of a tool leaves a line in the audit trail: by whom, from where, and what it was answered with."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from mcp import MCPError
from mcp.server.context import CallNext, HandlerResult
from mcp.types import CallToolResult, InputRequiredResult

from api.mcp.caller import Context, caller
from auth.audit import Audit

LONGEST_NAME: Final = 100


@dataclass(frozen=True)
class AuditedCalls:
    """Server middleware. How the work of a call ends that goes on is noted where it ends (`Audit.tool_ended`)."""

    audit: Audit

    async def __call__(self, ctx: Context, call_next: CallNext) -> HandlerResult:
        if ctx.method != "tools/call":
            return await call_next(ctx)
        outcome = "error"
        try:
            result = await call_next(ctx)
            outcome = _outcome(result)
        except MCPError as error:
            outcome = f"refused ({error.error.code})"
            raise
        except asyncio.CancelledError:
            outcome = "left by its caller"
            raise
        else:
            return result
        finally:
            who = caller(ctx)
            tool = str(cast("Mapping[str, Any]", ctx.params or {}).get("name", ""))[:LONGEST_NAME]
            self.audit.note(
                "tool called",
                principal=who.principal,
                trail="tools",
                tool=tool,
                run=who.line.stream,
                outcome=outcome,
            )


def _outcome(result: HandlerResult) -> str:
    """What the caller was answered with, in a word."""
    if isinstance(result, CallToolResult):
        return "error" if result.is_error else "completed"
    if isinstance(result, InputRequiredResult):
        return "asked"
    plain: Mapping[str, Any] = result if isinstance(result, dict) else {}
    if plain.get("resultType") == "task" or "task" in plain:
        return "task"
    if plain.get("resultType") == "input_required":
        return "asked"
    return "error" if plain.get("isError") else "completed"
