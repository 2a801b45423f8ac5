"""The verdict and the hypotheses, by rules alone: no model, and no line of a log, can change them."""

from collections.abc import Mapping, Sequence
from typing import Final

from tasks.tools.ecs.answer import BLIND, Hypothesis, Severity, Status, Verdict
from tasks.tools.ecs.evidence import moment
from tasks.tools.ecs.facts import Facts
from tasks.tools.ecs.rules.finding import Finding, ecs_command, steady_since

MOST: Final = 5
NEEDED: Final = ("service", "tasks", "targets", "metrics", "alarms", "logs")
"""Sections without which a service cannot be called healthy."""


def verdict(facts: Facts, findings: Sequence[Finding], statuses: Mapping[str, Status]) -> Verdict:
    grave = [each for each in findings if each.severity == "critical"]
    bad = grave or [each for each in findings if each.severity == "warning"]
    if not bad:
        return _calm(facts, statuses)
    service = facts.service
    is_down = bool(service and service.desired and not service.running) or _is_dead(facts, grave)
    top = max(bad, key=lambda each: each.cause.weight if each.cause else -1)
    said = top.cause.text if top.cause else top.message
    return {
        "status": "broken" if grave and is_down else "degraded",
        "severity": "critical" if grave else "warning",
        "summary": f"{_counts(facts)}{said}{_again(facts, top)}",
        "since": moment(_since(bad)),
    }


def _since(bad: Sequence[Finding]) -> int | None:
    """Of what has a cause; a sign alone, such as an alarm, may be older than the trouble."""
    explained = [each.since for each in bad if each.cause and each.since]
    return min(explained or [each.since for each in bad if each.since], default=None)


def _again(facts: Facts, top: Finding) -> str:
    """Whether it is over, as far as tasks that ended are meant."""
    tasks = [task for task in facts.stopped if task.id in top.evidence]
    well = steady_since(facts, tasks)
    return f" The service is steady again since {moment(well)}." if well else ""


def hypotheses(facts: Facts, findings: Sequence[Finding], statuses: Mapping[str, Status]) -> list[Hypothesis]:
    """What may lie behind the findings, the likeliest first."""
    bad = [each for each in findings if each.severity != "info"]
    causes = sorted((each for each in bad if each.cause), key=lambda each: -(each.cause.weight if each.cause else 0))
    made = [_hypothesis(each, statuses) for each in causes[:MOST]]
    return made or ([_unexplained(facts, bad, statuses)] if bad else [])


def _hypothesis(finding: Finding, statuses: Mapping[str, Status]) -> Hypothesis:
    cause = finding.cause
    if cause is None:
        raise ValueError("a finding without a cause makes no hypothesis")
    return {
        "cause": cause.text,
        "confidence": cause.confidence,
        "evidence": list(dict.fromkeys(finding.evidence)),
        "counterEvidence": list(cause.against),
        "nextStep": cause.step,
        "command": cause.command,
        "source": "rules",
    }


def _unexplained(facts: Facts, bad: Sequence[Finding], statuses: Mapping[str, Status]) -> Hypothesis:
    blind = [name for name, status in statuses.items() if status in BLIND]
    missing = [f"{name} could not be read" for name in blind]
    return {
        "cause": "What could be read shows that something is wrong, and not why.",
        "confidence": "low",
        "evidence": list(dict.fromkeys(ref for each in bad for ref in each.evidence))[:5],
        "counterEvidence": missing,
        "nextStep": "Let the server read what is missing." if missing else "Look at the service's events as they come.",
        "command": ecs_command(facts, "describe-services", " --query 'services[].events[:10]'"),
        "source": "rules",
    }


def _calm(facts: Facts, statuses: Mapping[str, Status]) -> Verdict:
    blind = [name for name in NEEDED if statuses.get(name) in BLIND]
    if facts.service is None and not facts.tasks:
        blind = list(dict.fromkeys(["service", *blind]))
    if blind:
        summary = f"Nothing wrong was found in what could be read, but {', '.join(blind)} could not be."
        return {"status": "unknown", "severity": _severity(blind), "summary": summary, "since": None}
    return {
        "status": "healthy",
        "severity": "info",
        "summary": f"{_counts(facts)}Nothing wrong was found in this time.",
        "since": None,
    }


def _severity(blind: Sequence[str]) -> Severity:
    return "warning" if blind else "info"


def _counts(facts: Facts) -> str:
    service = facts.service
    return f"{service.running} of {service.desired} tasks run. " if service else ""


def _is_dead(facts: Facts, grave: Sequence[Finding]) -> bool:
    """Of a task alone: it has ended. Of a service: the load balancer sends to nobody."""
    if not grave:
        return False
    groups = [group for group in facts.targets or () if group.targets]
    if groups and all(len(group.unhealthy) == len(group.targets) for group in groups):
        return True
    return facts.service is None and bool(facts.tasks) and facts.tasks[0].status == "STOPPED"
