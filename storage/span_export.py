"""The way out of spans: by OpenTelemetry's own variables, in batches from a thread, and never in anybody's way.

Imported when traces are asked for, and not before: its packages are an extra.
"""

import logging
import os
import socket
import threading
import time
from collections.abc import Sequence
from importlib.metadata import version
from typing import Final

import structlog
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_INSTANCE_ID, SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ParentBased, Sampler

from storage import traces
from storage.tracing import Exporter

COMPLAIN_EVERY: Final = 60.0
"""Seconds between two sentences about a collector that takes nothing."""
ENTRY: Final = "a caller's trace"

log = structlog.get_logger(__name__)


class Patient(SpanExporter):
    """Tells now and then of spans that could not be delivered, and drops them; gives up once `hurry` was called."""

    def __init__(self, inner: SpanExporter) -> None:
        self._inner = inner
        self._lost = 0
        self._told: float | None = None
        self._hurrying = threading.Event()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        if self._hurrying.is_set():
            return SpanExportResult.FAILURE
        result = self._inner.export(spans)
        if result is SpanExportResult.SUCCESS:
            self._delivered()
        else:
            self._failed(len(spans))
        return result

    def hurry(self) -> None:
        """Deliver nothing more, and wait for no second try."""
        self._hurrying.set()
        self._inner.shutdown()

    def shutdown(self) -> None:
        if not self._hurrying.is_set():
            self._inner.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._inner.force_flush(timeout_millis)

    def _failed(self, count: int) -> None:
        self._lost += count
        now = time.monotonic()
        if self._told is None or now - self._told >= COMPLAIN_EVERY:
            self._told = now
            log.warning("traces are not delivered: the collector does not take them", spans_lost=self._lost)

    def _delivered(self) -> None:
        if self._told is not None:
            log.info("traces are delivered again", spans_lost=self._lost)
        self._told, self._lost = None, 0


class Export:
    """Spans of this process on their way out, until `stop`."""

    def __init__(self, role: str, to: Exporter, trust: traces.Trust) -> None:
        # It says each try of each batch, with the collector's address; `Patient` says what there is to know.
        logging.getLogger("opentelemetry.exporter").setLevel(logging.CRITICAL)
        # It says what it cannot read of what a client made up.
        logging.getLogger("opentelemetry.trace").setLevel(logging.ERROR)
        self._exporter = Patient(OTLPSpanExporter() if to == "otlp" else ConsoleSpanExporter())
        self._provider = _provider(role, trust)
        self._provider.add_span_processor(BatchSpanProcessor(self._exporter))
        own = self._provider.sampler
        # For the spans of tools: whoever writes one asks OpenTelemetry for a tracer as usual.
        trace.set_tracer_provider(self._provider)
        traces.use(self._provider, trust=trust, decide=lambda: _is_sampled(own, self._provider))

    def stop(self, within: float) -> None:
        """Send what is left, for so many seconds at most."""
        traces.use(None)
        ending = threading.Thread(target=self._provider.shutdown, name="traces-end", daemon=True)
        ending.start()
        ending.join(within)
        if ending.is_alive():
            self._exporter.hurry()


def _provider(role: str, trust: traces.Trust) -> TracerProvider:
    """Sampled as `OTEL_TRACES_SAMPLER` says; at its end nobody waits for it but `Export.stop`."""
    found = TracerProvider(resource=_resource(role), shutdown_on_exit=False)
    if trust == "sampling":
        return found
    # What was decided where a trace came in holds for all of it: a client must not choose ids that are recorded.
    return TracerProvider(resource=found.resource, sampler=ParentBased(found.sampler), shutdown_on_exit=False)


def _resource(role: str) -> Resource:
    """What the variables say of this process, and what they leave open."""
    given = Resource.create()
    own = Resource(
        {SERVICE_VERSION: version(traces.SCOPE), SERVICE_INSTANCE_ID: f"{socket.gethostname()}:{os.getpid()}"}
    )
    merged = own.merge(given)
    if str(given.attributes.get(SERVICE_NAME, "")).startswith("unknown_service"):
        merged = merged.merge(Resource({SERVICE_NAME: f"mcp-playground-{role}"}))
    return merged


def _is_sampled(sampler: Sampler, provider: TracerProvider) -> bool:
    """What the sampler says of a trace that begins, by an id that nobody chose."""
    return sampler.should_sample(None, provider.id_generator.generate_trace_id(), ENTRY).decision.is_sampled()
