"""How tasks ended."""

from collections.abc import Iterator
from statistics import median
from typing import Final

from tasks.tools.ecs.facts import Container, Facts, Task
from tasks.tools.ecs.rules.finding import (
    SEGFAULT,
    SIGKILL,
    SIGTERM,
    Cause,
    Finding,
    cited,
    crashed,
    definition_command,
    earliest,
    gravity,
    is_essential,
    is_of_service,
    is_planned,
    is_unhealthy,
    logs_command,
    plural,
    reasons,
    spec_of,
)

LOOP: Final = 3
"""Tasks that crashed, from which on it is a loop."""
INTERRUPTED: Final = {
    "SpotInterruption": "Fargate Spot took capacity back",
    "TerminationNotice": "their instance was terminated",
    "InfrastructureHealth": "what they ran on was not healthy",
}
"""stopCodes of tasks that were not to blame."""
_OOM: Final = "OutOfMemory"


def out_of_memory(facts: Facts) -> Iterator[Finding]:
    """Only what ECS itself calls OutOfMemoryError: an exit by SIGKILL alone has other causes."""
    tasks = [task for task in facts.stopped if any(_OOM in reason for reason in reasons(task))]
    if not tasks:
        return
    name = next((each.name for each in tasks[0].containers if _OOM in each.reason), "a container")
    spec = spec_of(facts, tasks[0], name)
    limit = (spec.memory if spec else None) or tasks[0].memory
    of = f" ({limit} MiB)" if limit else ""
    metrics = tuple(each.id for each in facts.metrics or () if each.name == "memory")
    yield Finding(
        rule="out-of-memory",
        severity=gravity(facts, tasks),
        message=f"Container {name} used more memory than it may{of} in {plural(len(tasks), 'task')}, and was killed.",
        evidence=(*cited(tasks), *metrics),
        since=earliest(tasks),
        cause=Cause(
            text=f"Container {name} runs out of memory: it was killed at its limit{of}, OutOfMemoryError.",
            weight=95,
            confidence="high",
            step="Give it more memory, or find what grows: compare its memory with the time since the last deployment.",
            command=definition_command(facts),
        ),
    )


def killed(facts: Facts) -> Iterator[Finding]:
    """What ECS stops itself it kills when it does not end in time; what it did not stop was killed by another."""
    tasks = [task for task in facts.stopped if _ended_with(task, SIGKILL) and not _is_oom(task)]
    late = [task for task in tasks if is_planned(task) or is_unhealthy(task) or task.code in INTERRUPTED]
    if late:
        yield Finding(
            rule="slow-to-stop",
            severity="info",
            message=f"{plural(len(late), 'task')} did not stop in time and were killed (exit code 137).",
            evidence=cited(late),
            since=earliest(late),
        )
    tasks = [task for task in tasks if task not in late and not _first(facts, task) and _killed(facts, task)]
    if tasks:
        name = _killed(facts, tasks[0])[0].name
        yield Finding(
            rule="killed",
            severity=gravity(facts, tasks),
            message=f"Container {name} was killed (SIGKILL, exit code 137), and ECS does not say that memory ran out.",
            evidence=cited(tasks),
            since=earliest(tasks),
            cause=Cause(
                text=f"Container {name} was killed from outside: by its host, or by its own init.",
                weight=40,
                confidence="low",
                step="Look for what the host or the application says just before.",
                command=logs_command(facts),
                against=("ECS reports no OutOfMemoryError",),
            ),
        )


def segfault(facts: Facts) -> Iterator[Finding]:
    tasks = [task for task in crashed(facts) if _ended_with(task, SEGFAULT)]
    if tasks:
        name = _name(tasks[0], SEGFAULT)
        yield Finding(
            rule="segfault",
            severity=gravity(facts, tasks),
            message=f"Container {name} crashed with a segmentation fault (exit code 139).",
            evidence=cited(tasks),
            since=earliest(tasks),
            cause=Cause(
                text=f"Container {name} crashes with a segmentation fault: native code, or an image for another CPU.",
                weight=85,
                confidence="high",
                step="Compare the image's architecture with the task's, and what native libraries changed.",
                command=definition_command(facts),
            ),
        )


def crashes(facts: Facts) -> Iterator[Finding]:
    """Essential containers that ended with an error of their own."""
    found: dict[tuple[str, int], list[Task]] = {}
    for task in crashed(facts):
        for each in _first(facts, task):
            if each.exit not in (None, SEGFAULT):
                found.setdefault((each.name, each.exit), []).append(task)
    for (name, code), tasks in found.items():
        words = _last_words(facts, tasks)
        yield Finding(
            rule="crashed",
            severity=gravity(facts, tasks),
            message=f"Container {name} ended by itself with exit code {code} in {plural(len(tasks), 'task')}.",
            evidence=(*cited(tasks), *words),
            since=earliest(tasks),
            cause=Cause(
                text=f"The application in container {name} crashes with exit code {code}{_meaning(code)}.",
                weight=50,
                confidence="medium",
                step="Read what it wrote last before it ended.",
                command=logs_command(facts),
                against=() if words else ("the last lines of the tasks could not be read",),
            ),
        )


def ended_well(facts: Facts) -> Iterator[Finding]:
    """A service's container must not end, even without an error; a job's may."""
    found = [(task, name) for task in crashed(facts) if is_of_service(task) and (name := _finished(facts, task))]
    if found:
        tasks, name = [task for task, _ in found], found[0][1]
        yield Finding(
            rule="ended-by-itself",
            severity=gravity(facts, tasks),
            message=f"The main process of container {name} ended without an error (exit code 0), and the task with it.",
            evidence=cited(tasks),
            since=earliest(tasks),
            cause=Cause(
                text=f"The main process of container {name} ends instead of serving: a job, or one in the background.",
                weight=55,
                confidence="high",
                step="Let the service's process run in the foreground; check command and entry point.",
                command=definition_command(facts),
            ),
        )


def crash_loop(facts: Facts) -> Iterator[Finding]:
    tasks = [task for task in crashed(facts) if is_of_service(task)]
    if len(tasks) < LOOP:
        return
    ends = [task.ended for task in tasks if task.ended]
    lives = [task.lived for task in tasks if task.lived is not None]
    minutes = (max(ends) - min(ends)) / 60_000 if ends else 0
    lived = f", each after about {median(lives):,.0f} s" if lives else ""
    yield Finding(
        rule="crash-loop",
        severity=gravity(facts, tasks),
        message=f"A crash loop: {len(tasks)} tasks ended by themselves within {minutes:,.0f} minutes{lived}.",
        evidence=cited(tasks),
        since=earliest(tasks),
    )


def interrupted(facts: Facts) -> Iterator[Finding]:
    """Ended by the place where they ran."""
    tasks = [task for task in facts.stopped if task.code in INTERRUPTED]
    if tasks:
        what = "; ".join(dict.fromkeys(INTERRUPTED[task.code] for task in tasks))
        yield Finding(
            rule="interrupted",
            severity="warning",
            message=f"{plural(len(tasks), 'task')} ended because {what}.",
            evidence=cited(tasks),
            since=earliest(tasks),
            cause=Cause(
                text=f"Tasks were interrupted: {what}.",
                weight=60,
                confidence="high",
                step="Run more than one task, and a base of them on capacity that is not taken back.",
                command="aws ecs describe-capacity-providers",
            ),
        )


def _ended_with(task: Task, code: int) -> list[Container]:
    return [each for each in task.containers if each.exit == code]


def _killed(facts: Facts, task: Task) -> list[Container]:
    return [each for each in _ended_with(task, SIGKILL) if is_essential(facts, task, each.name)]


def _name(task: Task, code: int) -> str:
    """Of the container that ended so."""
    return _ended_with(task, code)[0].name


def _is_oom(task: Task) -> bool:
    return any(_OOM in reason for reason in reasons(task))


def _first(facts: Facts, task: Task) -> list[Container]:
    """Essential containers that ended with an error of their own: what ECS stopped after them has other codes."""
    codes = (None, 0, SIGKILL, SIGTERM)
    return [each for each in task.containers if each.exit not in codes and is_essential(facts, task, each.name)]


def _finished(facts: Facts, task: Task) -> str:
    """The name of the essential container that ended well, when none ended badly."""
    own = [each for each in task.containers if is_essential(facts, task, each.name)]
    if any(each.exit not in (None, 0, SIGTERM) for each in own):
        return ""
    return next((each.name for each in own if each.exit == 0), "")


def _last_words(facts: Facts, tasks: list[Task]) -> tuple[str, ...]:
    ids = {task.id for task in tasks}
    return tuple(each.id for each in (facts.logs.last if facts.logs else ()) if each.task in ids)


def _meaning(code: int) -> str:
    known = {126: " (the command cannot be run)", 127: " (the command was not found)", 134: " (abort)"}
    return known.get(code, "")
