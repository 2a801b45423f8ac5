"""What a rule concludes: something is so (a finding), and perhaps why (a cause)."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from tasks.tools.ecs.answer import Confidence, Severity
from tasks.tools.ecs.facts import Facts, Task


@dataclass(frozen=True, kw_only=True)
class Cause:
    """Why something is so. Of several, the one with the greatest *weight* lies deepest."""

    text: str
    weight: int
    confidence: Confidence
    step: str
    command: str
    against: tuple[str, ...] = ()
    """What speaks against it."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    rule: str
    severity: Severity
    message: str
    evidence: tuple[str, ...]
    since: int | None = None
    cause: Cause | None = None


Judge = Callable[[Facts], Iterable[Finding]]


@dataclass(frozen=True)
class Rule:
    """*judge* looks at the facts once all sections it *needs* have settled, one way or another."""

    judge: Judge
    needs: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.judge.__name__.replace("_", "-")


CITED = 5
"""Ids that one finding cites, at most."""
SIGKILL, SEGFAULT, SIGTERM = 137, 139, 143
"""Exit codes: 128 and the signal."""
_WANTED = ("Scaling activity initiated by", "Task stopped by user", "Stopped by")


def cited(facts: Sequence[Task]) -> tuple[str, ...]:
    return tuple(each.id for each in facts[:CITED])


def earliest(tasks: Sequence[Task]) -> int | None:
    return min((task.ended for task in tasks if task.ended), default=None)


def is_planned(task: Task) -> bool:
    """Whether somebody, or a deployment, wanted the task to end."""
    return task.code in ("UserInitiated", "") or any(words in task.reason for words in _WANTED)


def crashed(facts: Facts) -> list[Task]:
    """Tasks whose essential container ended by itself, the newest first."""
    return [task for task in facts.stopped if task.code == "EssentialContainerExited"]


def unstarted(facts: Facts) -> list[Task]:
    return [task for task in facts.stopped if task.code == "TaskFailedToStart" or _could_not(task)]


def _could_not(task: Task) -> bool:
    words = ("Cannot", "ResourceInitializationError", "Capacity is unavailable")
    return not is_planned(task) and any(reason.startswith(words) for reason in reasons(task))


def failed(facts: Facts) -> list[Task]:
    """Tasks that ended because something was wrong with them, the newest first."""
    bad = {task.id for task in [*crashed(facts), *unstarted(facts)]}
    return [task for task in facts.stopped if task.id in bad or "health check" in task.reason]


def reasons(task: Task) -> Iterator[str]:
    """Every sentence in which ECS says why it ended."""
    if task.reason:
        yield task.reason
    for container in task.containers:
        if container.reason:
            yield container.reason


def names(facts: Facts) -> tuple[str, str]:
    """Of the cluster and the service, for a command."""
    cluster = facts.cluster.name if facts.cluster else "<cluster>"
    return cluster, facts.service.name if facts.service else "<service>"


def ecs_command(facts: Facts, verb: str, more: str = "") -> str:
    cluster, service = names(facts)
    return f"aws ecs {verb} --cluster {cluster} --service{'s' if verb.startswith('describe') else ''} {service}{more}"


def definition_command(facts: Facts) -> str:
    name = facts.revisions.current.name if facts.revisions else "<task definition>"
    return f"aws ecs describe-task-definition --task-definition {name}"


def logs_command(facts: Facts) -> str:
    group = facts.logs.groups[0] if facts.logs and facts.logs.groups else "<log group>"
    return f"aws logs tail {group} --since 1h"


def plural(count: int, word: str) -> str:
    return f"{count:,} {word}{'' if count == 1 else 's'}"
