"""The chart's rules, which are those of docs/monitoring narrowed to one release, fire and keep silent as those do."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.alerts.promtool import promtool
from tests.helm.chart import EVERYTHING, MONITORED, NAMESPACE, ROOT, Values, of_kind, render

# As text: what 0x60 means to promtool, sixty zeros, is a number to YAML.
TRIED: dict[str, Any] = yaml.load((ROOT / "docs" / "monitoring" / "alerts.test.yml").read_text(), yaml.BaseLoader)  # noqa: S506  # it makes text of everything
OURS = {"namespace": NAMESPACE, "job": "demo"}
NEIGHBOUR = {"namespace": NAMESPACE, "job": "another"}


def install(folder: Path, values: Values) -> None:
    """Write the rules as the operator would hand them to Prometheus."""
    spec = of_kind(render(values), "PrometheusRule")["demo-mcp"]["spec"]
    (folder / "alerts.yml").write_text(yaml.safe_dump(spec))


def labelled(series: str, labels: dict[str, str]) -> str:
    """A series as a target with these labels gives it."""
    name, _, rest = series.partition("{")
    more = ",".join(f'{key}="{value}"' for key, value in labels.items())
    return f"{name}{{{more},{rest}" if rest else f"{name}{{{more}}}"


def tried(labels: dict[str, str], expected: Callable[[dict[str, Any]], list[dict[str, Any]]]) -> str:
    """The tests of docs/monitoring with these labels on every series, and the alerts that are *expected* of each."""
    tests = [
        {
            **test,
            "input_series": [{**each, "series": labelled(each["series"], labels)} for each in test["input_series"]],
            "alert_rule_test": [{**each, "exp_alerts": expected(each)} for each in test["alert_rule_test"]],
        }
        for test in TRIED["tests"]
    ]
    return yaml.safe_dump({**TRIED, "tests": tests})


@pytest.mark.parametrize("values", [MONITORED, EVERYTHING], ids=["monitored", "everything"])
def test_prometheus_takes_the_rules(values: Values, tmp_path: Path):
    """Prometheus: `promtool check rules`."""
    install(tmp_path, values)

    said = promtool("check", "rules", "alerts.yml", folder=tmp_path)

    wanted = 10 - len(values["metrics"]["prometheusRule"].get("disabled", []))
    assert re.findall(r"SUCCESS: (\d+) rules found", said) == [str(wanted)]


def test_each_alert_fires_for_the_release_it_belongs_to(tmp_path: Path):
    """Ours: what fires without a scope fires with it, and says whose it is."""
    install(tmp_path, MONITORED)
    (tmp_path / "test.yml").write_text(
        tried(
            OURS,
            lambda each: [
                {**alert, "exp_labels": {**alert["exp_labels"], **OURS}} for alert in each.get("exp_alerts", [])
            ],
        )
    )

    assert "SUCCESS" in promtool("test", "rules", "test.yml", folder=tmp_path)


def test_no_alert_fires_for_a_neighbour(tmp_path: Path):
    """Ours: another release in the same namespace may be down; what is told is that ours is not measured."""
    silent = [each["exp_alerts"] for test in TRIED["tests"] for each in test["alert_rule_test"] if "exp_alerts" in each]
    [absent] = [alerts for alerts in silent if alerts[0]["exp_annotations"]["summary"].startswith("No web process")]
    fires = [{**absent[0], "exp_labels": {**absent[0]["exp_labels"], **OURS}}]
    install(tmp_path, MONITORED)

    def expected(each: dict[str, Any]) -> list[dict[str, Any]]:
        return fires if each["alertname"] == "McpNotMeasured" and each["eval_time"] in ("6m", "29m") else []

    (tmp_path / "test.yml").write_text(tried(NEIGHBOUR, expected))

    assert "SUCCESS" in promtool("test", "rules", "test.yml", folder=tmp_path)
