"""The table of rules is all of them, each with what it needs."""

import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tasks.tools.ecs import rules
from tasks.tools.ecs.facts import Act, Activity, Check, Facts, Image, LastWords, Link, Logs, Scaling
from tasks.tools.ecs.rules.finding import Finding, Rule
from tasks.tools.ecs.rules.table import RULES, judge
from tasks.tools.ecs.steps import LOGS, STEPS
from tests.stand_ins.facts import (
    ago,
    alarm,
    cluster,
    definition,
    ended,
    event,
    exited,
    facts,
    group,
    metric,
    pattern,
    revisions,
    rollout,
    running,
    service,
    spec,
    target,
    unstarted,
)
from tests.stand_ins.world.failures import NOT_PLACED
from tests.stand_ins.world.names import GROUP_ARN

SECTIONS = {LOGS, *(step.name for step in STEPS)}


def all_is_wrong() -> Facts:
    """Everything at once: whatever a rule looks for, it finds."""
    return facts(
        cluster=cluster(),
        service=service(
            4, 0, event(1, 3, NOT_PLACED["ec2"]), links=(Link(group=GROUP_ARN, container="web", port=9),), grace=9
        ),
        tasks=(
            ended(1, 3, exited("web", 137, "OutOfMemoryError: x"), revision=8),
            *(ended(number, 4 + number, exited("web", number), revision=8) for number in (2, 3, 4)),
            ended(5, 5, exited("web", 139), revision=8),
            ended(6, 6, exited("web", 137), revision=8),
            ended(7, 7, exited("web", 0), revision=8),
            ended(8, 8, exited("web", 137), code="SpotInterruption", reason="Spot", revision=8),
            unstarted(9, 9, "CannotPullContainerError: not found", revision=8),
            unstarted(10, 10, "ResourceInitializationError: secret: AccessDenied", revision=8),
            unstarted(11, 11, "CannotStartContainerError: exec format error", revision=8),
            running(12, 8, health="UNHEALTHY"),
        ),
        deployments=(rollout(1, 8, 30, "FAILED", breaker="TRIGGERED"), rollout(2, 7, 3_000)),
        revisions=revisions(definition(8, spec(memory=256)), previous=definition(7, number=2)),
        images=(Image(id="image:1", name="web:7", found=False),),
        targets=(group(target("unhealthy", "Target.Timeout")),),
        network=(Check(id="network:1", name="from-load-balancer", text="no", ok=False),),
        alarms=(alarm(1, "web-5xx"),),
        metrics=(
            metric("cpu", *[95] * 9),
            metric("memory", *[99] * 9, number=2),
            metric("5xx", *[50] * 9, number=3),
            metric("latency", *[0.1] * 6, *[9] * 6, number=4),
        ),
        scaling=Scaling(
            id="scaling:0",
            least=1,
            most=4,
            activities=(Activity(id="scaling:1", at=ago(3), status="Failed", text="x"),),
        ),
        trail=(Act(id="trail:1", at=ago(31), name="UpdateService", who="alice"),),
        logs=Logs(
            groups=("/ecs/web",),
            minutes=tuple((ago(9 - n), 9_000 if n > 7 else 10, 5) for n in range(9)),
            patterns=(
                pattern(1, "ERROR connect ECONNREFUSED db:5432"),
                pattern(2, "ERROR a", is_new=True),
                pattern(3, "ERROR b", rose=9.0),
            ),
            last=(LastWords(id="lines:1", task="task:2", lines=((ago(4), "gone"),)),),
        ),
    )


def judges() -> Iterator[Any]:
    """Every public function of the modules that takes facts and tells findings."""
    for path in Path(rules.__file__).parent.glob("*.py"):
        module = importlib.import_module(f"tasks.tools.ecs.rules.{path.stem}")
        for name, found in inspect.getmembers(module, inspect.isfunction):
            own = found.__module__ == module.__name__ and not name.startswith("_")
            if own and inspect.signature(found).return_annotation == Iterator[Finding]:
                yield found


def test_every_rule_of_the_modules_is_in_the_table():
    """Style 5: the line is not forgotten."""
    assert {rule.judge for rule in RULES} == set(judges())


def test_every_rule_can_fire():
    """Ours: all but those that a service with a desired count, and one that is there, shuts out."""
    known = all_is_wrong()

    silent = {rule.name for rule in RULES if not list(rule.judge(known))}

    assert silent == {"deployment-stuck", "scaled-to-zero", "service-gone", "stopped-by-balancer"}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_needs_sections_that_there_are(rule: Rule):
    """Ours: one that waits for a section of another name would never be asked."""
    assert rule.needs
    assert set(rule.needs) <= SECTIONS


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_what_a_rule_says_early_it_says_at_the_end(rule: Rule):
    """Ours: its message and severity rest on the sections it needs; the rest may only add evidence and causes."""
    known = all_is_wrong()
    early = Facts(start=known.start, end=known.end, **{name: getattr(known, name) for name in rule.needs})

    said = [(each.rule, each.severity, each.message) for each in rule.judge(early)]

    assert said == [(each.rule, each.severity, each.message) for each in rule.judge(known)]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_finds_nothing_where_nothing_is_known(rule: Rule):
    """Ours: what could not be read is no finding."""
    assert list(rule.judge(Facts())) == []


@pytest.mark.parametrize("missing", sorted(SECTIONS))
def test_rules_bear_any_section_that_is_missing(missing: str):
    """Ours: a partial answer beats a failure."""
    known = all_is_wrong()
    setattr(known, missing, None)

    assert judge(known)


def test_findings_are_told_the_gravest_first():
    """Ours: by severity, then by how deep their cause lies."""
    found = judge(all_is_wrong())
    order = ["critical", "warning", "info"]

    ranks = [(order.index(each.severity), -(each.cause.weight if each.cause else 0)) for each in found]

    assert ranks == sorted(ranks)


def test_judging_changes_nothing():
    """Ours: the same facts give the same findings."""
    known = all_is_wrong()
    before = msgspec.json.encode(known)

    assert judge(known) == judge(known)
    assert msgspec.json.encode(known) == before


def test_a_healthy_service_has_no_findings():
    """Ours: the worst error would be to call it broken."""
    known = facts(
        cluster=cluster(),
        service=service(2, 2, event(1, 20), event(2, 380)),
        tasks=(
            running(1),
            running(2),
            ended(3, 30, code="ServiceSchedulerInitiated", reason="Scaling activity initiated by (deployment x)"),
        ),
        deployments=(rollout(1, 7, 3_000), rollout(2, 6, 9_000)),
        revisions=revisions(),
        targets=(group(target(), target("draining")),),
        alarms=(alarm(1, "web-5xx", "OK"), alarm(2, "TargetTracking-service/shop/web-AlarmLow-1")),
        metrics=(metric("cpu", 20, 99, 20, 20), metric("memory", *[70] * 9, number=2), metric("5xx", 3, number=3)),
        scaling=Scaling(id="scaling:0", least=2, most=2),
        logs=Logs(
            groups=("/ecs/web",), minutes=((ago(2), 50, 1), (ago(1), 60, 1)), patterns=(pattern(1, "ERROR x", 4),)
        ),
    )

    assert judge(known) == []
