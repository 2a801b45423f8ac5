"""Why an image is not pulled."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from tasks.tools.ecs.facts import Facts, Task
from tasks.tools.ecs.rules.finding import (
    CITED,
    Cause,
    Finding,
    cited,
    definition_command,
    earliest,
    gravity,
    plural,
    reasons,
    spec_of,
)
from tasks.tools.ecs.rules.sentences import AWAY, DENIED, MISSING, PULL, no_way, told

_LIMIT: Final = re.compile(r"toomanyrequests|pull rate limit|\b429\b", re.IGNORECASE)
_REFERENCE: Final = re.compile(r"(?:ref|image|for) ['\"]?([\w.-]+(?:/[\w.-]+)*:[\w.-]+)")


def image_not_pulled(facts: Facts) -> Iterator[Finding]:
    tasks = [task for task in facts.stopped if any(PULL.search(each) for each in reasons(task))]
    events = told(facts, PULL)
    words = [*(each for task in tasks for each in reasons(task) if PULL.search(each)), *(each.text for each in events)]
    if not words:
        return
    name = _image(facts, tasks)
    evidence = (*cited(tasks), *(each.id for each in events[:2]), *_lacking_ids(facts, name), *_changed_image(facts))
    times = [moment for moment in (earliest(tasks), *(each.at for each in events)) if moment]
    yield Finding(
        rule="image-not-pulled",
        severity=gravity(facts, tasks),
        message=f"{plural(len(tasks), 'task') if tasks else 'Tasks'} could not pull an image: {words[0][:200]}",
        evidence=evidence,
        since=min(times, default=None),
        cause=_pull_cause(facts, words[0], name),
    )


def _pull_cause(facts: Facts, words: str, name: str) -> Cause:
    lacking = [image for image in facts.images or () if image.found is False and name in ("", image.name)]
    if not lacking and (_LIMIT.search(words) or (MISSING.search(words) and DENIED.search(words))):
        return _refused(facts, words, name)
    if lacking or MISSING.search(words):
        name = lacking[0].name if lacking else name or _named(words) or "that is asked for"
        tags = f" The newest tags there are: {', '.join(lacking[0].tags[:5])}." if lacking and lacking[0].tags else ""
        return Cause(
            text=f"The image {name} does not exist: its tag or repository was not found.{tags}",
            weight=98,
            confidence="high",
            step="Deploy a tag that exists, or push this one; then force a new deployment.",
            command=f"aws ecr describe-images --repository-name {_repository(name)} --query 'imageDetails[].imageTags'",
            against=("it is there now",) if _is_there(facts, name) else (),
        )
    if DENIED.search(words):
        return Cause(
            text="The execution role may not pull the image: the registry refused it.",
            weight=96,
            confidence="high",
            step="Allow the execution role ecr:GetAuthorizationToken, ecr:BatchGetImage and "
            "ecr:GetDownloadUrlForLayer, and look at the repository's policy; a private registry elsewhere needs "
            "repositoryCredentials.",
            command=definition_command(facts),
        )
    if AWAY.search(words):
        return no_way(facts, "the image's registry")
    return Cause(
        text="An image cannot be pulled.",
        weight=80,
        confidence="medium",
        step="Check the image's name, tag, registry and the execution role.",
        command=definition_command(facts),
    )


def _refused(facts: Facts, words: str, name: str) -> Cause:
    """By a registry that says one thing for several reasons."""
    if _LIMIT.search(words):
        return Cause(
            text="The registry limits how often images are pulled from this address, and the limit is reached.",
            weight=96,
            confidence="high",
            step="Pull with credentials (repositoryCredentials), or through an ECR pull-through cache.",
            command=definition_command(facts),
        )
    return Cause(
        text=f"The image {name or 'that is asked for'} does not exist, or its registry wants credentials: it says the "
        "same of both.",
        weight=96,
        confidence="medium",
        step="Check the image's name and tag; for a private registry give repositoryCredentials.",
        command=definition_command(facts),
    )


def _image(facts: Facts, tasks: Sequence[Task]) -> str:
    """The name of the image that was not pulled: not that of what has been deployed since. Empty when unknown."""
    for task in tasks:
        containers = [each for each in task.containers if each.image]
        blamed = [each for each in containers if PULL.search(each.reason) or each.image in task.reason]
        named = blamed or (containers if len(containers) == 1 else [])
        if named:
            return named[0].image
        specs = [spec_of(facts, task, each.name) for each in task.containers]
        known = [spec.image for spec in specs if spec]
        if known:
            return next((each for each in known if each in task.reason), known[0] if len(known) == 1 else "")
    return ""


def _is_there(facts: Facts, name: str) -> bool:
    return any(each.found and each.name == name for each in facts.images or ())


def _named(words: str) -> str:
    return found[1] if (found := _REFERENCE.search(words)) else ""


def _lacking_ids(facts: Facts, name: str) -> tuple[str, ...]:
    return tuple(each.id for each in facts.images or () if each.found is False and name in ("", each.name))[:CITED]


def _changed_image(facts: Facts) -> tuple[str, ...]:
    changes = facts.revisions.changes if facts.revisions else ()
    return tuple(each.id for each in changes if each.what.startswith("image of"))[:CITED]


def _repository(name: str) -> str:
    """Of an image's name, without registry, tag and digest."""
    return name.partition("@")[0].rpartition("/")[2].partition(":")[0] if "/" not in name else _path(name)


def _path(name: str) -> str:
    path = name.partition("/")[2] if "." in name.partition("/")[0] else name
    return path.partition("@")[0].rpartition(":")[0] or path.partition("@")[0]
