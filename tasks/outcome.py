"""From what a tool returned to its result, and from a result to what is stored of it."""

import json
from collections.abc import Sequence
from typing import Any

import msgspec

from tasks.result import Content, Result, Text
from tasks.tool import Tool


def finished(tool: Tool, value: Any, attached: Sequence[Content]) -> Result:  # noqa: ANN401  # what the tool returned
    """The result of *value*, which must fit the tool's output schema (pydantic's ValidationError otherwise)."""
    structured = tool.output.structured(value)
    if any(isinstance(content, Text) for content in attached):
        return Result(content=tuple(attached), structured=structured)
    text = ("" if value is None else str(value)) if structured is None else json.dumps(structured, ensure_ascii=False)
    return Result(content=(Text(text), *attached), structured=structured)


def own_error(tool: str, run_id: str) -> str:
    """What a client is told of an exception nobody meant it to see."""
    return f"{tool} failed because of an error of its own. The server's log says more under run {run_id}."


def outcome(result: Result) -> dict[str, Any]:
    """The stored shape of a result, plain JSON."""
    return msgspec.to_builtins(result)


def restored(stored: Any) -> Result:  # noqa: ANN401  # plain JSON
    return msgspec.convert(stored, Result)
