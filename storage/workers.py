"""Which workers are alive, by queue: what readiness and a waiting client want to know."""

from collections.abc import Iterable
from datetime import timedelta

from storage import keys, scripts
from storage.connection import Redis

ALIVE_FOR: timedelta = timedelta(seconds=9)
"""A worker that has not announced itself for this long counts as gone."""


class WorkerRegistry:
    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._announce = redis.register_script(scripts.ANNOUNCE)
        self._alive = redis.register_script(scripts.ALIVE)

    async def announce(self, worker: str, queues: Iterable[str]) -> None:
        """Say that *worker* serves *queues* now."""
        for queue in queues:
            await self._announce(keys=[keys.workers(queue)], args=[worker, int(ALIVE_FOR.total_seconds() * 1000)])

    async def withdraw(self, worker: str, queues: Iterable[str]) -> None:
        for queue in queues:
            await self._redis.zrem(keys.workers(queue), worker)

    async def alive(self, queue: str) -> int:
        """How many workers serve *queue*."""
        return int(await self._alive(keys=[keys.workers(queue)]))
