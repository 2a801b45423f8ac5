"""The verdict and the hypotheses."""

from dataclasses import replace

import pytest

from tasks.tools.ecs.answer import Severity, Status
from tasks.tools.ecs.evidence import moment
from tasks.tools.ecs.facts import Facts
from tasks.tools.ecs.rules.finding import Cause, Finding
from tasks.tools.ecs.verdict import MOST, NEEDED, hypotheses, verdict
from tests.stand_ins.facts import ago, ended, event, facts, group, running, service, target

ALL: dict[str, Status] = dict.fromkeys(NEEDED, "ok")


def with_one(name: str, status: Status) -> dict[str, Status]:
    """All could be read but one."""
    return {**ALL, name: status}


def cause(text: str = "It broke.", weight: int = 50) -> Cause:
    return Cause(text=text, weight=weight, confidence="high", step="Mend it.", command="aws x", against=("a doubt",))


def finding(severity: Severity, **more: object) -> Finding:
    return replace(Finding(rule="r", severity=severity, message="A sign.", evidence=("service:1",)), **more)  # pyright: ignore[reportArgumentType]


def test_without_findings_a_service_that_could_be_read_is_healthy():
    """Ours."""
    assert verdict(facts(service=service()), [], ALL) == {
        "status": "healthy",
        "severity": "info",
        "summary": "2 of 2 tasks run. Nothing wrong was found in this time.",
        "since": None,
    }


@pytest.mark.parametrize("status", ["denied", "throttled", "error"])
@pytest.mark.parametrize("name", NEEDED)
def test_what_could_not_be_read_is_never_called_healthy(name: str, status: Status):
    """Ours: nothing found is not nothing wrong."""
    found = verdict(facts(service=service()), [], with_one(name, status))

    assert (found["status"], found["severity"]) == ("unknown", "warning")
    assert name in found["summary"]


@pytest.mark.parametrize("status", ["empty", "skipped"])
def test_what_is_not_there_is_no_doubt(status: Status):
    """Ours: a service without alarms may be healthy."""
    assert verdict(facts(service=service()), [], with_one("alarms", status))["status"] == "healthy"


def test_a_service_that_was_not_seen_is_not_called_healthy():
    """Ours."""
    assert verdict(facts(), [], ALL)["status"] == "unknown"


@pytest.mark.parametrize(
    ("known", "severity", "status"),
    [
        (facts(service=service(2, 0)), "critical", "broken"),
        (facts(service=service(2, 1)), "critical", "degraded"),
        (facts(service=service(2, 0)), "warning", "degraded"),
        (facts(service=service(0, 0)), "critical", "degraded"),
        (facts(service=service(), targets=(group(target("unhealthy")),)), "critical", "broken"),
        (facts(service=service(), targets=(group(target("unhealthy"), target()),)), "critical", "degraded"),
        (facts(service=service(), targets=(group(),)), "critical", "degraded"),
        (facts(tasks=(ended(1, 3),)), "critical", "broken"),
        (facts(tasks=(running(1),)), "critical", "degraded"),
    ],
    ids=[
        "none runs",
        "one runs",
        "nothing grave",
        "none wanted",
        "no target is healthy",
        "one target is",
        "no targets",
        "the task ended",
        "the task runs",
    ],
)
def test_broken_is_what_serves_nobody(known: Facts, severity: Severity, status: str):
    """Ours: critical and down; else degraded."""
    found = verdict(known, [finding(severity)], ALL)

    assert (found["status"], found["severity"]) == (status, severity)


def test_the_deepest_cause_is_the_summary():
    """Ours: by weight, whatever the order."""
    found = verdict(
        facts(service=service(2, 1)),
        [finding("critical", cause=cause("A crash.", 50)), finding("critical", cause=cause("No memory.", 95))],
        ALL,
    )

    assert found["summary"] == "1 of 2 tasks run. No memory."


def test_since_when_is_told_by_what_has_a_cause():
    """Ours: an alarm may have been raised for a month."""
    alarms, crash = finding("warning", since=ago(40_000)), finding("warning", since=ago(9), cause=cause())

    assert verdict(facts(), [alarms, crash], ALL)["since"] == moment(ago(9))
    assert verdict(facts(), [alarms], ALL)["since"] == moment(ago(40_000))


def test_what_is_over_is_said_to_be():
    """Ours: by ECS's own word."""
    known = facts(service=service(2, 2, event(1, 38)), tasks=(ended(1, 40),))

    found = verdict(known, [finding("warning", evidence=("task:1",), cause=cause("It crashed."))], ALL)

    assert found["summary"].startswith("2 of 2 tasks run. It crashed. The service is steady again since 2026-09-21T")


def test_hypotheses_are_ranked_and_few():
    """Ours: the likeliest first, each with its evidence, its doubts and the next command."""
    known = [finding("critical", cause=cause(str(weight), weight)) for weight in range(9)]

    found = hypotheses(facts(), known, ALL)

    assert [each["cause"] for each in found] == ["8", "7", "6", "5", "4"]
    assert len(found) == MOST
    assert found[0] == {
        "cause": "8",
        "confidence": "high",
        "evidence": ["service:1"],
        "counterEvidence": ["a doubt"],
        "nextStep": "Mend it.",
        "command": "aws x",
        "source": "rules",
    }


def test_signs_without_a_cause_are_said_to_have_none():
    """Ours: with what could not be read."""
    found = hypotheses(facts(service=service()), [finding("warning")], with_one("logs", "denied"))

    assert len(found) == 1
    assert (found[0]["confidence"], found[0]["counterEvidence"]) == ("low", ["logs could not be read"])
    assert found[0]["evidence"] == ["service:1"]


def test_what_only_informs_needs_no_explanation():
    """Ours."""
    assert hypotheses(facts(), [finding("info", cause=cause())], ALL) == []
    assert verdict(facts(service=service()), [finding("info")], ALL)["status"] == "healthy"
