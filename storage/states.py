"""The life of a task: one table. The scripts and everything else ask it.

queued -> working <-> input_required -> completed | failed | cancelled | interrupted
"""

from typing import Final, Literal, get_args

Status = Literal["queued", "working", "input_required", "completed", "failed", "cancelled", "interrupted"]
Level = Literal["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"]
"""Severities of RFC 5424, as MCP's logging names them, lowest first."""
Ending = Literal["completed", "failed", "cancelled", "interrupted"]

ENDINGS: Final[frozenset[str]] = frozenset(get_args(Ending))

TRANSITIONS: Final[dict[Status, frozenset[Status]]] = {
    # A worker claims it; or it is cancelled, or given up, before one did.
    "queued": frozenset({"working", "cancelled", "failed"}),
    # Back to queued when the worker let go or its lease ran out.
    "working": frozenset({"queued", "input_required", "completed", "failed", "cancelled", "interrupted"}),
    "input_required": frozenset({"queued", "working", "failed", "cancelled", "interrupted"}),
    "completed": frozenset(),
    "failed": frozenset(),
    "cancelled": frozenset(),
    "interrupted": frozenset(),
}


def is_ended(status: str) -> bool:
    return status in ENDINGS


def lua_table() -> str:
    """The table as a Lua literal, so that the scripts ask it too: `allowed[from][to]`."""
    rows = (f"{start}={{{','.join(f'{end}=true' for end in sorted(ends))}}}" for start, ends in TRANSITIONS.items())
    return f"local allowed = {{{','.join(rows)}}}"
