"""Why tasks do not start: images, secrets, the platform, and room for them."""

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
    plural,
    reasons,
)

_PULL: Final = re.compile(r"CannotPull\w*|pull image|pulling image", re.IGNORECASE)
_MISSING: Final = re.compile(
    r"not found|manifest unknown|does not exist|no such image|repository .*does not", re.IGNORECASE
)
_DENIED: Final = re.compile(
    r"denied|unauthorized|not authorized|forbidden|\b40[13]\b|no basic auth|AccessDenied", re.IGNORECASE
)
_AWAY: Final = re.compile(
    r"i/o timeout|dial tcp|timed? ?out|deadline exceeded|connection refused|no such host|unable to connect|"
    r"connection issue|request canceled|context canceled",
    re.IGNORECASE,
)
_SETUP: Final = re.compile(r"ResourceInitializationError", re.IGNORECASE)
_SECRET: Final = re.compile(r"secret|ssm|parameter", re.IGNORECASE)
_START: Final = re.compile(r"Cannot(?:Start|Create|Inspect)Container\w*", re.IGNORECASE)
_CPU: Final = re.compile(
    r"exec format error|does not match (?:the )?.*platform|image Manifest does not contain", re.IGNORECASE
)
_PLACE: Final = re.compile(
    r"unable to place a task|Capacity is unavailable|RESOURCE:|no Container Instances", re.IGNORECASE
)
_ACTION: Final = re.compile(r"perform:? ([a-z0-9-]+:[A-Za-z]+)")


def image_not_pulled(facts: Facts) -> Iterator[Finding]:
    tasks = [task for task in facts.stopped if any(_PULL.search(each) for each in reasons(task))]
    events = [each for each in (facts.service.events if facts.service else ()) if _PULL.search(each.text)]
    words = [*(each for task in tasks for each in reasons(task) if _PULL.search(each)), *(each.text for each in events)]
    if not words:
        return
    evidence = (*cited(tasks), *(each.id for each in events[:2]), *_images(facts), *_changed_image(facts))
    times = [moment for moment in (earliest(tasks), *(each.at for each in events)) if moment]
    yield Finding(
        rule="image-not-pulled",
        severity="critical",
        message=f"{plural(len(tasks), 'task')} could not pull an image: {words[0][:200]}",
        evidence=evidence,
        since=min(times, default=None),
        cause=_pull_cause(facts, words[0]),
    )


def _pull_cause(facts: Facts, words: str) -> Cause:
    lacking = [image for image in facts.images or () if image.found is False]
    if lacking or _MISSING.search(words):
        name = lacking[0].name if lacking else next(iter(_names(facts)), "the image")
        tags = f" The newest tags there are: {', '.join(lacking[0].tags[:5])}." if lacking and lacking[0].tags else ""
        return Cause(
            text=f"The image {name} does not exist: its tag or repository was not found.{tags}",
            weight=98,
            confidence="high",
            step="Deploy a tag that exists, or push this one; then force a new deployment.",
            command=f"aws ecr describe-images --repository-name {_repository(name)} --query 'imageDetails[].imageTags'",
        )
    if _DENIED.search(words):
        return Cause(
            text="The execution role may not pull the image: the registry refused it.",
            weight=96,
            confidence="high",
            step="Allow the execution role ecr:GetAuthorizationToken, ecr:BatchGetImage and "
            "ecr:GetDownloadUrlForLayer, and look at the repository's policy; a private registry elsewhere needs "
            "repositoryCredentials.",
            command=definition_command(facts),
        )
    if _AWAY.search(words):
        return _no_way(facts, "the image's registry")
    return Cause(
        text="An image cannot be pulled.",
        weight=80,
        confidence="medium",
        step="Check the image's name, tag, registry and the execution role.",
        command=definition_command(facts),
    )


def not_set_up(facts: Facts) -> Iterator[Finding]:
    """Secrets, registry credentials or log drivers that the agent could not fetch before the start."""
    tasks = [task for task in facts.stopped if any(_is_setup(each) for each in reasons(task))]
    if not tasks:
        return
    words = next(each for each in reasons(tasks[0]) if _is_setup(each))
    yield Finding(
        rule="not-set-up",
        severity="critical",
        message=f"{plural(len(tasks), 'task')} could not be set up: {words[:200]}",
        evidence=(*cited(tasks), *_way_out(facts)),
        since=earliest(tasks),
        cause=_setup_cause(facts, words),
    )


def _is_setup(words: str) -> bool:
    return bool(_SETUP.search(words)) and not _PULL.search(words)


def _setup_cause(facts: Facts, words: str) -> Cause:
    what = "a secret" if _SECRET.search(words) else "what it needs before it starts"
    if _DENIED.search(words):
        action = f" ({found[1]})" if (found := _ACTION.search(words)) else ""
        return Cause(
            text=f"The execution role may not fetch {what}{action}.",
            weight=94,
            confidence="high",
            step="Allow it in the execution role's policy (not the task role's), the key that encrypts it included.",
            command=definition_command(facts),
        )
    if _AWAY.search(words):
        return _no_way(facts, what)
    if _MISSING.search(words) or "ResourceNotFound" in words:
        return Cause(
            text=f"The task definition names {what} that does not exist.",
            weight=94,
            confidence="high",
            step="Compare valueFrom with the secrets and parameters there are, their region included.",
            command=definition_command(facts),
        )
    return Cause(
        text=f"The task cannot fetch {what}.",
        weight=75,
        confidence="medium",
        step="Read the reason; check the execution role, the network and the names.",
        command=definition_command(facts),
    )


def _no_way(facts: Facts, what: str) -> Cause:
    known = _way_out(facts)
    return Cause(
        text=f"The tasks cannot reach {what} over the network.",
        weight=93,
        confidence="high" if known else "medium",
        step="Give the subnets a NAT gateway, the tasks public addresses, or the network endpoints for ECR, S3, "
        "CloudWatch Logs and Secrets Manager; check security groups' egress and the endpoints' own groups.",
        command=next(
            (each.command for each in facts.network or () if each.id in known), "aws ec2 describe-route-tables"
        ),
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
        severity="critical",
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
    events = [each for each in (facts.service.events if facts.service else ()) if _PLACE.search(each.text)]
    tasks = [task for task in facts.stopped if any(_PLACE.search(each) for each in reasons(task))]
    if not (events or tasks) or _is_over(facts, events[0].at if events else None):
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


def _is_over(facts: Facts, last: int | None) -> bool:
    """Whether all that should run runs, and nothing was refused a place since."""
    service = facts.service
    steady = [each.at for each in (service.events if service else ()) if "steady state" in each.text]
    return bool(service and service.running >= service.desired and last and steady and max(steady) > last)


def _lacking(words: str) -> str:
    for pattern, what in (
        (r"insufficient memory|RESOURCE:MEMORY", "memory"),
        (r"insufficient cpu|RESOURCE:CPU", "CPU"),
    ):
        if re.search(pattern, words, re.IGNORECASE):
            return f" (not enough {what})"
    return " (no container instances)" if "no Container Instances" in words else ""


def _names(facts: Facts) -> list[str]:
    return [each.image for each in facts.revisions.current.containers] if facts.revisions else []


def _images(facts: Facts) -> tuple[str, ...]:
    return tuple(each.id for each in facts.images or () if each.found is False)


def _changed_image(facts: Facts) -> tuple[str, ...]:
    changes = facts.revisions.changes if facts.revisions else ()
    return tuple(each.id for each in changes if each.what.startswith("image of"))


def _way_out(facts: Facts) -> tuple[str, ...]:
    return tuple(each.id for each in facts.network or () if each.name == "to-internet" and each.ok is False)


def _repository(name: str) -> str:
    """Of an image's name, without registry, tag and digest."""
    return name.partition("@")[0].rpartition("/")[2].partition(":")[0] if "/" not in name else _path(name)


def _path(name: str) -> str:
    path = name.partition("/")[2] if "." in name.partition("/")[0] else name
    return path.partition("@")[0].rpartition(":")[0] or path.partition("@")[0]
