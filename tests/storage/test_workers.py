"""Who is there to work."""

from storage import keys
from storage.connection import Redis
from storage.workers import WorkerRegistry
from tests.servers import ValkeyServer


async def test_a_worker_is_alive_on_its_queues_until_it_withdraws(redis: Redis):
    """Ours: readiness and waiting clients ask this."""
    registry = WorkerRegistry(redis)
    await registry.announce("w1", ["a", "b"])
    await registry.announce("w2", ["a"])

    counts = [await registry.alive(queue) for queue in "abc"]
    await registry.withdraw("w1", ["a", "b"])

    assert counts == [2, 1, 0]
    assert [await registry.alive(queue) for queue in "ab"] == [1, 0]


async def test_a_silent_worker_counts_as_gone(redis: Redis, valkey: ValkeyServer):
    """Ours: by Redis's clock, so that skewed machines agree."""
    registry = WorkerRegistry(redis)
    await registry.announce("w1", ["a"])
    with valkey.client(0) as raw:
        raw.zadd(keys.workers("a"), {"w1": 1})

    assert await registry.alive("a") == 0
