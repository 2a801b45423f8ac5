"""The spans of this very process, in memory."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from storage import traces


class Kept(InMemorySpanExporter):
    def find(self, **attributes: Any) -> list[ReadableSpan]:
        """The spans that have these attributes, dots written as `__`; `name` is that of the span."""
        wanted = {name.replace("__", "."): value for name, value in attributes.items()}
        return [
            span
            for span in self.get_finished_spans()
            if wanted.items() <= ({**(span.attributes or {}), "name": span.name}).items()
        ]

    def one(self, **attributes: Any) -> ReadableSpan:
        [found] = self.find(**attributes)
        return found


@contextmanager
def kept_spans(**how: Any) -> Generator[Kept]:
    """Traces are on within, as `traces.use` is told."""
    exporter, provider = Kept(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    traces.use(provider, **how)
    try:
        yield exporter
    finally:
        traces.use(None)


def parent_of(span: ReadableSpan) -> int | None:
    return span.parent.span_id if span.parent else None


def id_of(span: ReadableSpan) -> int:
    assert span.context is not None
    return span.context.span_id


def trace_of(span: ReadableSpan) -> int:
    assert span.context is not None
    return span.context.trace_id
