"""What the numbers say: CPU, memory, errors, latency, alarms and scaling."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import median
from typing import Final

from tasks.tools.ecs.evidence import LOG
from tasks.tools.ecs.facts import Facts, Metric
from tasks.tools.ecs.rules.finding import Cause, Finding, definition_command, ecs_command, logs_command, names

HIGH: Final = 90.0
"""Percent."""
LASTING: Final = 3
"""Points of a series, in a row, that are no spike."""
LEAST_ERRORS: Final = 10
ERRORS: Final = 0.01
"""The part of all requests that may fail."""
MANY: Final = 0.25
SLOWER: Final = 3.0
SLOW: Final = 1.0
"""Seconds."""
STEERING: Final = "TargetTracking-"
"""What the names of alarms that Application Auto Scaling makes for itself begin with."""


def high_memory(facts: Facts) -> Iterator[Finding]:
    for metric in _named(facts, "memory"):
        if metric.peak >= HIGH:
            since = next((moment for moment, value in metric.points if value >= HIGH), None)
            yield _high(facts, metric, "memory", weight=60, since=since)


def high_cpu(facts: Facts) -> Iterator[Finding]:
    """Not a spike: a service may use what it has for a moment."""
    for metric in _named(facts, "cpu"):
        if since := _lasting(metric.points, HIGH):
            yield _high(facts, metric, "CPU", weight=57, since=since)


def _high(facts: Facts, metric: Metric, what: str, *, weight: int, since: int | None) -> Finding:
    latest = metric.points[-1][1]
    return Finding(
        rule=f"high-{what.lower()}",
        severity="warning",
        message=f"The service uses nearly all of the {what} it reserved: {metric.peak:.0f} % at its highest, "
        f"{latest:.0f} % now.",
        evidence=(metric.id,),
        since=since,
        cause=Cause(
            text=f"The tasks have too little {what}: they use up to {metric.peak:.0f} % of what they reserve.",
            weight=weight,
            confidence="medium",
            step=f"Give each task more {what}, or run more of them; compare with the requests, which may have grown.",
            command=definition_command(facts),
        ),
    )


def failing_requests(facts: Facts) -> Iterator[Finding]:
    """Answers of the 500s, as the load balancer counts them."""
    for metric in _named(facts, "5xx"):
        total = sum(value for _, value in metric.points)
        requests = sum(value for each in _named(facts, "requests") for _, value in each.points)
        part = total / requests if requests else 1.0
        if total < LEAST_ERRORS or part < ERRORS:
            continue
        since = next(moment for moment, value in metric.points if value >= metric.peak / 10)
        yield Finding(
            rule="failing-requests",
            severity="critical" if part >= MANY else "warning",
            message=f"{total:,.0f} requests were answered with 5xx"
            f"{f' ({part:.0%} of them)' if requests else ''}, "
            f"{metric.peak / _minutes(metric):,.0f} a minute at the most.",
            evidence=(metric.id,),
            since=since,
        )


def slow_answers(facts: Facts) -> Iterator[Finding]:
    """Against the first third of the window, in which it was not slow yet."""
    for metric in _named(facts, "latency"):
        values = [value for _, value in metric.points]
        if len(values) < 2 * LASTING:
            continue
        usual = median(values[: max(LASTING, len(values) // 3)])
        if since := _lasting(metric.points, max(SLOW, SLOWER * usual)):
            yield Finding(
                rule="slow-answers",
                severity="warning",
                message=f"Answers became slow: p95 {metric.peak:.2f} s at the worst, {usual:.2f} s before.",
                evidence=(metric.id,),
                since=since,
            )


def alarms_raised(facts: Facts) -> Iterator[Finding]:
    """Not those by which auto scaling steers: one of them is in ALARM whenever there is less to do than there was."""
    raised = [alarm for alarm in facts.alarms or () if alarm.state == "ALARM" and not alarm.name.startswith(STEERING)]
    if raised:
        listed = ", ".join(alarm.name for alarm in raised[:5])
        yield Finding(
            rule="alarms",
            severity="warning",
            message=f"In ALARM: {listed}.",
            evidence=tuple(alarm.id for alarm in raised[:5]),
            since=min((alarm.since for alarm in raised if alarm.since), default=None),
        )


def at_its_most(facts: Facts) -> Iterator[Finding]:
    """Scaled out as far as it may, and still busy."""
    scaling, service = facts.scaling, facts.service
    if scaling is None or service is None or not scaling.most or service.desired < scaling.most:
        return
    used = (*_named(facts, "cpu"), *_named(facts, "memory"))
    busy = [(each, since) for each in used if (since := _lasting(each.points, HIGH))]
    if busy:
        cluster, name = names(facts)
        yield Finding(
            rule="at-its-most",
            severity="warning",
            message=f"The service runs as many tasks as auto scaling may give it ({scaling.most}), and is still busy.",
            evidence=(scaling.id, *(each.id for each, _ in busy)),
            since=min(since for _, since in busy),
            cause=Cause(
                text=f"Auto scaling is at its maximum of {scaling.most} tasks, and the load is greater than they bear.",
                weight=62,
                confidence="high",
                step="Raise the maximum, after a look at what the tasks wait for.",
                command="aws application-autoscaling register-scalable-target --service-namespace ecs "
                f"--scalable-dimension ecs:service:DesiredCount --resource-id service/{cluster}/{name} "
                f"--max-capacity {scaling.most * 2}",
            ),
        )


def scaling_failed(facts: Facts) -> Iterator[Finding]:
    failed = [each for each in (facts.scaling.activities if facts.scaling else ()) if each.status == "Failed"]
    if failed:
        yield Finding(
            rule="scaling-failed",
            severity="warning",
            message=f"Auto scaling failed: {failed[0].text[:200]}",
            evidence=tuple(each.id for each in failed[:3]),
            since=min(each.at for each in failed),
            cause=Cause(
                text=f"Auto scaling cannot change the service: {failed[0].text[:150]}",
                weight=52,
                confidence="medium",
                step="Read the activity's reason; mostly it is its role, or a limit.",
                command=ecs_command(facts, "describe-services"),
            ),
        )


def log_flood(facts: Facts) -> Iterator[Finding]:
    """A rate of lines that is many times the usual one."""
    minutes = facts.logs.minutes if facts.logs else ()
    if len(minutes) < LASTING or facts.logs is None:
        return
    counts = [count for _, count, _ in minutes]
    usual, peak = median(counts), max(counts)
    if peak < FLOOD or peak < FLOODED * max(1.0, usual):
        # Many lines are no flood where there are always so many, unless most of them are trouble.
        if usual < FLOOD * 10 or facts.logs.errors < sum(counts) * TROUBLE:
            return
        usual = 0.0
    since = next(moment for moment, count, _ in minutes if count >= peak / 2)
    worst = max(facts.logs.patterns, key=lambda each: each.count, default=None)
    what = f" Most of what was read is: {worst.template[:150]}" if worst else ""
    yield Finding(
        rule="log-flood",
        severity="warning",
        message=f"A log flood: {sum(counts):,} lines, {peak:,} in the worst minute"
        f"{f', {usual:,.0f} usually' if usual else ''}.{what}",
        evidence=(worst.id,) if worst else (LOG,),
        since=since,
        cause=Cause(
            text=f"The application floods its log ({peak:,} lines a minute)"
            f"{f': {worst.template[:120]}' if worst else ''}.",
            weight=59,
            confidence="medium",
            step="Find what repeats: a retry without a pause, a debug level, an error in a loop. Volume is paid for.",
            command=logs_command(facts),
        ),
    )


FLOOD: Final = 1_000
"""Lines a minute."""
FLOODED: Final = 8.0
"""Times the usual."""
TROUBLE: Final = 0.25
"""The part of the lines that speaks of trouble."""


def _named(facts: Facts, name: str) -> list[Metric]:
    return [metric for metric in facts.metrics or () if metric.name == name and metric.points]


def _lasting(points: Sequence[tuple[int, float]], limit: float) -> int | None:
    """When the first stretch began in which so many points in a row are that high."""
    row: list[int] = []
    for moment, value in points:
        row = [*row, moment] if value >= limit else []
        if len(row) >= LASTING:
            return row[0]
    return None


def _minutes(metric: Metric) -> float:
    """That one point is about."""
    gaps = [after[0] - before[0] for before, after in pairwise(metric.points)]
    return max(1.0, min(gaps, default=0) / 60_000)
