"""What lies in Redis, read when somebody scrapes: one round trip, whatever there is.

Every process tells the same, so whoever adds up takes the maximum over processes and never the sum.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import CancelledError
from datetime import timedelta
from typing import Final, cast

import msgspec
import structlog
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import REGISTRY, Collector, CollectorRegistry

from storage import keys
from storage.clock import milliseconds
from storage.connection import Redis, RedisError, Unavailable

PATIENCE: Final = timedelta(seconds=2)
OVERDUE: Final = timedelta(seconds=15)
"""The reaper looks every 2 s: what is due for so long, nobody looks at."""

UP: Final = ("mcp_redis_up", "Whether Redis answered this scrape.")
DEPTH: Final = ("mcp_queue_depth", "Messages that wait in a queue of the broker.")
WORKERS: Final = ("mcp_workers_alive", "Workers that serve a queue and have announced themselves lately.")
TASKS: Final = ("mcp_tasks_unfinished", "Tasks that were accepted and have not ended.")
LATE: Final = ("mcp_tasks_overdue", "Tasks that the reaper should have looked at 15 seconds ago.")
UNACKED: Final = ("mcp_queue_unacknowledged", "Messages that a worker holds, of all queues together.")
NAMES: Final = tuple(name for name, _ in (UP, DEPTH, WORKERS, TASKS, LATE, UNACKED))

log = structlog.get_logger(__name__)


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """What Redis held at one moment; queues by name."""

    depth: dict[str, int]
    workers: dict[str, int]
    unacknowledged: int
    unfinished: int
    overdue: int


async def look(redis: Redis, queues: Sequence[str]) -> Stored:
    seconds, micros = await redis.time()
    now = seconds * 1000 + micros // 1000
    async with redis.pipeline(transaction=False) as pipe:
        for queue in queues:
            pipe.llen(keys.broker_queue(queue))
            pipe.zcount(keys.workers(queue), now, "+inf")
        for bucket in keys.BUCKETS:
            pipe.zcard(keys.deadlines(bucket))
            pipe.zcount(keys.deadlines(bucket), "-inf", now - milliseconds(OVERDUE))
        pipe.hlen(keys.broker_unacknowledged())
        *found, unacknowledged = cast("list[int]", await pipe.execute())
    of_queues, of_buckets = found[: 2 * len(queues)], found[2 * len(queues) :]
    return Stored(
        depth=dict(zip(queues, of_queues[::2], strict=True)),
        workers=dict(zip(queues, of_queues[1::2], strict=True)),
        unacknowledged=unacknowledged,
        unfinished=sum(of_buckets[::2]),
        overdue=sum(of_buckets[1::2]),
    )


class StoreCollector(Collector):
    """Asks Redis in the process's own *loop*, from the thread that is being scraped."""

    def __init__(self, read: Callable[[], Awaitable[Stored]], loop: asyncio.AbstractEventLoop) -> None:
        self._read = read
        self._loop = loop

    def describe(self) -> Iterable[GaugeMetricFamily]:
        """Nothing: the registry would ask Redis for the names of what it registers."""
        return ()

    def collect(self) -> Iterable[GaugeMetricFamily]:
        stored = self._stored()
        yield GaugeMetricFamily(*UP, value=0 if stored is None else 1)
        if stored is None:
            return
        for (name, said), by_queue in ((DEPTH, stored.depth), (WORKERS, stored.workers)):
            family = GaugeMetricFamily(name, said, labels=("queue",))
            for queue, value in by_queue.items():
                family.add_metric((queue,), value)
            yield family
        yield GaugeMetricFamily(*UNACKED, value=stored.unacknowledged)
        yield GaugeMetricFamily(*TASKS, value=stored.unfinished)
        yield GaugeMetricFamily(*LATE, value=stored.overdue)

    def _stored(self) -> Stored | None:
        reading = asyncio.run_coroutine_threadsafe(self._within_patience(), self._loop)
        try:
            return reading.result(2 * PATIENCE.total_seconds())
        except (RedisError, TimeoutError, CancelledError, *Unavailable) as error:
            log.warning("Redis could not be asked for its metrics", error=str(error))
            reading.cancel()
            return None

    async def _within_patience(self) -> Stored:
        async with asyncio.timeout(PATIENCE.total_seconds()):
            return await self._read()


def watch(redis: Redis, queues: Sequence[str], *, registry: CollectorRegistry = REGISTRY) -> Callable[[], None]:
    """Show what lies in Redis, asked in the running loop, until the answer is called."""
    collector = StoreCollector(lambda: look(redis, queues), asyncio.get_running_loop())
    registry.register(collector)
    return lambda: registry.unregister(collector)
