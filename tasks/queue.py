"""Sending jobs from asyncio: Celery's call blocks, so it has threads of its own."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import structlog
from celery import Celery

from storage.records import TaskRecord
from tasks.broker import RUN_TOOL
from tasks.traced import sending

log = structlog.get_logger(__name__)


class JobQueue:
    def __init__(self, celery: Celery) -> None:
        self._celery = celery
        # Two: one may wait for a broker that does not answer.
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="enqueue")

    async def send(self, record: TaskRecord) -> None:
        """Wake a worker for this task. A failure is logged and not raised: the reaper sends again."""
        try:
            with sending(record):
                await asyncio.get_running_loop().run_in_executor(self._threads, self._send, record)
        except Exception as error:  # noqa: BLE001  # whatever the broker's client raises, the task is safe in the store
            log.warning("job not sent, the reaper will", task=record.id, error=str(error))

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._celery.close()

    def _send(self, record: TaskRecord) -> None:
        # What Flower shows: the tool as the name, the principal in the arguments' place.
        send: Any = cast("Any", self._celery).send_task
        send(
            RUN_TOOL,
            args=(record.id,),
            task_id=record.id,
            queue=record.queue,
            shadow=record.tool,
            argsrepr=f"({record.id},)",
            kwargsrepr=f"{{principal: {record.principal}}}",
            ignore_result=True,
            retry_policy={"max_retries": 2, "interval_start": 0, "interval_step": 0.2, "interval_max": 0.5},
        )
