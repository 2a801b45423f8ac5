"""What an investigation is about: what was asked for, and the facts there are by now."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal

from tasks.aws.insights import Window
from tasks.tool import Run
from tasks.tools.ecs.facts import Facts

Depth = Literal["quick", "standard", "deep"]
Compare = Literal["previous", "day", "none"]


class NotThere(Exception):
    """What was asked for does not exist, or there is nothing in it; the text says so.

    *value* is what the section leaves all the same.
    """

    def __init__(self, text: str, value: object = None) -> None:
        super().__init__(text)
        self.value = value


@dataclass(frozen=True, kw_only=True)
class Request:
    """*service* or *task* is set; names, not ARNs, but for a task. *budget* is in bytes."""

    cluster: str
    service: str | None
    task: str | None
    window: Window
    depth: Depth = "standard"
    containers: tuple[str, ...] = ()
    symptoms: str = ""
    analyze: bool = True
    budget: int = 10 * 2**30
    compare: Compare = "previous"
    past: bool = False
    """Whether the window ended a while ago."""


@dataclass
class Scene:
    run: Run
    request: Request
    facts: Facts = field(default_factory=Facts)
    say: Callable[[str], None] = lambda _: None
    """Tells the client what is being done."""

    @property
    def cluster(self) -> str:
        """The cluster's ARN, or its name as long as that is all there is."""
        return self.facts.cluster.arn if self.facts.cluster else self.request.cluster

    @property
    def cluster_name(self) -> str:
        return self.facts.cluster.name if self.facts.cluster else self.request.cluster

    @property
    def service(self) -> str | None:
        """The name of the service; of a task alone, the one that started it."""
        if self.request.service:
            return self.request.service
        group = next((task.group for task in self.facts.tasks or ()), "")
        return group.removeprefix(_SERVICE) if group.startswith(_SERVICE) else None

    def must_have_service(self) -> str:
        """NotThere for a task that no service started."""
        if (name := self.service) is None:
            raise NotThere("The task was not started by a service.")
        return name


_SERVICE: Final = "service:"


def ms(moment: datetime | None) -> int | None:
    """Milliseconds since 1970."""
    return round(moment.timestamp() * 1000) if moment else None


def at(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
