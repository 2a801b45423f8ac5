"""Results that are too large for an answer: kept apart, and named in it by a link."""

import re
from datetime import timedelta
from typing import Final

import msgspec

from storage.records import TaskRecord
from storage.results import ResultStore
from tasks.outcome import outcome
from tasks.result import Link, Result, Text, failure
from tasks.settings import ToolSettings

SCHEME: Final = "result://"
"""Of the resource that is a result: followed by the id of its run."""

_NAME: Final = re.compile(r"[a-z0-9-]{1,32}")


def result_uri(run_id: str) -> str:
    return f"{SCHEME}{run_id}"


def document_uri(run_id: str, name: str) -> str:
    """Of what a run keeps beside its result."""
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is not a document's name: use 1 to 32 of a-z 0-9 -")
    return f"{SCHEME}{run_id}/{name}"


async def fitting(
    result: Result,
    results: ResultStore,
    settings: ToolSettings,
    *,
    record: TaskRecord,
    keep: timedelta,
) -> Result:
    """The result itself when it is small enough, or else what points to it; an error when no one should keep it."""
    plain = msgspec.json.encode(outcome(result))
    if len(plain) <= settings.result_inline_limit:
        return result
    if len(plain) > settings.result_limit:
        return failure(
            f"{record.tool} returned {len(plain)} bytes and at most {settings.result_limit} are taken: ask it for less."
        )
    await results.add(record.id, record.principal, plain, keep=keep)
    kind = "text/plain" if result.structured is None else "application/json"
    uri = result_uri(record.id)
    words = Text(f"The result of {record.tool} has {len(plain)} bytes, too many for this answer. Read it as {uri}.")
    link = Link(uri, "the whole result", mime_type=kind)
    # Structured content must be there and fit the schema, unless the result is an error (MCP, tools).
    return Result(content=(words, link), is_error=result.is_error or result.structured is not None)
