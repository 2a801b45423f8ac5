"""A run in the web process: tools that answer at once, prompts and resources.

It cannot wait for the client. What it asks is raised instead, the client is asked, and the function is called again
with the answers: it must do nothing before its last question that may not be done twice.
"""

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any, Final, Literal

import structlog

from storage.changes import Change
from storage.events import Event, Log, Progress, Text
from storage.records import Principal, new_id
from storage.states import Level
from tasks.ask import Answer, Question, check_supported, parse
from tasks.errors import ProtocolError, ToolError, Unsupported
from tasks.outcome import finished, own_error
from tasks.result import Content, Result, failure
from tasks.settings import ToolSettings
from tasks.tool import Tool

OFFER_TIMEOUT: Final = timedelta(seconds=30)
"""How long a prompt or a resource may take."""

log = structlog.get_logger(__name__)


class NeedsInput(BaseException):
    """The function cannot go on before the client has answered *questions*. Let it pass."""

    def __init__(self, questions: Mapping[str, Question]) -> None:
        super().__init__(", ".join(questions))
        self.questions = dict(questions)


class InlineRun:
    """Implements `tasks.tool.Run` without Redis: what the tool says is kept in `events` until it returns."""

    attempt = 1
    cancelled = False

    def __init__(
        self,
        principal: Principal,
        settings: ToolSettings,
        *,
        asks: tuple[str, ...] = (),
        answers: Mapping[str, bytes] | None = None,
        shows_ui: bool = False,
    ) -> None:
        self.shows_ui = shows_ui
        self.id = new_id()
        self.principal = principal
        self.settings = settings
        self.attached: list[Content] = []
        self.events: list[Event] = []
        self.announced: list[Change] = []
        self._asks = asks
        self._answers = answers or {}
        self._questions = 0

    def check(self) -> None:
        """Nothing can ask an inline run to stop: it has no time to listen."""

    def sleep(self, duration: timedelta) -> None:
        raise _not_inline(f"sleep({duration})")

    def progress(self, done: float, total: float | None = None, message: str = "", data: Any = None) -> None:  # noqa: ANN401  # any JSON
        self.events.append(Progress(done=done, total=total, message=message, data=data))

    def emit(self, text: str) -> None:
        self.events.append(Text(text=text, done=len(self.events) + 1))

    def log(self, level: Level, message: str, **data: Any) -> None:  # noqa: ANN401  # any JSON
        self.events.append(Log(level=level, message=message, data=data or None))

    def checkpoint(self, value: Any) -> None:  # noqa: ANN401  # any JSON
        """An inline run has one attempt, so there is nobody to keep *value* for."""

    def resume(self) -> Any:  # noqa: ANN401  # any JSON
        return None

    def ask(self, question: Question, *, key: str | None = None) -> Any:  # noqa: ANN401  # the Protocol tells which
        self._questions += 1
        chosen = key or f"question-{self._questions}"
        return self.ask_all({chosen: question})[chosen]

    def ask_all(self, questions: Mapping[str, Question]) -> dict[str, Answer]:
        check_supported(questions.values(), self._asks)
        if any(key not in self._answers for key in questions):
            raise NeedsInput({key: question for key, question in questions.items() if key not in self._answers})
        return {key: parse(question, self._answers[key]) for key, question in questions.items()}

    def changed(self, what: Literal["tools", "prompts", "resources"]) -> None:
        self.announced.append(Change(what))

    def updated(self, uri: str) -> None:
        self.announced.append(Change("resource", uri))

    def hang_up(self) -> None:
        """An inline run is over before its client could come back."""

    def keep(self, name: str, value: Mapping[str, Any]) -> str:
        raise _not_inline(f"keep({name!r})")

    def attach(self, content: Content) -> None:
        self.attached.append(content)

    def aws(self, service: str, *, region: str | None = None) -> Any:  # noqa: ANN401  # as the Protocol says
        raise _not_inline(f"aws({service!r})")


def _not_inline(call: str) -> RuntimeError:
    return RuntimeError(f"run.{call} would block the web process: without inline=True a worker runs the tool")


async def run_inline(tool: Tool, run: InlineRun, arguments: dict[str, Any]) -> Result:
    """Call the tool here and now, within its time limit. NeedsInput and Unsupported are for the caller."""
    try:
        value = tool.call(run, arguments)
        if inspect.isawaitable(value):
            async with asyncio.timeout(tool.timeout.total_seconds()):
                value = await value
        return finished(tool, value, run.attached)
    except (Unsupported, ProtocolError):
        raise
    except ToolError as error:
        return failure(str(error))
    except TimeoutError:
        return failure(f"{tool.name} was stopped: it took longer than its {tool.timeout.total_seconds():g} s")
    except Exception:
        log.exception("inline tool failed", tool=tool.name, run=run.id)
        return failure(own_error(tool.name, run.id))


async def call_offer(function: Callable[..., Any], given: Mapping[str, Any]) -> Any:  # noqa: ANN401  # what it returns
    """Call the function of a prompt or resource: a coroutine function here, any other in a thread, for it may block."""
    async with asyncio.timeout(OFFER_TIMEOUT.total_seconds()):
        if inspect.iscoroutinefunction(function):
            answer: Awaitable[Any] = function(**given)
            return await answer
        return await asyncio.to_thread(function, **given)
