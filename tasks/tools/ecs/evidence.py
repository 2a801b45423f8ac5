"""Every piece of evidence as one sentence: what a conclusion cites, a model is given, and a reader can look up."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final, NamedTuple

from tasks.mining.digest import harmless
from tasks.tools.ecs.facts import (
    Cluster,
    Definition,
    Facts,
    Logs,
    Metric,
    Rollout,
    Service,
    TargetGroup,
    Task,
)

LOG: Final = "section:logs"
"""The id of the log as a whole."""


class Piece(NamedTuple):
    id: str
    at: int | None
    text: str


def pieces(facts: Facts) -> list[Piece]:
    """All there is, each under its id."""
    found: list[Piece] = []
    if facts.cluster:
        found.append(_cluster(facts.cluster))
    if facts.service:
        found += _service(facts.service)
    found += [_rollout(each) for each in facts.deployments or ()]
    found += [_task(each) for each in facts.tasks or ()]
    found += _revisions(facts)
    found += _outside(facts)
    if facts.logs:
        found += _logs(facts.logs)
    return found


def moment(milliseconds: int | None) -> str | None:
    """ISO 8601, to the second."""
    if milliseconds is None:
        return None
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def clock(milliseconds: int | None) -> str:
    """For a sentence: the time of the day."""
    return "" if milliseconds is None else datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%H:%M:%S")


def _cluster(found: Cluster) -> Piece:
    words = f"cluster {found.name} is {found.status}: {found.running} tasks run, {found.pending} are pending"
    return Piece(found.id, None, words)


def _service(found: Service) -> Iterator[Piece]:
    counts = f"{found.running} of {found.desired} tasks run, {found.pending} pending"
    yield Piece(found.id, None, f"service {found.name} is {found.status}: {counts}")
    for event in found.events:
        yield Piece(event.id, event.at, event.text)
    for rollout in found.rollouts:
        yield _rollout(rollout)


def _rollout(found: Rollout) -> Piece:
    words = f"deployment of {found.definition.rpartition('/')[2] or 'an unknown revision'} is {found.status}"
    if found.state and found.state != found.status:
        words += f", {found.state}"
    words += f": {found.running} of {found.desired} tasks run, {found.failed} failed"
    if found.breaker:
        words += f", circuit breaker {found.breaker}"
    if found.reason:
        words += f" ({found.reason})"
    return Piece(found.id, found.created, words)


def _task(found: Task) -> Piece:
    words = f"task {found.name} of {found.definition.rpartition('/')[2]} is {found.status or 'unknown'}"
    if found.health and found.health != "UNKNOWN":
        words += f", {found.health}"
    if found.code:
        words += f", {found.code}"
    if found.reason:
        words += f": {found.reason}"
    for each in found.containers:
        if each.exit is not None or each.reason:
            code = "" if each.exit is None else f" exit code {each.exit}"
            words += f"; container {each.name}{code}{f' ({each.reason})' if each.reason else ''}"
    return Piece(found.id, found.ended or found.started or found.created, words)


def _revisions(facts: Facts) -> Iterator[Piece]:
    if facts.revisions is None:
        return
    for each in (facts.revisions.current, facts.revisions.previous):
        if each is not None:
            yield Piece(each.id, None, _definition(each))
    for change in facts.revisions.changes:
        yield Piece(change.id, change.at, f"{change.what}: {change.before} became {change.after}")


def _definition(found: Definition) -> str:
    parts = [f"{each.name} ({each.image})" for each in found.containers]
    return f"task definition {found.name}: {', '.join(parts)}; CPU {found.cpu or '?'}, memory {found.memory or '?'}"


def _outside(facts: Facts) -> Iterator[Piece]:
    for image in facts.images or ():
        words = {True: "is in ECR", False: "is not in ECR", None: "could not be looked up"}[image.found]
        tags = f"; the newest tags there: {', '.join(image.tags)}" if image.tags else ""
        yield Piece(image.id, image.pushed, f"image {image.name} {words}{tags}")
    for group in facts.targets or ():
        yield Piece(group.id, None, _group(group))
    for check in facts.network or ():
        yield Piece(check.id, None, check.text)
    for alarm in facts.alarms or ():
        yield Piece(alarm.id, alarm.since, f"alarm {alarm.name} is {alarm.state}: {alarm.reason}")
    for metric in facts.metrics or ():
        yield Piece(metric.id, metric.peak_at, _metric(metric))
    for activity in facts.scaling.activities if facts.scaling else ():
        yield Piece(activity.id, activity.at, f"scaling {activity.status}: {activity.text}")
    if facts.scaling:
        yield Piece(facts.scaling.id, None, f"scales from {facts.scaling.least} to {facts.scaling.most} tasks")
    for act in facts.trail or ():
        yield Piece(act.id, act.at, f"{act.who} called {act.name}")


def _group(found: TargetGroup) -> str:
    counts: dict[str, int] = {}
    for target in found.targets:
        state = f"{target.state} ({target.reason}: {target.words})" if target.reason else target.state
        counts[state] = counts.get(state, 0) + 1
    states = ", ".join(f"{count} {state}" for state, count in counts.items()) or "no targets"
    return f"target group {found.name}, checked at {found.path or 'its port'}: {states}"


def _metric(found: Metric) -> str:
    latest = found.points[-1][1] if found.points else 0.0
    unit = {"percent": " %", "seconds": " s", "count": "", "tasks": " tasks"}[found.unit]
    return f"{found.name}: highest {found.peak:,.4g}{unit} at {clock(found.peak_at)}, latest {latest:,.4g}{unit}"


def _logs(found: Logs) -> Iterator[Piece]:
    first = found.minutes[0][0] if found.minutes else None
    most = max((count for _, count, _ in found.minutes), default=0)
    words = f"log of {', '.join(found.groups)}: {found.events:,} lines, {found.errors:,} that may speak of trouble"
    words += f", at most {most:,} a minute; {found.read:,} were read" if most else f"; {found.read:,} were read"
    yield Piece(LOG, first, words)
    for each in found.patterns:
        new = ", new" if each.is_new else ""
        times = f"{clock(each.first)} to {clock(each.last)}"
        yield Piece(each.id, each.first, f"{each.count:,} lines ({each.severity}{new}, {times}): {each.template}")
    for each in found.last:
        text = " | ".join(line for _, line in each.lines[-5:])
        yield Piece(each.id, each.lines[-1][0], f"last lines of {each.task.replace(':', ' ')}: {harmless(text)[:600]}")
