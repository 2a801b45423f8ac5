"""A request as a trace shows it: the span that holds all the others, in the trace of whoever asked if that is known."""

import time
from collections.abc import Callable, Mapping
from typing import Any, Final, cast

from litestar.types import HTTPScope

from api.measured import VERBS
from storage import traces

TRACED: Final = "mcp.traced"
"""Where in a request's scope its span is."""
CARRIED: Final = (b"traceparent", b"tracestate")
"""What is read of a caller: in `_meta` as MCP has it (SEP-414), or else in the headers. Baggage is left to itself."""
FAILED: Final = 500
"""The first status that is the server's fault; a refusal is a server that works (HTTP semantic conventions)."""


class Traced:
    """The span of one request. It begins when it is known to whose trace it belongs, with the time the request came."""

    def __init__(self, scope: HTTPScope) -> None:
        self._scope = cast("dict[str, Any]", scope)
        self._came = time.time_ns()
        self._span: traces.Span | None = None
        self._leave: Callable[[], None] = lambda: None

    def begin(self, meta: object = None, *, is_known: bool = False) -> None:
        """Open the span, once. *meta* is the `_meta` of the message; *is_known*, whether its sender may call."""
        if self._span is not None:
            return
        parent, link = traces.adopt(_carried(self._scope, meta), is_known=is_known)
        verb = self._scope["method"] if self._scope["method"] in VERBS else "_OTHER"
        attributes: traces.Attributes = {
            "http.request.method": verb,
            "url.scheme": "https" if self._scope.get("scheme") == "https" else "http",
            "network.protocol.version": str(self._scope.get("http_version", "")),
        }
        self._span = traces.begin(verb, "server", attributes, parent=parent, link=link, start=self._came)
        self._leave = traces.enter(self._span)

    def answered(self, status: int) -> None:
        """What was answered; 0 when the client left before."""
        self.begin()
        span = cast("traces.Span", self._span)
        if route := self._scope.get("path_template"):
            span.note({"http.route": route})
            span.rename(f"{self._scope['method']} {route}")
        if status:
            span.note({"http.response.status_code": status})
        if status >= FAILED:
            span.fail(str(status))

    def close(self) -> None:
        self._leave()
        if self._span is not None:
            self._span.end()


def begin(scope: HTTPScope, meta: object = None, *, is_known: bool = False) -> None:
    """Open the span of a request, if it is to have one and has none yet."""
    traced = cast("dict[str, Any]", scope).get(TRACED)
    if traced is not None:
        cast("Traced", traced).begin(meta, is_known=is_known)


def _carried(scope: Mapping[str, Any], meta: object) -> traces.SpanContext | None:
    """Where the request was made.

    The header names a span within the one that `_meta` names, when both are of one trace: then the nearer one.
    """
    given = {name: value for name, value in scope["headers"] if name in CARRIED}
    near = traces.read({name.decode(): value.decode("latin-1").strip() for name, value in given.items()})
    far = traces.read(meta)
    return near if far is None or (near is not None and near.trace_id == far.trace_id) else far
