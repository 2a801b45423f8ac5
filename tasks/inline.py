"""A run in the web process, for tools that answer at once."""

import asyncio
import inspect
from datetime import timedelta
from typing import Any

import structlog

from storage.events import Event, Log, Progress, Text
from storage.records import Principal, new_id
from storage.states import Level
from tasks.outcome import finished
from tasks.result import Content, Result, failure
from tasks.settings import ToolSettings
from tasks.tool import Tool, ToolError

log = structlog.get_logger(__name__)


class InlineRun:
    """Implements `tasks.tool.Run` without Redis: what the tool says is kept in `events` until it returns."""

    attempt = 1
    cancelled = False

    def __init__(self, principal: Principal, settings: ToolSettings) -> None:
        self.id = new_id()
        self.principal = principal
        self.settings = settings
        self.attached: list[Content] = []
        self.events: list[Event] = []

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

    def attach(self, content: Content) -> None:
        self.attached.append(content)

    def aws(self, service: str) -> Any:  # noqa: ANN401  # as the Protocol says
        raise _not_inline(f"aws({service!r})")


def _not_inline(call: str) -> RuntimeError:
    return RuntimeError(f"run.{call} would block the web process: without inline=True a worker runs the tool")


async def run_inline(tool: Tool, run: InlineRun, arguments: dict[str, Any]) -> Result:
    """Call the tool here and now, within its time limit."""
    try:
        value = tool.call(run, arguments)
        if inspect.isawaitable(value):
            async with asyncio.timeout(tool.timeout.total_seconds()):
                value = await value
        return finished(tool, value, run.attached)
    except ToolError as error:
        return failure(str(error))
    except TimeoutError:
        return failure(f"{tool.name} was stopped: it took longer than its {tool.timeout.total_seconds():g} s")
    except Exception:
        log.exception("inline tool failed", tool=tool.name, run=run.id)
        return failure(
            f"{tool.name} failed because of an error of its own. The server's log says more under run {run.id}."
        )
