"""Calls of AWS as a trace shows them: the service, the operation and what came of it; never what was asked or answered.

botocore tells of each call once, around its own retries, and nothing of the trace is sent to AWS.
"""

import threading
from typing import Any, Final

from botocore.exceptions import ClientError

from storage import traces
from tasks.aws.errors import kind_of

SPAN: Final = "mcp_span"
"""Where in botocore's context of a call its span is."""


class TracedCalls:
    """The calls of one run's clients. *run* is its span, for calls from threads that a tool has made itself."""

    def __init__(self, run: traces.SpanContext | None) -> None:
        self._run = run
        self._lock = threading.Lock()
        self._open: set[traces.Span] = set()

    def attach(self, client: Any) -> None:  # noqa: ANN401  # boto3 makes clients at run time
        """Give every call of *client* a span."""
        if not traces.is_on():
            return
        client.meta.events.register("before-call", self._begin)
        client.meta.events.register("after-call", self._answered)
        client.meta.events.register("after-call-error", self._broken)

    def close(self) -> None:
        """End what was cut short because its run had to end: botocore does not tell of that."""
        with self._lock:
            left, self._open = self._open, set()
        for span in left:
            span.fail("cancelled")
            span.end()

    def _begin(self, *, model: Any, context: dict[str, Any], **_: object) -> None:  # noqa: ANN401
        service, operation = model.service_model.service_id, model.name
        attributes = {"rpc.system": "aws-api", "rpc.service": service, "rpc.method": operation}
        if region := context.get("client_region"):
            attributes["cloud.region"] = region
        parent = None if traces.here() else self._run
        span = context[SPAN] = traces.begin(f"{service}.{operation}", "client", attributes, parent=parent)
        with self._lock:
            self._open.add(span)

    def _answered(self, *, parsed: dict[str, Any], http_response: Any, context: dict[str, Any], **_: object) -> None:  # noqa: ANN401
        if (span := self._taken(context)) is None:
            return
        said = parsed.get("ResponseMetadata", {})
        span.note({"http.response.status_code": http_response.status_code})
        span.note({"http.request.resend_count": int(said.get("RetryAttempts", 0))})
        if request_id := said.get("RequestId"):
            span.note({"aws.request_id": str(request_id)})
        if http_response.status_code >= 300:  # noqa: PLR2004  # what botocore takes for success
            span.fail(kind_of(ClientError({"Error": parsed.get("Error", {})}, "")))
        span.end()

    def _broken(self, *, context: dict[str, Any], **_: object) -> None:
        if (span := self._taken(context)) is None:
            return
        span.note({"http.request.resend_count": int(context.get("retries", {}).get("attempt", 1)) - 1})
        span.fail("error")
        span.end()

    def _taken(self, context: dict[str, Any]) -> traces.Span | None:
        """The span of a call that has come to its end; None when it was ended with its run."""
        span: traces.Span | None = context.pop(SPAN, None)
        with self._lock:
            if span is None or span not in self._open:
                return None
            self._open.discard(span)
        return span
