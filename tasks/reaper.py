"""Tasks nobody cares for: sent again, or ended. Every web and worker process does this; it is safe to run anywhere."""

import asyncio
from datetime import timedelta
from typing import Final

import structlog

from storage.connection import RedisError, Unavailable
from storage.errors import StorageError
from storage.tasks import TaskStore
from tasks.queue import JobQueue

EVERY: Final = timedelta(seconds=2)

log = structlog.get_logger(__name__)


async def reap_forever(tasks: TaskStore, queue: JobQueue) -> None:
    while True:
        await asyncio.sleep(EVERY.total_seconds())
        try:
            await reap_once(tasks, queue)
        except (RedisError, StorageError, *Unavailable) as error:
            log.warning("reaping failed, trying again", error=str(error))


async def reap_once(tasks: TaskStore, queue: JobQueue) -> int:
    """Look at every task that is due; the answer is how many were sent again."""
    sent = 0
    for task_id in await tasks.due():
        try:
            record = await tasks.reap(task_id)
        except Unavailable:
            raise
        except (RedisError, StorageError) as error:
            # One that somebody damaged must not keep the others waiting; whoever has its key may look at it later.
            log.warning("task left alone for a while", task=task_id, error=str(error))
            await tasks.postpone(task_id)
            continue
        if record is not None:
            log.info("job sent again", task=record.id, tool=record.tool)
            await queue.send(record)
            sent += 1
    return sent
