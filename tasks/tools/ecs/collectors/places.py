"""Where the lines of the containers are: log groups, and the streams in them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from tasks.aws.insights import quoted
from tasks.tools.ecs.facts import ContainerSpec, LogTarget
from tasks.tools.ecs.scene import NotThere, Scene

_PLAIN: Final = re.compile(r"[A-Za-z0-9_-]")


@dataclass(frozen=True, kw_only=True)
class Place:
    """*only* is a condition of the query language on the streams, empty for all."""

    groups: tuple[str, ...]
    region: str | None
    targets: tuple[LogTarget, ...]
    only: str
    unread: tuple[str, ...]

    def streams(self, task: str) -> list[str]:
        """Of one task, where their names are known."""
        return [f"{each.prefix}/{each.container}/{task}" for each in self.targets if each.prefix]


def place(scene: Scene) -> Place:
    """NotThere when no container that is asked for logs to CloudWatch."""
    revisions = scene.facts.revisions
    containers = revisions.current.containers if revisions else ()
    wanted = [each for each in containers if not scene.request.containers or each.name in scene.request.containers]
    if not wanted:
        names = ", ".join(each.name for each in containers) or "unknown"
        raise NotThere(f"The task definition has none of the containers asked for; its containers are: {names}.")
    logs = [each.logs for each in wanted if each.logs and each.logs.driver == "awslogs" and each.logs.group]
    unread = [f"{each.name} ({_driver(each)})" for each in wanted if each.logs not in logs]
    known = {each.name for each in containers}
    unread += [f"{name} (no such container)" for name in scene.request.containers if name not in known]
    if not logs:
        raise NotThere(f"No container logs to CloudWatch through awslogs: {', '.join(unread)}.")
    home = scene.run.aws("ecs").meta.region_name
    region = logs[0].region or home
    here = tuple(each for each in logs if (each.region or home) == region)
    unread += [f"{each.container} (in {each.region or home})" for each in logs if each not in here]
    return Place(
        groups=tuple(dict.fromkeys(each.group for each in here)),
        region=None if region == home else region,
        targets=here,
        only=_only(scene, here),
        unread=tuple(unread),
    )


def _driver(container: ContainerSpec) -> str:
    return container.logs.driver if container.logs else "no log driver"


def _only(scene: Scene, targets: Iterable[LogTarget]) -> str:
    """A group may hold the streams of others too. Without a prefix only Docker knows a stream's name."""
    known = list(targets)
    if not all(each.prefix for each in known):
        return ""
    if scene.request.task and scene.facts.tasks:
        task = scene.facts.tasks[0].name
        names = ", ".join(quoted(f"{each.prefix}/{each.container}/{task}") for each in known)
        return f"@logStream in [{names}]"
    begun = "|".join(dict.fromkeys(_literal(f"{each.prefix}/{each.container}/") for each in known))
    return f"@logStream like /^(?:{begun})/"


def _literal(text: str) -> str:
    """*text* as a regular expression of the query language: what is no letter or digit is escaped."""
    return "".join(char if _PLAIN.fullmatch(char) else f"\\{char}" for char in text if char.isprintable())
