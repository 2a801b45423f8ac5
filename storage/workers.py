"""Which workers are alive, by queue: what readiness and a waiting client want to know."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Final

from storage import keys
from storage.clock import NOW, milliseconds
from storage.connection import Redis, script

ALIVE_FOR: Final = timedelta(seconds=9)
"""A worker that has not announced itself for this long counts as gone."""

# Alive until its own heartbeat is older than its time to live; the dead are swept by whoever announces.
_ANNOUNCE: Final = (
    NOW
    + """
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
redis.call('PEXPIRE', KEYS[1], 60000)
return 1
"""
)

_ALIVE: Final = NOW + "return redis.call('ZCOUNT', KEYS[1], now, '+inf')"


class WorkerRegistry:
    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._announce = script(redis, _ANNOUNCE)
        self._alive = script(redis, _ALIVE)

    async def announce(self, worker: str, queues: Iterable[str]) -> None:
        """Say that *worker* serves *queues* now."""
        for queue in queues:
            await self._announce(keys=[keys.workers(queue)], args=[worker, milliseconds(ALIVE_FOR)])

    async def withdraw(self, worker: str, queues: Iterable[str]) -> None:
        for queue in queues:
            await self._redis.zrem(keys.workers(queue), worker)

    async def alive(self, queue: str) -> int:
        """How many workers serve *queue*."""
        return int(await self._alive(keys=[keys.workers(queue)]))
