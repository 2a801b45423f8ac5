"""Questions of a task that was begun by another request: this one's client is asked instead, on its own stream."""

import asyncio
from typing import Self

import msgspec
import structlog
from mcp import MCPError

from api.errors import NO_ANSWER
from api.mcp.caller import Context, caller
from api.mcp.translate import request
from storage.connection import Unavailable
from storage.events import Asked, Event, Withdrawn
from storage.records import TaskRecord
from storage.tasks import TaskStore
from tasks.ask import restored

log = structlog.get_logger(__name__)


class Questions:
    """Asks what is open still, and hands the answers to the task; as an async context manager, until it ends."""

    def __init__(self, ctx: Context, tasks: TaskStore, record: TaskRecord) -> None:
        self._line = caller(ctx).line
        self._can_ask = caller(ctx).audience.is_asked_directly and caller(ctx).streams
        self._is_own = self._line.stream == record.id
        self._tasks = tasks
        self._record = record
        self._open: dict[str, asyncio.Task[None]] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for asking in self._open.values():
            asking.cancel()
        await asyncio.gather(*self._open.values(), return_exceptions=True)

    async def take(self, event: Event) -> bool:
        """Whether *event* is a question that this object looks after."""
        if self._is_own or not isinstance(event, Asked | Withdrawn):
            return False
        if isinstance(event, Withdrawn):
            if asking := self._open.pop(event.key, None):
                asking.cancel()
        elif self._can_ask and event.key in await self._tasks.open_questions(self._record):
            self._open[event.key] = asyncio.create_task(self._ask(event))
        return True

    async def _ask(self, event: Asked) -> None:
        method, params = request(restored(event.question), event.key)
        try:
            body = {"result": await self._line.send_raw_request(method, params)}
        except MCPError as error:
            if error.code == NO_ANSWER:
                # The task gives up by its own clock, or is asked about again.
                return
            body = {"error": {"code": error.code, "message": error.message}}
        try:
            await self._tasks.answer(self._record, event.key, msgspec.json.encode(body))
        except Unavailable as error:
            log.warning("an answer did not reach its task", task=self._record.id, error=str(error))
