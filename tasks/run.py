"""A run on a worker: what a tool may do, and how it is made to stop."""

import asyncio
import contextvars
import ctypes
import threading
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import Future
from datetime import timedelta
from typing import Any, Final, Literal

import msgspec
import structlog

from storage import traces
from storage.changes import Change, ChangeLog
from storage.errors import StaleAttempt
from storage.events import HangUp, Log, Progress, Text
from storage.records import Claim, Principal
from storage.states import Level
from storage.tasks import TaskStore
from tasks.ask import Answer, Question, check_supported, parse
from tasks.asking import Asking
from tasks.aws.clients import AwsClients
from tasks.errors import Cancelled, Unanswered
from tasks.insist import insist
from tasks.large import document_uri
from tasks.outbox import LONGEST_TEXT, Item, Outbox
from tasks.outcome import outcome
from tasks.result import Content, Result
from tasks.settings import ToolSettings

Stop = Literal["cancelled", "timeout", "lost", "drain"]
"""Why a run must end before its tool returned."""

TEXT_STEP: Final = 1e-6
"""How much each piece of text adds to the progress number, which has to grow with every notification."""

log = structlog.get_logger(__name__)


class WorkerRun:
    """Implements `tasks.tool.Run` for one attempt at a task."""

    def __init__(
        self,
        claim: Claim,
        tasks: TaskStore,
        settings: ToolSettings,
        *,
        changes: ChangeLog,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.claim = claim
        self.settings = settings
        self.stopped: Stop | None = None
        self.attached: list[Content] = []
        self.kept: dict[str, bytes] = {}
        self.outbox = Outbox(loop, self._send)
        self._stop = threading.Event()
        self.asking = Asking(claim, tasks, loop=loop, timeout=settings.ask_timeout, stopped=self._stop.is_set)
        self.missing = ""
        self.error: dict[str, Any] | None = None
        self._questions = 0
        self._changes = changes
        self._tasks = tasks
        self._loop = loop
        self._on_stop: list[Callable[[], None]] = []
        self._lock = threading.Lock()
        # Numbers are given and events put in one step. Never held by `stop`: whoever has it may wait for room, which
        # only the loop can make.
        self._speaking = threading.Lock()
        self._done = claim.progress
        self._total: float | None = None
        self._aws: AwsClients | None = None
        self._span = traces.here()

    @property
    def id(self) -> str:
        return self.claim.record.id

    @property
    def attempt(self) -> int:
        return self.claim.attempt

    @property
    def principal(self) -> Principal:
        return self.claim.record.principal

    @property
    def shows_ui(self) -> bool:
        return self.claim.record.shows_ui

    @property
    def cancelled(self) -> bool:
        return self._stop.is_set()

    def check(self) -> None:
        if self._stop.is_set():
            raise Cancelled

    def sleep(self, duration: timedelta) -> None:
        if self._stop.wait(max(0.0, duration.total_seconds())):
            raise Cancelled

    def progress(self, done: float, total: float | None = None, message: str = "", data: Any = None) -> None:  # noqa: ANN401  # any JSON
        self.check()
        with self._speaking:
            if done <= self._done:
                return
            self._done, self._total = done, total
            self.outbox.put(done, Progress(done=done, total=total, message=message, data=data))

    def emit(self, text: str) -> None:
        self.check()
        if not text:
            return
        with self._speaking:
            for start in range(0, len(text), LONGEST_TEXT):
                self._done = max(self._done, 0.0) + TEXT_STEP
                piece = text[start : start + LONGEST_TEXT]
                self.outbox.put(self._done, Text(text=piece, done=self._done, total=self._total))

    def log(self, level: Level, message: str, **data: Any) -> None:  # noqa: ANN401  # any JSON
        self.check()
        self.outbox.put(None, Log(level=level, message=message, data=data or None))

    def checkpoint(self, value: Any) -> None:  # noqa: ANN401  # any JSON
        self.check()
        plain = msgspec.json.encode(value)
        try:
            self._do(lambda: self._tasks.checkpoint(self.claim, plain), "a checkpoint")
        except StaleAttempt:
            self.stop("lost")
            raise Cancelled from None

    def resume(self) -> Any:  # noqa: ANN401  # any JSON
        return None if self.claim.checkpoint is None else msgspec.json.decode(self.claim.checkpoint)

    def ask(self, question: Question, *, key: str | None = None) -> Any:  # noqa: ANN401  # the Protocol tells which
        with self._lock:
            self._questions += 1
            chosen = key or f"question-{self._questions}"
        return self.ask_all({chosen: question})[chosen]

    def ask_all(self, questions: Mapping[str, Question]) -> dict[str, Answer]:
        self.check()
        check_supported(questions.values(), self.claim.record.asks)
        self._do(self.outbox.drain, "what was said before a question")
        standing, found = asyncio.run_coroutine_threadsafe(self.asking.put(questions), self._loop).result()
        if standing != "held":
            self.stop("cancelled" if standing == "cancel" else "lost")
        self.check()
        if len(found) < len(questions):
            waited = self.settings.ask_timeout.total_seconds()
            raise Unanswered(f"Your client did not answer within {waited:g} s. Call again when you can answer.")
        return {key: parse(question, found[key]) for key, question in questions.items()}

    def changed(self, what: Literal["tools", "prompts", "resources"]) -> None:
        self.check()
        self._do(lambda: self._changes.add(Change(what)), "news of a list")

    def updated(self, uri: str) -> None:
        self.check()
        self._do(lambda: self._changes.add(Change("resource", uri)), "news of a resource")

    def hang_up(self) -> None:
        self.check()
        self.outbox.put(None, HangUp())

    def keep(self, name: str, value: Mapping[str, Any]) -> str:
        uri = document_uri(self.id, name)
        self.kept[name] = msgspec.json.encode(outcome(Result(content=(), structured=dict(value))))
        return uri

    def attach(self, content: Content) -> None:
        self.attached.append(content)

    def aws(self, service: str, *, region: str | None = None) -> Any:  # noqa: ANN401  # boto3 makes clients at run time
        self.check()
        with self._lock:
            if self._aws is None:
                self._aws = AwsClients(self.settings, self.principal, below=self._span)
        return self._aws.client(service, region)

    def stop(self, reason: Stop) -> None:
        """Ask the run to end; the first reason stays. Safe from any thread."""
        with self._lock:
            if self._stop.is_set():
                return
            self.stopped = reason
            self._stop.set()
            callbacks, self._on_stop = self._on_stop, []
        self.asking.wake()
        for callback in callbacks:
            callback()

    def on_stop(self, callback: Callable[[], None]) -> None:
        """Call *callback* when the run is asked to stop, or now if it has been."""
        with self._lock:
            if not self._stop.is_set():
                self._on_stop.append(callback)
                return
        callback()

    def close(self) -> None:
        """Close what the run opened; a call of its that waits for AWS ends with an error."""
        if self._aws is not None:
            self._aws.close()

    def _do(self, work: Callable[[], Awaitable[object]], what: str) -> None:
        """Do *work* in the worker's loop, as soon as Redis lets it, and wait for it here."""
        asyncio.run_coroutine_threadsafe(insist(work, what, until=self._stop.is_set), self._loop).result()
        self.check()

    async def _send(self, batch: int, items: Sequence[Item]) -> None:
        match await self._tasks.append(self.claim, batch, items):
            case "cancel":
                self.stop("cancelled")
            case "lost":
                self.stop("lost")
            case "held":
                pass


class ToolThread:
    """The thread a tool runs in: its own, so that a tool which does not listen can be left behind."""

    def __init__(self, run: WorkerRun, target: Callable[[], Any]) -> None:
        self._run = run
        self._target = target
        # With what is bound where it is made: the ids in its logs, and the span that its own are below.
        begin = contextvars.copy_context().run
        self._thread = threading.Thread(target=begin, args=(self._body,), name=f"tool-{run.id[:8]}", daemon=True)
        self.answer: Future[Any] = Future()

    def start(self) -> None:
        self._thread.start()

    def wait(self, patience: timedelta) -> bool:
        """Wait for the tool to return; once it is asked to stop, at most *patience*. False when it was left behind.

        Asked to stop, a tool gets a second to clean up; then Cancelled is raised in its thread, again and again.
        """
        self._run.on_stop(self._run.close)
        while not self._run.cancelled:
            if _finished(self.answer, 0.5):
                return True
        deadline = time.monotonic() + patience.total_seconds()
        while not _finished(self.answer, 1.0):
            if time.monotonic() > deadline:
                return False
            self._interrupt()
        return True

    def _body(self) -> None:
        try:
            self.answer.set_result(self._target())
        except BaseException as error:  # noqa: BLE001  # handed to whoever waits
            self.answer.set_exception(error)

    def _interrupt(self) -> None:
        """Raise Cancelled between two of its bytecodes: a call that blocks in C is not reached."""
        if self._thread.ident is not None and not self.answer.done():
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(self._thread.ident), ctypes.py_object(Cancelled))


def _finished(answer: "Future[Any]", within: float) -> bool:
    try:
        answer.exception(within)
    except TimeoutError:
        return False
    return True
