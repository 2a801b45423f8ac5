"""From a task's events to MCP notifications: a pure function, so any replica can go on with a response."""

import json
from typing import Any

from mcp.types import (
    CallToolResult,
    ContentBlock,
    ImageContent,
    LoggingMessageNotification,
    LoggingMessageNotificationParams,
    ProgressNotification,
    ProgressNotificationParams,
    ResourceLink,
    ServerNotification,
    TextContent,
)

from api.mcp.caller import Caller
from api.mcp.modern import LEVELS
from storage.events import Ended, Event, Log, Progress, Status, Text
from storage.states import Level
from tasks.outcome import restored
from tasks.result import Content, Image, Link, Result, failure
from tasks.result import Text as TextBlock

DATA_KEY = "mcp-server-playground/data"
"""Where a progress notification's `_meta` carries what the step made."""


def notification(event: Event, caller: Caller) -> ServerNotification | None:
    """What the client is told of *event*; None when it asked for nothing of the kind."""
    match event:
        case Progress():
            return _progress(caller, event.done, event.total, _words(event), event.data)
        case Text():
            return _progress(caller, event.done, event.total, event.text) or _message(caller, "info", event.text)
        case Log():
            return _message(
                caller, event.level, {**event.data, "message": event.message} if event.data else event.message
            )
        case Status() | Ended():
            return None


def _words(event: Progress) -> str | None:
    """The message, and after it the data for clients that show nothing but the message."""
    if event.data is None:
        return event.message or None
    data = json.dumps(event.data, ensure_ascii=False)
    return f"{event.message}: {data}" if event.message else data


def _progress(
    caller: Caller, done: float, total: float | None, message: str | None, data: object = None
) -> ProgressNotification | None:
    if caller.progress_token is None:
        return None
    meta: Any = None if data is None else {DATA_KEY: data}
    return ProgressNotification(
        params=ProgressNotificationParams(
            progress_token=caller.progress_token, progress=done, total=total, message=message, _meta=meta
        )
    )


def _message(caller: Caller, level: Level, data: object) -> LoggingMessageNotification | None:
    if caller.log_level is None or LEVELS.index(level) < LEVELS.index(caller.log_level):
        return None
    return LoggingMessageNotification(params=LoggingMessageNotificationParams(level=level, data=data, logger="tool"))


def ending(event: Ended) -> Result:
    """The result a task ended with, or its failure in words."""
    if event.outcome is not None:
        return restored(event.outcome)
    return failure(event.message or f"the run ended: {event.status}")


def call_result(result: Result) -> CallToolResult:
    return CallToolResult(
        content=[_block(content) for content in result.content],
        structured_content=result.structured,
        is_error=result.is_error,
    )


def _block(content: Content) -> ContentBlock:
    match content:
        case TextBlock(text=text):
            return TextContent(type="text", text=text)
        case Image(data=data, mime_type=mime_type):
            return ImageContent(type="image", data=data, mime_type=mime_type)
        case Link():
            return ResourceLink(
                name=content.name,
                uri=content.uri,
                title=content.title,
                description=content.description,
                mime_type=content.mime_type,
            )
