"""What is measured is told, and what is told, watched and drawn is measured. `make alerts` tries the rules."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from api import refusals
from storage import gauges, metrics
from tests.test_docs import anchors

DOCS = Path(__file__).parent.parent / "docs"
FOLDER = DOCS / "monitoring"
RUNBOOK = DOCS / "runbook.md"
GUIDE = (DOCS / "monitoring.md").read_text()
ALERTS = (FOLDER / "alerts.yml").read_text()
OURS = {*metrics.names(), *gauges.NAMES}


def named(text: str) -> set[str]:
    """The metrics of ours that a text names, without what a histogram adds to its own."""
    found = re.findall(r"\bmcp_[a-z_]+[a-z]\b", text)
    return {re.sub(r"_(bucket|sum|count)$", "", name) for name in found}


def expressions() -> Iterator[str]:
    dashboard: Any = json.loads((FOLDER / "dashboard.json").read_text())
    for panel in dashboard["panels"]:
        yield from (target["expr"] for target in panel.get("targets", ()))


def test_the_guide_tells_every_metric_with_its_labels():
    """Ours: one row each, and no row of a metric that is gone."""
    rows = dict(re.findall(r"^\| `(mcp_\w+)` \| ([^|]*)\|", GUIDE, re.MULTILINE))
    labels = {
        name: [f"`{label}`" for label in cast("Any", metric)._labelnames]  # noqa: SLF001  # it has no public name for them
        for metric in (*metrics.COUNTS, *metrics.DURATIONS)
        for name in _wire_names(metric)
    }

    assert rows.keys() == OURS
    assert {name: re.findall("`[a-z_]+`", rows[name]) for name in labels} == labels


def _wire_names(metric: Any) -> list[str]:
    return [f"{each.name}_total" if each.type == "counter" else each.name for each in metric.describe()]


@pytest.mark.parametrize("source", ["alerts", "dashboard"])
def test_what_is_asked_for_is_measured(source: str):
    """Ours: an alert about a metric that nobody has never fires."""
    asked = named(ALERTS if source == "alerts" else " ".join(expressions()))

    assert asked - OURS == set()
    assert len(asked) > 5


def test_the_dashboard_draws_every_metric():
    """Ours: what is worth counting is worth a look."""
    assert OURS - named(" ".join(expressions())) == set()


def test_every_alert_is_tried():
    """Ours: it has been seen to fire."""
    alerts = set(re.findall(r"- alert: (\w+)", ALERTS))
    tried = (FOLDER / "alerts.test.yml").read_text()

    fires = {name for name in alerts if re.search(rf"alertname: {name}\n +exp_alerts:", tried)}

    assert fires == alerts


def test_every_alert_has_its_section_of_the_runbook_and_leads_there():
    """Ours: whoever is woken is one click from what to do, and no section is of an alert that is gone."""
    alerts = re.findall(r"- alert: (\w+)", ALERTS)
    sections = re.findall(r"^### (Mcp\w+)$", RUNBOOK.read_text(), re.MULTILINE)
    links = re.findall(r"runbook_url: https://github\.com/\S+/blob/main/docs/runbook\.md#(\S+)$", ALERTS, re.MULTILINE)

    assert sections == alerts
    assert links == [alert.lower() for alert in alerts]
    assert set(links) <= anchors(RUNBOOK)


def test_every_reason_of_a_refusal_is_explained():
    """Ours: those that an alert counts as the server's own among them."""
    [table] = re.findall(r"^## Refusals\n(.*?)^## ", GUIDE, re.MULTILINE | re.DOTALL)
    told = set(re.findall(r"`([a-z_]+)`", table))
    watched = re.findall(r'reason=~"([a-z_|]+)"', ALERTS)[0].split("|")

    assert {*refusals.REASONS.values(), "host", "origin", "oauth_page", "other", *watched} <= told
