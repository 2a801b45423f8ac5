"""A partial answer beats a failure: every part of the evidence is collected on its own, and says how that went.

What was collected is kept, so that the next attempt after a worker's death asks AWS only for the rest.
"""

import threading
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final, TypeVar, cast

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from tasks.aws.errors import explain, kind_of
from tasks.aws.insights import Window
from tasks.redact import redact
from tasks.tool import Run, ToolError
from tasks.tools.ecs.answer import Section, Status
from tasks.tools.ecs.scene import NotThere

T = TypeVar("T")

_SETTLED: Final = ("ok", "empty", "denied", "skipped")
"""What asking again would not change."""


class Kept:
    """What an earlier attempt kept, and what this one keeps. Used by several threads."""

    def __init__(self, run: Run, window: Window) -> None:
        plain: dict[str, Any] = run.resume() or {}
        self._run = run
        self._lock = threading.Lock()
        self.window = _window(plain["window"]) if plain else window
        """Of the first attempt: queries are asked for the same time again."""
        self.done: float = plain.get("done", 0)
        self.sections: dict[str, Any] = plain.get("sections", {})
        self.queries: dict[str, str] = plain.get("queries", {})
        self.answer: Any = plain.get("answer")
        """Of the model."""

    def save(self) -> None:
        with self._lock:
            self._run.checkpoint(
                {
                    "window": [moment.isoformat() for moment in self.window],
                    "done": self.done,
                    "sections": dict(self.sections),
                    "queries": dict(self.queries),
                    "answer": self.answer,
                }
            )


class Sections:
    """The sections of one investigation, and its progress in words."""

    def __init__(self, run: Run, kept: Kept, steps: int) -> None:
        self.all: dict[str, Section] = {}
        self.errors: dict[str, Exception] = {}
        """Of those that could not be collected."""
        self._run = run
        self._kept = kept
        self._steps = steps
        self._lock = threading.Lock()

    def say(self, words: str, data: Any = None) -> None:  # noqa: ANN401  # any JSON
        """Tell the client what is being done now, or was found."""
        with self._lock:
            self._kept.done += 1
            done = self._kept.done
            self._run.progress(done, max(self._steps, done + 1), words, data)

    def collect(self, name: str, words: str, kind: type[T], work: Callable[[], T]) -> T | None:
        """What *work* returns; None, and a section that says why, when AWS refuses or there is nothing."""
        if (earlier := self._kept.sections.get(name)) and earlier["status"] in _SETTLED:
            self._note(name, earlier["status"], earlier["message"])
            return msgspec.convert(earlier["value"], kind) if earlier["status"] == "ok" else None
        self.say(words)
        try:
            found = work()
        except (ClientError, BotoCoreError) as error:
            # A cancelled run closes its connections: that is no fact about AWS.
            self._run.check()
            self.errors[name] = error
            status = kind_of(error)
            self._note(name, "empty" if status == "missing" else status, explain(error))
        except NotThere as error:
            self._note(name, "empty", str(error))
        except ToolError as error:
            self._run.check()
            self.errors[name] = error
            self._note(name, "error", str(error))
        else:
            self._note(name, "ok", "collected")
            self._keep(name, found)
            return found
        self._keep(name, None)
        return None

    def skip(self, name: str, why: str) -> None:
        self._note(name, "skipped", why)

    def status(self, name: str) -> Status | None:
        return self.all[name]["status"] if name in self.all else None

    def _note(self, name: str, status: Status, message: str) -> None:
        self.all[name] = {"name": name, "status": status, "message": redact(message)}

    def _keep(self, name: str, value: object) -> None:
        section = self.all[name]
        self._kept.sections[name] = {**cast("dict[str, Any]", section), "value": msgspec.to_builtins(value)}
        self._kept.save()


def _window(plain: list[str]) -> Window:
    start, end = (datetime.fromisoformat(moment) for moment in plain)
    return start, end
