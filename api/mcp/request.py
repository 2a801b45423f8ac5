"""Reading one MCP POST: headers, body, JSON. What cannot be read is refused in words."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

import msgspec
from litestar.types import HTTPScope, Receive
from mcp.types import PARSE_ERROR, RequestId

from api.errors import Refused

_ANY: Final = frozenset({"*/*"})
_JSON: Final = frozenset({"application/json", "application/*"}) | _ANY
_STREAM: Final = frozenset({"text/event-stream", "text/*"}) | _ANY


@dataclass(frozen=True, kw_only=True)
class Incoming:
    """A JSON-RPC message with the headers it came with (names in lower case)."""

    headers: Mapping[str, str]
    raw_headers: tuple[tuple[str, str], ...]
    message: Mapping[str, Any]
    streams: bool
    """Whether the client takes an event stream."""
    prefers_stream: bool = False
    """Whether it would rather have one than JSON, even for an answer that is ready."""

    @property
    def method(self) -> str:
        return cast("str", self.message["method"])

    @property
    def params(self) -> Mapping[str, Any] | None:
        return cast("Mapping[str, Any] | None", self.message.get("params"))

    @property
    def request_id(self) -> RequestId | None:
        """None for a notification."""
        return cast("RequestId | None", self.message.get("id"))


def headers_of(scope: HTTPScope) -> tuple[tuple[str, str], ...]:
    """Names in lower case, values without the white space around them (httptools leaves it, RFC 9110 5.5 does not)."""
    pairs = ((name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"])
    return tuple((name.lower(), value.strip(" \t")) for name, value in pairs)


async def read(scope: HTTPScope, receive: Receive, *, max_body: int) -> Incoming:
    """The message of a POST; Refused with the HTTP status and JSON-RPC code when there is none."""
    raw = headers_of(scope)
    headers = dict(raw)
    streams, prefers = _negotiate(headers)
    body = await _body(headers, receive, max_body)
    return Incoming(headers=headers, raw_headers=raw, message=_message(body), streams=streams, prefers_stream=prefers)


def _negotiate(headers: Mapping[str, str]) -> tuple[bool, bool]:
    """Whether the client takes an event stream, and whether it prefers one."""
    content_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != "application/json":
        raise Refused(415, "Content-Type must be application/json")
    accept = headers.get("accept", "*/*")
    stream, plain = _weight(accept, _STREAM), _weight(accept, _JSON)
    if stream is None and plain is None:
        raise Refused(406, "Accept must name application/json and text/event-stream")
    return stream is not None, stream is not None and (plain is None or stream > plain)


def takes_stream(headers: Mapping[str, str]) -> bool:
    """Whether Accept names event streams, which a GET cannot do without."""
    return _weight(headers.get("accept", ""), _STREAM) is not None


def _weight(accept: str, kinds: frozenset[str]) -> tuple[float, int] | None:
    """How much one of *kinds* is wanted: its weight (RFC 9110 12.4.2), then its place; None for not at all."""
    found: list[tuple[float, int]] = []
    for position, part in enumerate(accept.lower().split(",")):
        media_type, *parameters = (piece.strip() for piece in part.split(";"))
        weight = next((_number(each[2:]) for each in parameters if each.startswith("q=")), 1.0)
        if media_type in kinds and weight > 0:
            found.append((weight, -position))
    return max(found, default=None)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 1.0


async def _body(headers: Mapping[str, str], receive: Receive, limit: int) -> bytes:
    declared = headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limit:
        raise Refused(413, f"The request body may have at most {limit} bytes")
    chunks = bytearray()
    while True:
        event = await receive()
        if event["type"] == "http.disconnect":
            raise Refused(400, "The request body is incomplete")
        chunks += event.get("body", b"")
        if len(chunks) > limit:
            raise Refused(413, f"The request body may have at most {limit} bytes")
        if not event.get("more_body", False):
            return bytes(chunks)


def _message(body: bytes) -> Mapping[str, Any]:
    try:
        decoded = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise Refused(400, "Parse error: the body is not JSON", code=PARSE_ERROR) from None
    if not isinstance(decoded, dict):
        raise Refused(400, "The body must be one JSON-RPC message; batches are not supported")
    message = cast("dict[str, Any]", decoded)
    request_id = message.get("id")
    if "id" in message and (isinstance(request_id, bool) or not isinstance(request_id, str | int)):
        raise Refused(400, "Invalid request: id must be a string or an integer")
    params = message.get("params")
    if message.get("jsonrpc") != "2.0" or not isinstance(params, dict | None):
        raise Refused(400, "Invalid request: this is not a JSON-RPC 2.0 message", request_id=request_id)
    if not isinstance(message.get("method"), str) and not ("result" in message or "error" in message):
        raise Refused(400, "Invalid request: method must be a string", request_id=request_id)
    return message
