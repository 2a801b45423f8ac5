"""Why tasks do not start: secrets, the platform, and room for them."""

import re
from collections.abc import Iterator
from typing import Final

from tasks.tools.ecs.facts import Facts
from tasks.tools.ecs.rules.finding import (
    Cause,
    Finding,
    cited,
    definition_command,
    earliest,
    ecs_command,
    gravity,
    plural,
    reasons,
    well_since,
)
from tasks.tools.ecs.rules.sentences import AWAY, DENIED, MISSING, PULL, no_way, told, way_out

_SETUP: Final = re.compile(r"ResourceInitializationError", re.IGNORECASE)
_EITHER: Final = re.compile(r"secrets or registry auth")
"""Words of AWS's for whichever of the two it was."""
_NEEDS: Final = (
    (re.compile(r"registry auth|\becr\b", re.IGNORECASE), "the registry's credentials"),
    (re.compile(r"log (?:group|stream)|logger", re.IGNORECASE), "its log group"),
    (re.compile(r"\befs\b|file ?system|mount", re.IGNORECASE), "its file system"),
    (re.compile(r"secret|ssm|parameter", re.IGNORECASE), "a secret"),
)
_START: Final = re.compile(r"Cannot(?:Start|Create|Inspect)Container\w*", re.IGNORECASE)
_CPU: Final = re.compile(
    r"exec format error|does not match (?:the )?.*platform|image Manifest does not contain", re.IGNORECASE
)
_PLACE: Final = re.compile(
    r"unable to place a task|Capacity is unavailable|RESOURCE:|no Container Instances", re.IGNORECASE
)
_ACTION: Final = re.compile(r"perform:? ([a-z0-9-]+:[A-Za-z]+)")


def not_set_up(facts: Facts) -> Iterator[Finding]:
    """Secrets, registry credentials or log drivers that the agent could not fetch before the start."""
    tasks = [task for task in facts.stopped if any(_is_setup(each) for each in reasons(task))]
    if not tasks:
        return
    words = next(each for each in reasons(tasks[0]) if _is_setup(each))
    yield Finding(
        rule="not-set-up",
        severity=gravity(facts, tasks),
        message=f"{plural(len(tasks), 'task')} could not be set up: {words[:200]}",
        evidence=(*cited(tasks), *way_out(facts)),
        since=earliest(tasks),
        cause=_setup_cause(facts, words),
    )


def _is_setup(words: str) -> bool:
    return bool(_SETUP.search(words)) and not PULL.search(words)


def _setup_cause(facts: Facts, words: str) -> Cause:
    said = _EITHER.sub("", words)
    what = next((each for pattern, each in _NEEDS if pattern.search(said)), "what it needs before it starts")
    if DENIED.search(words):
        action = f" ({found[1]})" if (found := _ACTION.search(words)) else ""
        return Cause(
            text=f"The execution role may not fetch {what}{action}.",
            weight=94,
            confidence="high",
            step="Allow it in the execution role's policy (not the task role's), the key that encrypts it included.",
            command=definition_command(facts),
        )
    if AWAY.search(words):
        return no_way(facts, what)
    if MISSING.search(words) or "ResourceNotFound" in words:
        return Cause(
            text=f"The task definition names {what} that does not exist.",
            weight=94,
            confidence="high",
            step="Compare the names in the task definition with what there is, in the same region.",
            command=definition_command(facts),
        )
    return Cause(
        text=f"The task cannot fetch {what}.",
        weight=75,
        confidence="medium",
        step="Read the reason; check the execution role, the network and the names.",
        command=definition_command(facts),
    )


def not_started(facts: Facts) -> Iterator[Finding]:
    """The container's own start failed: its command, its platform, its mounts."""
    tasks = [task for task in facts.stopped if any(_START.search(each) or _CPU.search(each) for each in reasons(task))]
    if not tasks:
        return
    words = next(each for each in reasons(tasks[0]) if _START.search(each) or _CPU.search(each))
    wrong = _CPU.search(words)
    yield Finding(
        rule="not-started",
        severity=gravity(facts, tasks),
        message=f"{plural(len(tasks), 'task')} could not start a container: {words[:200]}",
        evidence=cited(tasks),
        since=earliest(tasks),
        cause=Cause(
            text="The image is for another CPU architecture than the task's."
            if wrong
            else "A container cannot be started as its definition says: command, entry point or mounts.",
            weight=90,
            confidence="high" if wrong else "medium",
            step="Build the image for the task's runtimePlatform (or set it)."
            if wrong
            else "Check what the reason names.",
            command=definition_command(facts),
        ),
    )


def not_placed(facts: Facts) -> Iterator[Finding]:
    events = told(facts, _PLACE)
    since = well_since(facts)
    tasks = [task for task in facts.stopped if any(_PLACE.search(each) for each in reasons(task))]
    tasks = [task for task in tasks if (task.ended or since) >= since]
    if not (events or tasks):
        return
    words = events[0].text if events else next(iter(reasons(tasks[0])))
    times = [each.at for each in events] + [task.ended for task in tasks if task.ended]
    yield Finding(
        rule="not-placed",
        severity="critical",
        message=f"ECS finds no place for a task: {words[:250]}",
        evidence=(*(each.id for each in events[:3]), *cited(tasks)),
        since=min(times, default=None),
        cause=Cause(
            text=f"There is no capacity for the tasks{_lacking(words)}: ECS cannot place them.",
            weight=92,
            confidence="high",
            step="Add container instances (or let the capacity provider scale), ask for less CPU and memory, or "
            "loosen the placement constraints.",
            command=ecs_command(facts, "describe-services", " --query 'services[].events[:5]'"),
        ),
    )


def _lacking(words: str) -> str:
    for pattern, what in (
        (r"insufficient memory|RESOURCE:MEMORY", "memory"),
        (r"insufficient cpu|RESOURCE:CPU", "CPU"),
    ):
        if re.search(pattern, words, re.IGNORECASE):
            return f" (not enough {what})"
    return " (no container instances)" if "no container instances" in words.lower() else ""
