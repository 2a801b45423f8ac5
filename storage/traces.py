"""What happens within a call, as spans of one trace: OpenTelemetry's home, as docs/monitoring.md tells them.

While nobody asks for traces (storage/tracing.py), each question here is answered at once. A span says what was done,
how long it took and what came of it: names of tools, queues, methods and services, codes, ids of tasks. What a client
made up, an argument, a result or the message of an error is never put on one.
"""

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, Literal, cast

from opentelemetry import trace
from opentelemetry.context import Context, attach, detach
from opentelemetry.trace import Link, SpanKind, StatusCode, TraceFlags
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

SpanContext = trace.SpanContext
"""Which span of which trace: its ids, whether it is recorded, and what others wrote beside them (tracestate)."""
Kind = Literal["server", "internal", "producer", "consumer", "client"]
Attributes = Mapping[str, str | int | float | bool]
Trust = Literal["none", "trace", "sampling"]

SCOPE: Final = "mcp-server-playground"
META: Final = "trace"
"""Where a task's `meta` says in which trace it was accepted."""
LONGEST_PARENT: Final = 55
"""Characters of a `traceparent` of version 00 (W3C Trace Context 3.2.2); a longer one is of no version we know."""
LONGEST_STATE: Final = 512
"""Characters of a `tracestate` that must be passed on (W3C Trace Context 3.3.1.5); more is dropped."""

_FORMAT: Final = TraceContextTextMapPropagator()
_KINDS: Final[Mapping[Kind, SpanKind]] = {
    "server": SpanKind.SERVER,
    "internal": SpanKind.INTERNAL,
    "producer": SpanKind.PRODUCER,
    "consumer": SpanKind.CONSUMER,
    "client": SpanKind.CLIENT,
}


@dataclass(eq=False)
class Span:
    """A span that is open. One that is not recorded takes everything and keeps nothing."""

    inner: trace.Span
    has_failed: bool = False

    @property
    def context(self) -> SpanContext:
        return self.inner.get_span_context()

    def note(self, attributes: Attributes) -> None:
        self.inner.set_attributes(attributes)

    def rename(self, name: str) -> None:
        self.inner.update_name(name)

    def fail(self, code: str) -> None:
        """It failed. *code* is one of few, and says all that the trace is told of it; the first that is said stays."""
        if self.has_failed:
            return
        self.has_failed = True
        self.inner.set_attribute("error.type", code)
        self.inner.set_status(StatusCode.ERROR, code)

    def link(self, context: SpanContext | None) -> None:
        """Say that another trace has to do with this."""
        if context is not None and self.inner.is_recording():
            self.inner.add_link(context)

    def end(self) -> None:
        self.inner.end()


class _State:
    """What this process does about traces; nothing, until `use` is called."""

    tracer: trace.Tracer | None = None
    trust: Trust = "none"
    decide: Callable[[], bool] = staticmethod(lambda: False)


_state: Final = _State()


def use(
    provider: trace.TracerProvider | None, *, trust: Trust = "trace", decide: Callable[[], bool] = lambda: True
) -> None:
    """Let this process make spans by *provider*; None for none any more.

    *decide* says whether a trace that somebody else began is recorded, where that is not left to him.
    """
    _state.tracer = provider.get_tracer(SCOPE) if provider else None
    _state.trust, _state.decide = trust, decide


def is_on() -> bool:
    return _state.tracer is not None


def begin(
    name: str,
    kind: Kind,
    attributes: Attributes,
    *,
    parent: SpanContext | None = None,
    link: SpanContext | None = None,
    start: int | None = None,
) -> Span:
    """Open a span below *parent*, or below the one that is open here; whoever opens it ends it.

    *start* is when it began, in nanoseconds of the epoch, if that was earlier.
    """
    if _state.tracer is None:
        return Span(trace.INVALID_SPAN)
    return Span(
        _state.tracer.start_span(
            name,
            context=None if parent is None else _below(parent),
            kind=_KINDS[kind],
            attributes=attributes,
            links=None if link is None else [Link(link)],
            start_time=start,
        )
    )


@contextmanager
def span(
    name: str, kind: Kind, attributes: Attributes, *, parent: SpanContext | None = None, link: SpanContext | None = None
) -> Generator[Span]:
    """A span around what is done within. An exception that is raised is told by its type, and by nothing of its own."""
    if _state.tracer is None:
        yield Span(trace.INVALID_SPAN)
        return
    opened = begin(name, kind, attributes, parent=parent, link=link)
    leave = enter(opened)
    try:
        yield opened
    except Exception as error:
        opened.fail(type(error).__name__)
        raise
    finally:
        leave()
        opened.end()


def enter(opened: Span) -> Callable[[], None]:
    """Let *opened* be what is below it in this task or thread, until the answer is called there."""
    token = attach(trace.set_span_in_context(opened.inner))
    return lambda: detach(token)


def current() -> Span:
    """The span that is open here."""
    return Span(trace.get_current_span() if _state.tracer is not None else trace.INVALID_SPAN)


def here() -> SpanContext | None:
    """Where the span is that is open here; None without one."""
    context = current().context
    return context if context.is_valid else None


def ids() -> dict[str, str]:
    """What a log line says of the span that is open here; empty without one."""
    if _state.tracer is None or (context := here()) is None:
        return {}
    return {"trace_id": trace.format_trace_id(context.trace_id), "span_id": trace.format_span_id(context.span_id)}


def written(context: SpanContext | None) -> dict[str, str]:
    """*context* as W3C Trace Context writes it; empty for none."""
    carrier: dict[str, str] = {}
    if context is not None:
        _FORMAT.inject(carrier, context=_below(context))
    return carrier


def read(carrier: object) -> SpanContext | None:
    """The context that *carrier* names by its `traceparent` (W3C Trace Context); None when it names none."""
    if _state.tracer is None or not isinstance(carrier, Mapping):
        return None
    given = cast("Mapping[object, object]", carrier)
    parent, state = given.get("traceparent"), given.get("tracestate")
    if not isinstance(parent, str) or len(parent) > LONGEST_PARENT:
        return None
    fields = {"traceparent": parent}
    if isinstance(state, str) and len(state) <= LONGEST_STATE:
        fields["tracestate"] = state
    context = trace.get_current_span(_FORMAT.extract(fields, context=Context())).get_span_context()
    return context if context.is_valid else None


def of_task(meta: Mapping[str, Any]) -> SpanContext | None:
    """Where a task was accepted, by its record's `meta`."""
    return read(meta.get(META))


def link(meta: Mapping[str, Any]) -> None:
    """Say of the span that is open here that the trace of a task has to do with it: it is told of later, or again."""
    current().link(of_task(meta))


def adopt(context: SpanContext | None, *, is_known: bool) -> tuple[SpanContext | None, SpanContext | None]:
    """What the span that a caller named is to ours, as `MCP_TRACE_TRUST` says: the parent, or else only linked.

    Of a caller that is not known nothing is taken over. Whether a trace is recorded costs us, so that is ours to say
    (`trace`) unless callers were given it (`sampling`); their tracestate is dropped where their trace is not continued.
    """
    if context is None:
        return None, None
    if not is_known or _state.trust == "none":
        return None, SpanContext(context.trace_id, context.span_id, is_remote=True, trace_flags=context.trace_flags)
    if _state.trust == "sampling":
        return context, None
    flags = TraceFlags(TraceFlags.SAMPLED if _state.decide() else TraceFlags.DEFAULT)
    return SpanContext(
        context.trace_id, context.span_id, is_remote=True, trace_flags=flags, trace_state=context.trace_state
    ), None


def _below(context: SpanContext) -> Context:
    # An empty context: what else is open here is not this span's.
    return trace.set_span_in_context(trace.NonRecordingSpan(context), Context())
