"""What a rule concludes: something is so (a finding), and perhaps why (a cause)."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from tasks.tools.ecs.answer import Confidence, Severity
from tasks.tools.ecs.facts import ContainerSpec, Facts, Task


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
QUIET = 10 * 60_000
"""Milliseconds after the last failure before which nothing is called over."""


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
    return [task for task in facts.stopped if task.id in bad or is_unhealthy(task)]


def is_unhealthy(task: Task) -> bool:
    """Whether ECS stopped it for a health check."""
    return "health check" in task.reason and task.code != "UserInitiated"


def is_of_service(task: Task) -> bool:
    """Whether a service is to keep it running; a job's task may end. Where nothing is said, one is."""
    return not task.group or task.group.startswith("service:")


def gravity(facts: Facts, tasks: Sequence[Task]) -> Severity:
    """Of what happened to *tasks*: less grave when the service has been well again since."""
    return "warning" if steady_since(facts, tasks) else "critical"


def steady_since(facts: Facts, tasks: Sequence[Task]) -> int | None:
    """When ECS called the service steady after the last of *tasks* ended, if that is over.

    It is when another revision took the place of theirs, or when it has been quiet for longer than between two ends.
    """
    service, ends = facts.service, sorted(task.ended for task in tasks if task.ended)
    if service is None or not ends or service.running < max(1, service.desired):
        return None
    steady = [each.at for each in service.events if "steady state" in each.text and each.at > ends[-1]]
    latest = next(iter(facts.rollouts), None)
    done = latest is not None and latest.state == "COMPLETED" and not latest.rolled_back
    replaced = done and latest is not None and latest.definition not in ("", *(task.definition for task in tasks))
    if not steady or not (replaced or _is_quiet(facts, ends)):
        return None
    return min(steady)


def _is_quiet(facts: Facts, ends: Sequence[int]) -> bool:
    longest = max((after - before for before, after in pairwise(ends)), default=0)
    return facts.end is not None and facts.end - ends[-1] > max(QUIET, longest)


def well_since(facts: Facts) -> int:
    """When ECS last called the service steady: what an event said before that is settled. 0 when it never did."""
    events = facts.service.events if facts.service else ()
    return max((each.at for each in events if "steady state" in each.text), default=0)


def is_essential(facts: Facts, task: Task, container: str) -> bool:
    """Whether the task ends with that container: as its definition says, and else as ECS does when nothing is said."""
    return (spec := spec_of(facts, task, container)) is None or spec.essential


def spec_of(facts: Facts, task: Task, container: str) -> ContainerSpec | None:
    """As the task's own definition says, if it is one of the two that are known."""
    known = (facts.revisions.current, facts.revisions.previous) if facts.revisions else ()
    specs = (spec for each in known if each and each.arn == task.definition for spec in each.containers)
    return next((spec for spec in specs if spec.name == container), None)


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
