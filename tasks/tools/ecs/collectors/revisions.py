"""The task definition that is deployed and the one before it: what changed is what most often broke."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from itertools import dropwhile, takewhile
from typing import TYPE_CHECKING, Any, Final, cast

from botocore.exceptions import BotoCoreError, ClientError

from tasks.redact import clipped
from tasks.tools.ecs.facts import Change, ContainerSpec, Definition, LogTarget, Revisions, Rollout
from tasks.tools.ecs.scene import NotThere, Scene

if TYPE_CHECKING:
    from mypy_boto3_ecs import ECSClient

WORDS: Final = 200
_PARTS: Final = (
    ("image", "image"),
    ("cpu", "CPU units"),
    ("memory", "memory"),
    ("ports", "ports"),
    ("command", "command"),
    ("health_check", "health check"),
    ("stop_timeout", "stop timeout"),
    ("essential", "essential"),
)
_WHOLE: Final = (
    ("cpu", "CPU units of the task"),
    ("memory", "memory of the task"),
    ("task_role", "task role"),
    ("execution_role", "execution role"),
    ("network", "network mode"),
)


def revisions(scene: Scene) -> Revisions:
    ecs = scene.run.aws("ecs")
    wanted = _deployed(scene)
    current = _described(ecs, wanted, "definition:1")
    if tried := _given_up(scene, current):
        newer = _found(ecs, tried.definition)
        changes = tuple(_changes(scene, current, newer)) if newer else ()
        return Revisions(current=current, previous=newer, changes=changes, given_up=newer is not None)
    before, guessed = _before(scene, current)
    previous = _found(ecs, before) if before else None
    if previous is None:
        return Revisions(current=current)
    return Revisions(
        current=current, previous=previous, guessed=guessed, changes=tuple(_changes(scene, previous, current))
    )


def _deployed(scene: Scene) -> str:
    facts = scene.facts
    if facts.service and facts.service.definition:
        return facts.service.definition
    if facts.tasks:
        return facts.tasks[0].definition
    raise NotThere("Neither the service nor a task says which task definition is deployed.")


def _given_up(scene: Scene, current: Definition) -> Rollout | None:
    """The newest deployment, if it was of another definition and was rolled back to the one that is deployed."""
    latest = next(iter(scene.facts.rollouts), None)
    return latest if latest and latest.rolled_back and latest.definition not in ("", current.arn) else None


def _before(scene: Scene, current: Definition) -> tuple[str | None, bool]:
    """The definition deployed before, and whether it is only the number before."""
    known = [each.definition for each in scene.facts.rollouts] + [task.definition for task in scene.facts.tasks or ()]
    others = [each for each in known if each and each != current.arn]
    if others:
        return others[0], False
    family, _, number = current.arn.rpartition(":")
    return (f"{family}:{int(number) - 1}", True) if number.isdigit() and int(number) > 1 else (None, False)


def _found(ecs: "ECSClient", arn: str) -> Definition | None:
    try:
        return _described(ecs, arn, "definition:2")
    except (ClientError, BotoCoreError):
        # One that was deleted: nothing to compare with is no failure.
        return None


def _described(ecs: "ECSClient", arn: str, evidence: str) -> Definition:
    found = cast("Mapping[str, Any]", ecs.describe_task_definition(taskDefinition=arn)["taskDefinition"])
    return Definition(
        id=evidence,
        arn=found.get("taskDefinitionArn", arn),
        cpu=str(found.get("cpu", "")),
        memory=str(found.get("memory", "")),
        network=found.get("networkMode", ""),
        task_role=found.get("taskRoleArn", ""),
        execution_role=found.get("executionRoleArn", ""),
        containers=tuple(_container(each) for each in found.get("containerDefinitions", [])),
    )


def _container(found: Mapping[str, Any]) -> ContainerSpec:
    return ContainerSpec(
        name=found.get("name", ""),
        image=found.get("image", ""),
        essential=found.get("essential", True),
        cpu=found.get("cpu", 0),
        memory=found.get("memory") or found.get("memoryReservation"),
        ports=tuple(each["containerPort"] for each in found.get("portMappings", []) if "containerPort" in each),
        environment=_digests(found.get("environment", []), "value"),
        secrets=_digests(found.get("secrets", []), "valueFrom"),
        command=tuple(clipped(word, WORDS) for word in found.get("command", [])),
        health_check=clipped(" ".join(found.get("healthCheck", {}).get("command", [])), WORDS),
        stop_timeout=found.get("stopTimeout"),
        logs=_logs(found),
    )


def _logs(found: Mapping[str, Any]) -> LogTarget | None:
    logging = found.get("logConfiguration")
    if not logging:
        return None
    options = logging.get("options", {})
    return LogTarget(
        container=found.get("name", ""),
        driver=logging.get("logDriver", ""),
        group=options.get("awslogs-group", ""),
        prefix=options.get("awslogs-stream-prefix", ""),
        region=options.get("awslogs-region"),
    )


def _digests(found: Iterable[Mapping[str, str]], key: str) -> dict[str, str]:
    """By name, that by which two values are told apart; it says nothing of them."""
    return {
        clipped(each.get("name", ""), WORDS): hashlib.sha256(each.get(key, "").encode()).hexdigest()[:8]
        for each in found
    }


def _changes(scene: Scene, before: Definition, after: Definition) -> Iterator[Change]:
    moment = _deployed_at(scene, after.arn)
    for number, (what, old, new) in enumerate(differences(before, after), 1):
        yield Change(id=f"change:{number}", what=what, before=old, after=new, at=moment)


def _deployed_at(scene: Scene, arn: str) -> int | None:
    """When it was deployed first, of the times it was in a row: to deploy it again changes nothing."""
    newest = dropwhile(lambda each: each.definition != arn, scene.facts.rollouts)
    row = takewhile(lambda each: each.definition == arn, newest)
    return min((each.created for each in row if each.created), default=None)


def differences(before: Definition, after: Definition) -> Iterator[tuple[str, str, str]]:
    """What changed, as it was, as it is. Of variables the names alone."""
    for field, words in _WHOLE:
        yield from _one(words, getattr(before, field), getattr(after, field))
    old = {each.name: each for each in before.containers}
    new = {each.name: each for each in after.containers}
    for name in sorted(old.keys() - new.keys()):
        yield f"container {name}", old[name].image, "removed"
    for name in sorted(new.keys() - old.keys()):
        yield f"container {name}", "not there", new[name].image
    for name in sorted(old.keys() & new.keys()):
        yield from _in_container(name, old[name], new[name])


def _in_container(name: str, before: ContainerSpec, after: ContainerSpec) -> Iterator[tuple[str, str, str]]:
    for field, words in _PARTS:
        yield from _one(f"{words} of {name}", _text(getattr(before, field)), _text(getattr(after, field)))
    for words, old, new in (
        ("variable", before.environment, after.environment),
        ("secret", before.secrets, after.secrets),
    ):
        for key in sorted(old.keys() | new.keys()):
            if key not in new:
                yield f"{words} {key} of {name}", "set", "removed"
            elif key not in old:
                yield f"{words} {key} of {name}", "not there", "added"
            elif old[key] != new[key]:
                yield f"{words} {key} of {name}", "another value", "changed"


def _one(words: str, before: str, after: str) -> Iterator[tuple[str, str, str]]:
    if before != after:
        yield words, before or "none", after or "none"


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return " ".join(str(each) for each in value)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    return "" if value is None else str(value)
