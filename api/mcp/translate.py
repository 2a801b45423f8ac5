"""From a task's events to JSON-RPC messages: pure functions, so any replica can go on with a response."""

import json
from collections.abc import Mapping
from typing import Any, cast

import msgspec
from mcp import MCPError
from mcp.types import (
    MISSING_REQUIRED_CLIENT_CAPABILITY,
    AudioContent,
    BlobResourceContents,
    CallToolResult,
    ContentBlock,
    EmbeddedResource,
    ImageContent,
    ResourceLink,
    TextContent,
    TextResourceContents,
)

from api.mcp.levels import LEVELS
from storage.events import Asked, Ended, Event, HangUp, Log, Progress, Status, Text, Withdrawn
from storage.states import Level
from tasks.ask import Elicitation, Question, Roots, Sampling, SamplingMessage, UrlElicitation, restored
from tasks.outcome import restored as restored_result
from tasks.result import Audio, Content, Embedded, Image, Link, Result, failure
from tasks.result import Text as TextBlock

DATA_KEY = "mcp-server-playground/data"
"""Where a progress notification's `_meta` carries what the step made."""


class Audience(msgspec.Struct, frozen=True, kw_only=True):
    """What a request said about how it wants to be told; kept with the task, for the replica that goes on."""

    request: int | str
    progress_token: int | str | None = None
    log_level: Level | None = None
    """The lowest level of log messages the client wants on this request's stream; None for none at all."""
    session: str | None = None
    """The session's scope; None in the stateless era."""

    @property
    def is_asked_directly(self) -> bool:
        """Whether questions travel as requests of ours; in the stateless era the result asks instead."""
        return self.session is not None


def message(event: Event, audience: Audience, stream: str) -> dict[str, Any] | None:
    """What the client is told of *event* on *stream*; None when it asked for nothing of the kind."""
    match event:
        case Progress():
            return _progress(audience, event.done, event.total, _words(event), event.data)
        case Text():
            return _progress(audience, event.done, event.total, event.text) or _log(audience, "info", event.text)
        case Log():
            data = {**event.data, "message": event.message} if event.data else event.message
            return _log(audience, event.level, data)
        case Asked() if audience.is_asked_directly:
            request_id = question_id(stream, event.key)
            method, params = request(restored(event.question), request_id)
            return {"jsonrpc": "2.0", "id": request_id, "method": method, "params": params}
        case Withdrawn() if audience.is_asked_directly:
            reason = "nobody answered in time"
            return _notification("cancelled", {"requestId": question_id(stream, event.key), "reason": reason})
        case Asked() | Withdrawn() | Status() | HangUp() | Ended():
            return None


def question_id(stream: str, key: str) -> str:
    """The id of a request of ours: where the answer belongs, whichever replica gets it."""
    return f"{stream}.{key}"


def question_of(request_id: object) -> tuple[str, str] | None:
    """Stream and key behind the id a client answers; None when it is none of ours."""
    stream, dot, key = request_id.partition(".") if isinstance(request_id, str) else ("", "", "")
    return (stream, key) if dot and key and len(stream) == 32 else None  # noqa: PLR2004  # 128 bits in hexadecimal


def request(question: Question, request_id: str | None = None) -> tuple[str, dict[str, Any]]:
    """Method and params of a question; with a *request_id* as the handshake eras want them."""
    match question:
        case Elicitation():
            return "elicitation/create", {"message": question.message, "requestedSchema": question.schema}
        case UrlElicitation():
            named = {} if request_id is None else {"elicitationId": request_id}
            return "elicitation/create", {"mode": "url", "message": question.message, "url": question.url, **named}
        case Sampling():
            prompt = question.prompt
            turns = (SamplingMessage("user", TextBlock(prompt)),) if isinstance(prompt, str) else prompt
            optional = {"systemPrompt": question.system, "temperature": question.temperature}
            return "sampling/createMessage", {
                "messages": [{"role": turn.role, "content": plain(turn.content)} for turn in turns],
                "maxTokens": question.max_tokens,
                **{name: value for name, value in optional.items() if value is not None},
            }
        case Roots():
            return "roots/list", {}


def _notification(name: str, params: Mapping[str, Any]) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "method": f"notifications/{name}", "params": params}


def _words(event: Progress) -> str | None:
    """The message, and after it the data for clients that show nothing but the message."""
    if event.data is None:
        return event.message or None
    data = json.dumps(event.data, ensure_ascii=False)
    return f"{event.message}: {data}" if event.message else data


def _progress(
    audience: Audience, done: float, total: float | None, message: str | None, data: object = None
) -> dict[str, Any] | None:
    if audience.progress_token is None:
        return None
    optional = {"total": total, "message": message, "_meta": None if data is None else {DATA_KEY: data}}
    given = {name: value for name, value in optional.items() if value is not None}
    return _notification("progress", {"progressToken": audience.progress_token, "progress": done, **given})


def _log(audience: Audience, level: Level, data: object) -> dict[str, Any] | None:
    if audience.log_level is None or LEVELS.index(level) < LEVELS.index(audience.log_level):
        return None
    return _notification("message", {"level": level, "data": data, "logger": "tool"})


def ending(event: Ended, audience: Audience) -> Result:
    """The result a task ended with, or its failure in words. MCPError for a failure that is no result.

    In the stateless era a question the client does not take is -32021 (2026-07-28, basic: capabilities).
    """
    if event.error is not None:
        raise MCPError(int(event.error["code"]), str(event.error["message"]), event.error.get("data"))
    if event.missing and not audience.is_asked_directly:
        raise missing_capability(event.missing)
    if event.outcome is not None:
        return restored_result(event.outcome)
    return failure(event.message or f"the run ended: {event.status}")


def missing_capability(kind: str) -> MCPError:
    name, _, mode = kind.partition(".")
    needed: dict[str, dict[str, Any]] = {name: {mode: {}} if mode else {}}
    return MCPError(
        MISSING_REQUIRED_CLIENT_CAPABILITY,
        f"This call needs the client capability {kind}",
        {"requiredCapabilities": needed},
    )


def call_result(result: Result) -> CallToolResult:
    return CallToolResult(
        content=[block(content) for content in result.content],
        structured_content=result.structured,
        is_error=result.is_error,
    )


def wire(result: CallToolResult) -> dict[str, Any]:
    """As the SDK would put it on the wire."""
    return result.model_dump(by_alias=True, mode="json", exclude_none=True)


def plain(content: Content) -> dict[str, Any]:
    return block(content).model_dump(by_alias=True, mode="json", exclude_none=True)


def block(content: Content) -> ContentBlock:
    match content:
        case TextBlock(text=text):
            return TextContent(type="text", text=text)
        case Image(data=data, mime_type=mime_type):
            return ImageContent(type="image", data=data, mime_type=mime_type)
        case Audio(data=data, mime_type=mime_type):
            return AudioContent(type="audio", data=data, mime_type=mime_type)
        case Embedded(uri=uri, blob=str(blob)):
            return EmbeddedResource(
                type="resource", resource=BlobResourceContents(uri=uri, blob=blob, mime_type=content.mime_type)
            )
        case Embedded():
            text = content.text or ""
            resource = TextResourceContents(uri=content.uri, text=text, mime_type=content.mime_type)
            return EmbeddedResource(type="resource", resource=resource)
        case Link():
            return ResourceLink(
                name=content.name,
                uri=content.uri,
                title=content.title,
                description=content.description,
                mime_type=content.mime_type,
            )


def audience_of(meta: Mapping[str, Any]) -> Audience:
    """The audience kept in a task's record."""
    return msgspec.convert(cast("dict[str, Any]", meta), Audience)
