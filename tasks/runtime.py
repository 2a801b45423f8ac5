"""What a worker process shares among its jobs: one event loop in a thread of its own, which does all the talking.

Jobs run in Celery's threads and tools in their own; the loop holds the leases, sends the events, hears of
cancellations, announces the worker and reaps. A tool that blocks therefore never stops a heartbeat.
"""

import asyncio
import os
import socket
import threading
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future
from datetime import timedelta
from typing import Any, Final, TypeVar

import structlog
from celery import Celery

from auth.audit import Audit
from storage import gauges, keys, tracing
from storage.audit import AuditLog
from storage.background import cancel_all
from storage.changes import ChangeLog
from storage.connection import RedisError, Unavailable, connect
from storage.results import ResultStore
from storage.subscriber import Subscriber
from storage.tasks import TaskStore
from storage.workers import WorkerRegistry
from tasks.catalog import load
from tasks.endings import counted
from tasks.insist import insist
from tasks.process import ProcessSettings
from tasks.queue import JobQueue
from tasks.reaper import reap_forever
from tasks.run import WorkerRun
from tasks.tool import Tool

ANNOUNCE_EVERY: Final = 3.0
CALL_TIMEOUT: Final = 60.0
EX_SOFTWARE: Final = 70
"""`sysexits.h`: an internal error."""
LAST_WORDS: Final = timedelta(seconds=5)
"""How long a run that was asked to let go may wait for Redis to say how it ended."""

log = structlog.get_logger(__name__)
T = TypeVar("T")


class WorkerRuntime:
    """Start it once per worker process, after any fork; `stop` when the last job has ended."""

    def __init__(
        self, settings: ProcessSettings, celery: Celery, *, is_consuming: Callable[[], bool] = lambda: True
    ) -> None:
        self._is_consuming = is_consuming
        self.settings = settings.tools
        self.worker = f"{socket.gethostname()}:{os.getpid()}"
        self.loop = asyncio.new_event_loop()
        self._catalog = load(settings.worker.tool_modules)
        self._queues = settings.worker.worker_queues
        self._drain: timedelta = settings.worker.drain_timeout
        self._redis = connect(settings.storage)
        ring = settings.storage.key_ring()
        self._audit = Audit(AuditLog(self._redis, ring))
        kept = timedelta(seconds=settings.storage.result_ttl)
        self.tasks = TaskStore(self._redis, ring, result_ttl=kept, on_end=counted(self._audit.tool_ended))
        self.results = ResultStore(self._redis, ring)
        self.changes = ChangeLog(self._redis, ring)
        self._registry = WorkerRegistry(self._redis)
        self._subscriber = Subscriber(self._redis)
        self._queue = JobQueue(celery)
        self._runs: dict[str, WorkerRun] = {}
        self._draining: Future[None] | None = None
        self._ending = threading.Event()
        self._background: list[asyncio.Task[None]] = []
        self._unwatch: Callable[[], None] = lambda: None
        self._thread = threading.Thread(target=self.loop.run_forever, name="worker-loop", daemon=True)

    def start(self) -> None:
        self._thread.start()
        self.call(self._open())

    def drain(self) -> None:
        """Take no more jobs, and ask those that still run after the drain period to let go."""
        self._draining = asyncio.run_coroutine_threadsafe(self._let_go(), self.loop)

    def stop(self) -> None:
        self.call(self._close())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(5)

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        """Do *work* in the loop and wait for it; for Celery's threads."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(CALL_TIMEOUT)

    def insist(self, work: Callable[[], Awaitable[T]], what: str) -> T | None:
        """Do *work* in the loop, as soon as Redis lets it, and wait for it; None when this process must end before."""
        given_up = self._ending.is_set
        return asyncio.run_coroutine_threadsafe(insist(work, what, until=given_up), self.loop).result()

    def find_tool(self, name: str) -> Tool | None:
        return self._catalog.find_tool(name)

    def watch(self, run: WorkerRun) -> Callable[[], None]:
        """Let cancellations reach *run* until the answer is called."""
        self._runs[run.id] = run
        return lambda: self._forget(run)

    def _forget(self, run: WorkerRun) -> None:
        if self._runs.get(run.id) is run:
            del self._runs[run.id]

    async def _open(self) -> None:
        await self._subscriber.__aenter__()
        self._subscriber.listen(keys.CANCEL_CHANNEL, self._cancel)
        self._subscriber.listen(keys.ANSWER_CHANNEL, self._answered)
        self._unwatch = gauges.watch(self._redis, self._queues)
        self._background = [
            asyncio.create_task(self._announce()),
            asyncio.create_task(reap_forever(self.tasks, self._queue)),
        ]
        log.info("worker ready", worker=self.worker, queues=self._queues, tools=self._catalog.names())

    async def _close(self) -> None:
        if self._draining:
            self._draining.cancel()
        self._unwatch()
        await cancel_all(self._background)
        await self._subscriber.__aexit__()
        self._queue.close()
        await self._audit.flush()
        await self._redis.aclose()

    async def _let_go(self) -> None:
        if self._background[0] is not asyncio.current_task():
            self._background[0].cancel()
        try:
            await self._registry.withdraw(self.worker, self._queues)
        except (RedisError, *Unavailable) as error:
            log.warning("could not withdraw", error=str(error))
        if self._runs:
            log.info("waiting for running jobs", jobs=len(self._runs), seconds=self._drain.total_seconds())
        await asyncio.sleep(self._drain.total_seconds())
        for run in list(self._runs.values()):
            run.stop("drain")
        await asyncio.sleep(LAST_WORDS.total_seconds())
        self._ending.set()
        for run in list(self._runs.values()):
            run.outbox.close()

    def _cancel(self, message: bytes) -> None:
        if run := self._runs.get(message.decode()):
            run.stop("cancelled")

    def _answered(self, message: bytes) -> None:
        if run := self._runs.get(message.decode()):
            run.asking.wake()

    async def _announce(self) -> None:
        while True:
            if not self._is_consuming() and not self._draining:
                await self._end()
            try:
                await self._registry.announce(self.worker, self._queues)
            except (RedisError, *Unavailable) as error:
                log.warning("could not announce this worker", error=str(error))
            await asyncio.sleep(ANNOUNCE_EVERY)

    async def _end(self) -> None:
        """End this process: Celery has given up, and whoever started us can start another that works.

        Leases that are held run out, and the tasks go on elsewhere.
        """
        log.critical("the consumer has ended: this worker takes no more jobs, and ends", worker=self.worker)
        await self._let_go()
        tracing.stop()
        os._exit(EX_SOFTWARE)
