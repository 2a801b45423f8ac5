"""The schema of what is measured, and the port that shows it."""

import httpx2
import pytest
from prometheus_client import REGISTRY, Histogram

from storage import metrics
from storage.errors import SettingsError
from storage.settings import MetricsSettings
from tests.servers import free_port


def test_every_metric_that_is_declared_is_on_the_list():
    """Ours: a metric that nobody documents is one that nobody watches."""
    declared = {family.name for family in REGISTRY.collect() if family.name.startswith("mcp_")}

    assert {name.removesuffix("_total") for name in metrics.names()} == declared


def test_names_say_their_unit():
    """Prometheus, metric and label naming: base units; a counter ends in _total, a duration in _seconds."""
    durations = {family.name for metric in metrics.DURATIONS for family in metric.describe()}

    assert all(isinstance(metric, Histogram) for metric in metrics.DURATIONS)
    assert [name for name in durations if not name.endswith("_seconds")] == []
    assert [name for name in metrics.names() if "milli" in name or name.count("_total") > 1] == []


def test_a_port_shows_them_and_cannot_be_had_twice():
    """Ours: the second process is told in a sentence that names the setting."""
    settings = MetricsSettings(port=free_port())
    metrics.serve(settings)

    assert "# TYPE mcp_tasks_total counter" in httpx2.get(f"http://127.0.0.1:{settings.port}/metrics").text
    with pytest.raises(SettingsError, match=f"MCP_METRICS_PORT is {settings.port}"):
        metrics.serve(settings)
