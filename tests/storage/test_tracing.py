"""Traces are asked for by OpenTelemetry's own variables."""

import sys

import pytest

from storage import traces, tracing
from storage.errors import SettingsError
from storage.settings import TraceSettings

HERE = "http://127.0.0.1:4318"


@pytest.mark.parametrize(
    ("environment", "to"),
    [
        ({}, None),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, None),
        ({"OTEL_SERVICE_NAME": "x"}, None),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": HERE}, "otlp"),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": HERE + "/v1/traces"}, "otlp"),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, "otlp"),
        ({"OTEL_TRACES_EXPORTER": "console"}, "console"),
        ({"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": HERE}, None),
        ({"OTEL_SDK_DISABLED": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": HERE}, None),
        ({"OTEL_SDK_DISABLED": "false", "OTEL_EXPORTER_OTLP_ENDPOINT": HERE}, "otlp"),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf", "OTEL_EXPORTER_OTLP_ENDPOINT": HERE}, "otlp"),
    ],
)
def test_where_spans_are_sent(environment: dict[str, str], to: str | None):
    """OpenTelemetry, environment variables: an endpoint is enough, and each way of saying no is one."""
    assert tracing.exporter(environment) == to


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({"OTEL_TRACES_EXPORTER": "zipkin"}, "OTEL_TRACES_EXPORTER is 'zipkin'"),
        (
            {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_EXPORTER_OTLP_ENDPOINT": HERE},
            "OTEL_EXPORTER_OTLP_PROTOCOL is 'grpc'",
        ),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "user:hunter2@collector:4318"}, "OTEL_EXPORTER_OTLP_ENDPOINT is not"),
    ],
)
def test_what_cannot_be_had_is_said(environment: dict[str, str], sentence: str):
    """Ours: at the start, in a sentence that repeats no password."""
    with pytest.raises(SettingsError, match=sentence) as caught:
        tracing.exporter(environment)

    assert "hunter2" not in str(caught.value)


def test_without_the_packages_it_says_which_extra_brings_them(monkeypatch: pytest.MonkeyPatch):
    """Ours: traces are an extra, and asking for them without it does not end in a traceback."""
    monkeypatch.delitem(sys.modules, "storage.span_export", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)

    with pytest.raises(SettingsError, match="extra `otel`"):
        tracing.start("web", TraceSettings(), {"OTEL_TRACES_EXPORTER": "otlp"})

    assert not traces.is_on()


def test_nothing_of_the_sdk_is_imported_while_nobody_asks(monkeypatch: pytest.MonkeyPatch):
    """Ours: free when off."""
    monkeypatch.setitem(sys.modules, "storage.span_export", None)

    tracing.start("web", TraceSettings(), {})
    tracing.stop()

    assert not traces.is_on()
