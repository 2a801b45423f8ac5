"""A partial answer beats a failure: every part of the evidence is collected on its own and says how that went."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from tasks.aws.errors import explain, kind_of
from tasks.redact import redact
from tasks.tool import Run, ToolError
from tasks.tools.ecs.shapes import Section, Status

T = TypeVar("T")


class NotThere(Exception):
    """What was asked for does not exist, or there is nothing in it; the text says so."""


class Sections:
    """The sections of one investigation, in the order they were tried; each is a step of the run's progress."""

    def __init__(self, run: Run, steps: int, *, done: Sequence[Section] = ()) -> None:
        self.all: list[Section] = list(done)
        self._run = run
        self._steps = steps

    def step(self, words: str) -> None:
        """Tell the client what is being done now."""
        done = len(self.all) + 1
        self._run.progress(done, max(self._steps, done + 1), words)

    def collect(self, name: str, words: str, collect: Callable[[], T]) -> T | None:
        """What *collect* returns; None, and a section that says why, when AWS refuses or there is nothing."""
        self.step(words)
        try:
            found = collect()
        except (ClientError, BotoCoreError) as error:
            # A cancelled run closes its connections: that is no fact about AWS.
            self._run.check()
            kind = kind_of(error)
            self._note(name, "empty" if kind == "missing" else kind, explain(error))
        except NotThere as error:
            self._note(name, "empty", str(error))
        except ToolError as error:
            self._note(name, "error", str(error))
        else:
            self._note(name, "ok", f"{name}: collected")
            return found
        return None

    def _note(self, name: str, status: Status, message: str) -> None:
        self.all.append({"name": name, "status": status, "message": redact(message)})
