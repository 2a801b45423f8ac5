"""What is wrong with a request's params, in one sentence: no dump of the validator reaches a client."""

from collections.abc import Mapping
from typing import Any

from mcp.types import INVALID_PARAMS, ErrorData
from pydantic import ValidationError
from pydantic_core import ErrorDetails


def invalid_params(error: ValidationError, params: Mapping[str, Any] | None) -> ErrorData:
    """-32602 that names the first part that is wrong; the alternatives of a union say nothing to a person."""
    details = error.errors(include_url=False, include_context=False, include_input=False)
    where, detail = max(((_path(each, params or {}), each) for each in details), key=lambda found: len(found[0]))
    name = ".".join(where) or "params"
    reason = "is required" if detail["type"] == "missing" else "does not have the form that this method takes"
    return ErrorData(code=INVALID_PARAMS, message=f"Invalid request parameters: {name} {reason}")


def _path(detail: ErrorDetails, params: Mapping[str, Any]) -> tuple[str, ...]:
    """As far as the location leads into what was sent, and one step further when something is missing there."""
    location = [str(step) for step in detail["loc"]]
    if location[:1] == ["params"]:
        location = location[1:]
    here: Any = params
    path: list[str] = []
    for step in location:
        if isinstance(here, Mapping) and step in here:
            path.append(step)
            here = here[step]  # pyright: ignore[reportUnknownVariableType]  # any JSON
    if detail["type"] == "missing" and location and location[-1] not in path[-1:]:
        path.append(location[-1])
    return tuple(path)
