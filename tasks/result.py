"""What a tool hands back, in words of no protocol."""

import base64
from typing import Any

import msgspec


class Text(msgspec.Struct, frozen=True, tag="text"):
    """Words for a person or a model."""

    text: str


class Link(msgspec.Struct, frozen=True, tag="link"):
    """A resource the reader may fetch."""

    uri: str
    name: str
    title: str | None = None
    description: str | None = None
    mime_type: str | None = None


class Image(msgspec.Struct, frozen=True, tag="image"):
    """A picture; *data* is base64."""

    data: str
    mime_type: str

    @classmethod
    def of(cls, raw: bytes, mime_type: str) -> "Image":
        return cls(base64.b64encode(raw).decode(), mime_type)


class Audio(msgspec.Struct, frozen=True, tag="audio"):
    """A sound; *data* is base64."""

    data: str
    mime_type: str

    @classmethod
    def of(cls, raw: bytes, mime_type: str) -> "Audio":
        return cls(base64.b64encode(raw).decode(), mime_type)


class Embedded(msgspec.Struct, frozen=True, tag="embedded"):
    """A resource sent along: its *text*, or its bytes as base64 in *blob*."""

    uri: str
    text: str | None = None
    blob: str | None = None
    mime_type: str | None = None


Content = Text | Link | Image | Audio | Embedded


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """A finished run: *structured* matches the tool's output schema, *content* is for reading."""

    content: tuple[Content, ...]
    structured: dict[str, Any] | None = None
    is_error: bool = False


def failure(message: str) -> Result:
    """A result that says what went wrong and what would be right."""
    return Result(content=(Text(message),), is_error=True)
