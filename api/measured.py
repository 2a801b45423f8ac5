"""A request as the metrics see it: what was asked, how it was answered, and when its stream said something first."""

import time
from collections.abc import Iterable
from typing import Any, Final, cast

from litestar.types import HTTPScope, Message

from storage import metrics

RPC: Final = "mcp.rpc"
"""Where in a request's scope the front leaves the method of its JSON-RPC message."""
OTHER: Final = "other"
"""What is not ours to name: whoever asks may write what he likes, and each label value is kept for ever."""

VERBS: Final = frozenset({"GET", "POST", "DELETE", "OPTIONS", "HEAD"})
_ROUTES: Final = frozenset({"mcp", "ping", "health", "oauth", "schema", ".well-known"})
_METHODS: Final = frozenset(
    {
        "completion/complete",
        "initialize",
        "logging/setLevel",
        "notifications/cancelled",
        "notifications/initialized",
        "notifications/roots/list_changed",
        "ping",
        "prompts/get",
        "prompts/list",
        "resources/list",
        "resources/read",
        "resources/subscribe",
        "resources/templates/list",
        "resources/unsubscribe",
        "response",
        "server/discover",
        "subscriptions/listen",
        "tasks/cancel",
        "tasks/get",
        "tasks/list",
        "tasks/result",
        "tasks/update",
        "tools/call",
        "tools/list",
    }
)
_MESSAGE: Final = b"data: {"
"""The beginning of a message in a frame: what opens a stream and what keeps it alive has none."""


class Measured:
    """Is shown what the answer to one request is made of; `close` when all of it was sent, or nobody takes it."""

    def __init__(self, scope: HTTPScope) -> None:
        self.status = 0
        self._scope = scope
        self._route = route(scope["path"])
        self._began = time.monotonic()
        self._is_stream = False
        self._is_silent = False

    def see(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            if _is_stream(message.get("headers", ())):
                # What a GET opens says something when there is something: no delay of ours.
                self._is_stream, self._is_silent = True, self._scope["method"] == "POST"
                metrics.STREAMS.labels(self._route).inc()
        elif self._is_silent and _MESSAGE in cast("bytes", message.get("body", b"")):
            self._is_silent = False
            metrics.FIRST_EVENT.observe(time.monotonic() - self._began)

    @property
    def seconds(self) -> float:
        """How long it took so far."""
        return time.monotonic() - self._began

    def close(self) -> None:
        if self._is_stream:
            metrics.STREAMS.labels(self._route).dec()
        verb = self._scope["method"] if self._scope["method"] in VERBS else OTHER
        rpc = rpc_of(cast("dict[str, Any]", self._scope).get(RPC))
        metrics.REQUESTS.labels(verb, self._route, rpc, str(self.status or "none")).inc()


def route(path: str) -> str:
    """The first part of a path that we serve."""
    first = path.split("/", 2)[1] if path.startswith("/") else ""
    return f"/{first}" if first in _ROUTES else OTHER


def rpc_of(method: str | None) -> str:
    """The label of a JSON-RPC method; empty for a request that carried none."""
    if method is None:
        return ""
    return method if method in _METHODS else OTHER


def _is_stream(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    return any(name == b"content-type" and value.startswith(b"text/event-stream") for name, value in headers)
