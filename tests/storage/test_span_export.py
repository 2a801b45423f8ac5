"""Spans leave in nobody's way, whatever the collector does; and nobody but us decides how many there are."""

import logging
import time
from collections.abc import Generator

import pytest
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from storage import span_export, traces
from storage.span_export import Export, Patient
from storage.traces import Trust
from tests.servers import free_port, until
from tests.stand_ins.collector import Collector, collector

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CHOSEN = "4bf92f3577b34da60000000000000000"
"""What a sampler that looks at the id alone always records."""


@pytest.fixture
def spans() -> Generator[Collector]:
    with collector() as made:
        yield made


@pytest.fixture
def environment(spans: Collector, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name, value in spans.environment().items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def a_call(parent: str | None = None) -> None:
    """What a request does with the caller's trace."""
    context, link = traces.adopt(traces.read({"traceparent": parent}), is_known=True)
    with traces.span("call", "server", {}, parent=context, link=link):
        pass


def test_what_is_left_is_sent_at_the_end(spans: Collector, environment: pytest.MonkeyPatch):
    """Ours: a process that ends says what it did."""
    environment.setenv("OTEL_BSP_SCHEDULE_DELAY", "60000")
    export = Export("web", "otlp", "trace")
    a_call()

    export.stop(5)

    [span] = spans.find(name="call")
    assert span.service == "mcp-playground-web"
    assert not traces.is_on()


def test_the_service_is_called_what_the_variables_say(spans: Collector, environment: pytest.MonkeyPatch):
    """OpenTelemetry, resource SDK: OTEL_SERVICE_NAME."""
    environment.setenv("OTEL_SERVICE_NAME", "assistants")
    export = Export("web", "otlp", "trace")
    a_call()
    export.stop(5)

    assert spans.find(service="assistants")


@pytest.mark.parametrize(
    ("trust", "sampler", "parent", "recorded"),
    [
        ("trace", "parentbased_always_off", f"00-{TRACE}-00f067aa0ba902b7-01", 0),
        ("trace", "parentbased_traceidratio", f"00-{CHOSEN}-00f067aa0ba902b7-01", 0),
        ("trace", "traceidratio", f"00-{CHOSEN}-00f067aa0ba902b7-01", 0),
        ("trace", "parentbased_always_on", f"00-{TRACE}-00f067aa0ba902b7-00", 20),
        ("none", "parentbased_always_off", f"00-{TRACE}-00f067aa0ba902b7-01", 0),
        ("sampling", "parentbased_always_off", f"00-{TRACE}-00f067aa0ba902b7-01", 20),
        ("sampling", "parentbased_always_on", f"00-{TRACE}-00f067aa0ba902b7-00", 0),
    ],
)
def test_a_caller_decides_what_is_recorded_only_where_he_may(
    spans: Collector, environment: pytest.MonkeyPatch, trust: Trust, sampler: str, parent: str, recorded: int
):
    """Ours: neither by his flag nor by the id he chose, unless MCP_TRACE_TRUST is `sampling`."""
    environment.setenv("OTEL_TRACES_SAMPLER", sampler)
    environment.setenv("OTEL_TRACES_SAMPLER_ARG", "0.000001")
    export = Export("web", "otlp", trust)
    for _ in range(20):
        a_call(parent)
    export.stop(5)

    assert len(spans.spans) == recorded


def test_what_was_decided_holds_in_the_other_process(spans: Collector, environment: pytest.MonkeyPatch):
    """Ours: a worker records what the web process does, whatever its own sampler would say."""
    environment.setenv("OTEL_TRACES_SAMPLER", "always_off")
    export = Export("worker", "otlp", "trace")
    for flag in ("01", "00"):
        context = traces.of_task({traces.META: {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-{flag}"}})
        with traces.span(flag, "consumer", {}, parent=context):
            pass
    export.stop(5)

    assert [each.name for each in spans.spans] == ["01"]


def test_a_collector_that_does_not_answer_slows_nobody(spans: Collector, environment: pytest.MonkeyPatch):
    """Ours: neither the calls nor the end of the process wait for it."""
    spans.hold.clear()
    export = Export("web", "otlp", "trace")
    a_call()
    until(lambda: spans.asked, "the first batch being on its way")
    began = time.monotonic()
    for _ in range(5000):
        a_call()
    busy = time.monotonic() - began
    export.stop(0.5)

    assert time.monotonic() - began - busy < 3
    assert busy < 10


def test_a_collector_that_is_away_is_told_of_in_a_sentence(
    spans: Collector,
    environment: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
):
    """Ours: no line per try, and no traceback."""
    environment.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{free_port()}")
    environment.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "0.2")
    export = Export("web", "otlp", "trace")
    for _ in range(3000):
        a_call()
    export.stop(5)
    said = capsys.readouterr()
    lines = [*(each.getMessage() for each in caplog.records), *(said.out + said.err).splitlines()]

    assert [line for line in lines if "traces are not delivered" not in line and "Queue full" not in line] == []
    assert len([line for line in lines if "traces are not delivered" in line]) == 1
    assert len(lines) <= 3


def test_the_sentence_comes_again_when_it_lasts_and_when_it_is_over(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    """Ours: with how many were lost."""
    inner, now = InMemorySpanExporter(), [0.0]
    monkeypatch.setattr(span_export.time, "monotonic", lambda: now[0])
    exporter = Patient(inner)
    answers = [SpanExportResult.FAILURE] * 3 + [SpanExportResult.SUCCESS] * 2
    monkeypatch.setattr(inner, "export", lambda spans: answers.pop(0))  # pyright: ignore[reportUnknownArgumentType, reportUnknownLambdaType]

    for at in (0.0, 30.0, 61.0, 62.0, 63.0):
        now[0] = at
        exporter.export([])

    lines = capsys.readouterr().out.splitlines()
    assert [("not delivered" in line, "again" in line) for line in lines] == [
        (True, False),
        (True, False),
        (False, True),
    ]


@pytest.fixture(autouse=True)
def loud() -> Generator[None]:
    """What one export made quiet is not quiet for the other tests."""
    yield
    for name in ("opentelemetry.exporter", "opentelemetry.trace"):
        logging.getLogger(name).setLevel(logging.NOTSET)
