"""A task's events on the response of a call: until it ends, asks, or is left to go on by itself."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import anyio
import structlog
from mcp import MCPError
from mcp.types import CallToolResult, InputRequiredResult

from api.mcp.caller import Context, caller
from api.mcp.cursor import START
from api.mcp.durable import DurableTasks
from api.mcp.inputs import Waiting, answers_to, required
from api.mcp.questions import Questions
from api.mcp.translate import call_result, ending, message
from storage import metrics
from storage.events import Asked, Ended, Event, HangUp, Progress, Status, order
from storage.records import NOTHING_DONE, TaskRecord
from storage.subscriber import Reader, Subscriber
from storage.tasks import TaskStore
from storage.workers import WorkerRegistry
from tasks.ask import Question

QUEUED_WORD_AFTER: Final = 2.0
"""Seconds in the queue after which a client is told that no worker is there."""
WAITING_STEP: Final = 1e-9
"""How much a second in the queue adds to the progress number: less than anything a tool can report."""
NO_WORKER: Final = "queued, no worker is running"

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Patience:
    """How long a call may take."""

    limit: timedelta | None
    """None for as long as it takes."""
    from_progress: bool = False
    """Whether every progress notification starts the time again, as it does with a client that resets its clock."""


@dataclass(frozen=True, kw_only=True)
class Relay:
    tasks: TaskStore
    subscriber: Subscriber
    workers: WorkerRegistry
    durable: DurableTasks
    no_worker_timeout: timedelta

    async def attend(
        self,
        ctx: Context,
        record: TaskRecord,
        patience: Patience,
        *,
        after: str = START,
        wake: Callable[[], Awaitable[None]] | None = None,
        watching: bool = False,
    ) -> CallToolResult | InputRequiredResult | None:
        """What the task came to, or asks; None when patience is over, and it goes on by itself.

        *wake* is called once nothing can be missed any more. Unless the caller is only *watching*, the task is
        cancelled when nobody waits for it any more.
        """
        async with self.subscriber.follow(self.tasks.log_of(record), after=after) as events:
            try:
                if wake:
                    await wake()
                with anyio.move_on_after(patience.limit.total_seconds() if patience.limit else None) as scope:
                    return await self._relay(ctx, record, events, patience, scope)
            except BaseException as error:
                if not watching and not isinstance(error, MCPError):
                    with anyio.CancelScope(shield=True), anyio.move_on_after(5):
                        await self._leave(ctx, record)
                    if not isinstance(error, asyncio.CancelledError):
                        log.warning("call ended before its task", task=record.id, error=str(error))
                raise
        return None

    async def answer(self, ctx: Context, record: TaskRecord) -> dict[str, Question]:
        """Give the task what this request brings; the answer is what must still be asked."""
        questions = await self.durable.questions(record)
        answers = answers_to(ctx, questions)
        for key, answer in answers.items():
            await self.tasks.answer(record, key, answer)
        return {key: question for key, question in questions.items() if key not in answers}

    async def _leave(self, ctx: Context, record: TaskRecord) -> None:
        """The caller left, cancelled, or can no longer be answered: end the run unless somebody waits for it still."""
        line = caller(ctx).line
        if line.leaves_work or (line.is_stopping and record.rerun):
            # Its client comes back for it; or calls again, and is given this task.
            return
        if await self.subscriber.count_readers(self.tasks.log_of(record)) > 1:
            return
        await self.tasks.cancel(record, "its caller no longer waits")

    async def _relay(
        self, ctx: Context, record: TaskRecord, events: Reader, patience: Patience, scope: anyio.CancelScope
    ) -> CallToolResult | InputRequiredResult:
        line, audience = caller(ctx).line, caller(ctx).audience
        entry, event, told = await self._first(ctx, record, events)
        async with Questions(ctx, self.tasks, record) as questions:
            while not isinstance(event, Ended):
                asked = isinstance(event, Asked) and not audience.is_asked_directly
                if asked and (unanswered := await self.answer(ctx, record)):
                    return required(unanswered, Waiting(record.id, entry))
                if isinstance(event, HangUp):
                    line.hang_up()
                is_old = isinstance(event, Progress) and event.done <= told
                if not is_old and not await questions.take(event) and (body := message(event, audience, record.id)):
                    await line.say(body, entry)
                    _measure(entry, events.began)
                    if patience.limit and patience.from_progress and isinstance(event, Progress):
                        scope.deadline = anyio.current_time() + patience.limit.total_seconds()
                entry, payload = await anext(events)
                event = self.tasks.decode(record, payload)
        line.end_at(entry)
        return call_result(ending(event, audience))

    async def _first(self, ctx: Context, record: TaskRecord, events: Reader) -> tuple[str, Event, float]:
        """The first event after the task left the queue, its id, and the progress the client was told meanwhile.

        Ends the task when no worker is there to take it.
        """
        told = NOTHING_DONE
        started = time.monotonic()
        patience = self.no_worker_timeout.total_seconds()
        while True:
            try:
                async with asyncio.timeout(QUEUED_WORD_AFTER):
                    entry, payload = await anext(events)
            except TimeoutError:
                if await self.workers.alive(record.queue):
                    continue
                waited = time.monotonic() - started
                if patience and waited >= patience:
                    await self._give_up(record, waited)
                    patience = 0.0
                    continue
                told = waited * WAITING_STEP
                word = Progress(done=told, message=NO_WORKER)
                if body := message(word, caller(ctx).audience, record.id):
                    await caller(ctx).line.say(body, None)
                continue
            event = self.tasks.decode(record, payload)
            if not (isinstance(event, Status) and event.status == "queued"):
                return entry, event, told

    async def _give_up(self, record: TaskRecord, waited: float) -> None:
        """End a task that nobody takes; its log says so next, or that a worker took it just now."""
        await self.tasks.cancel(
            record,
            f"{record.tool} was not started: {NO_WORKER} for queue {record.queue!r} since {waited:.0f} s. "
            "Start one with `mcp-playground worker` and call again.",
        )


def _measure(entry: str, began: int) -> None:
    """How long the event of *entry* took to the client; what is older than its reader was not on its way all the time.

    The id is Redis's clock, and the rest ours.
    """
    written = order(entry)[0]
    if written >= began:
        metrics.DELIVERY.observe(max(0.0, time.time() - written / 1000))
