"""What happened and when: for the timeline of the answer, and for the marks in its chart."""

from collections.abc import Iterator
from typing import Literal, NamedTuple

from tasks.tools.ecs.facts import Facts

Kind = Literal["deployment", "stopped", "alarm", "scaling", "change", "log"]


class Happening(NamedTuple):
    at: int
    kind: Kind
    words: str
    evidence: str


def happenings(facts: Facts) -> Iterator[Happening]:
    """In no order."""
    for rollout in facts.rollouts:
        if rollout.created:
            words = f"deployment of {rollout.definition.rpartition('/')[2]} began"
            yield Happening(rollout.created, "deployment", words, rollout.id)
    for task in facts.stopped:
        if task.ended:
            words = f"task {task.name[:8]} ended: {task.reason or task.code}"
            yield Happening(task.ended, "stopped", words, task.id)
    for act in facts.trail or ():
        yield Happening(act.at, "change", f"{act.who} called {act.name}", act.id)
    yield from _signals(facts)


def _signals(facts: Facts) -> Iterator[Happening]:
    for alarm in facts.alarms or ():
        if alarm.state == "ALARM" and alarm.since:
            yield Happening(alarm.since, "alarm", f"alarm {alarm.name} was raised", alarm.id)
    for activity in facts.scaling.activities if facts.scaling else ():
        yield Happening(activity.at, "scaling", f"scaling: {activity.text}", activity.id)
    for pattern in facts.logs.patterns if facts.logs else ():
        if pattern.severity in ("critical", "error"):
            yield Happening(pattern.first, "log", f"first of {pattern.count:,}: {pattern.template}", pattern.id)
