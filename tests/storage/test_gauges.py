"""What lies in Redis is counted in one look, and its absence is a metric too."""

import asyncio
import time
from collections.abc import AsyncGenerator

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from pydantic import SecretStr

from storage import gauges, keys
from storage.connection import Redis, connect
from storage.gauges import NAMES, OVERDUE, Stored, look
from storage.settings import StorageSettings
from storage.workers import WorkerRegistry
from tests.scraped import Scraped
from tests.servers import ValkeyServer, free_port


@pytest.fixture
async def nowhere() -> AsyncGenerator[Redis]:
    """A server that is not there."""
    client = connect(StorageSettings(redis_url=SecretStr(f"redis://127.0.0.1:{free_port()}/0")))
    yield client
    await client.aclose()


async def shown(redis: Redis) -> Scraped:
    """What a scrape of this process is answered about *redis*."""
    registry = CollectorRegistry()
    stop = gauges.watch(redis, ["default", "slow"], registry=registry)
    try:
        return Scraped((await asyncio.to_thread(generate_latest, registry)).decode())
    finally:
        stop()


async def test_an_empty_redis_holds_nothing(redis: Redis):
    """Ours: each queue that was asked for is told, also when it is not there."""
    expected = Stored(depth={"a": 0, "b": 0}, workers={"a": 0, "b": 0}, unacknowledged=0, unfinished=0, overdue=0)

    assert await look(redis, ["a", "b"]) == expected


async def test_queues_workers_and_tasks_are_counted(redis: Redis, valkey: ValkeyServer):
    """Ours: of all buckets together; what is due for long is late, what was just due is not."""
    now = int(time.time() * 1000)
    late = now - 2 * int(OVERDUE.total_seconds() * 1000)
    await WorkerRegistry(redis).announce("w1", ["slow"])
    with valkey.client(0) as raw:
        raw.lpush(keys.broker_queue("default"), "1", "2", "3")
        raw.hset(keys.broker_unacknowledged(), "tag", "message")
        for bucket, due in (("0", late), ("7", late), ("f", now), ("f0", now + 60_000)):
            raw.zadd(keys.deadlines(bucket), {f"{bucket}-task": due})
        said = await shown(redis)
        raw.flushdb()

    assert said.value("mcp_redis_up") == 1
    assert said.value("mcp_queue_depth", queue="default") == 3
    assert said.value("mcp_queue_depth", queue="slow") == 0
    assert said.value("mcp_workers_alive", queue="slow") == 1
    assert said.value("mcp_queue_unacknowledged") == 1
    assert said.value("mcp_tasks_unfinished") == 4
    assert said.value("mcp_tasks_overdue") == 2


async def test_a_redis_that_does_not_answer_is_down_and_nothing_else_is_said(nowhere: Redis):
    """Ours: an old number would look like a healthy one."""
    said = await shown(nowhere)

    assert said.value("mcp_redis_up") == 0
    assert [name for name in NAMES if f"\n{name}" in said.text and name != "mcp_redis_up"] == []


async def test_all_that_is_promised_is_shown(redis: Redis):
    """Ours: no name stands in the list that a scrape does not bring."""
    said = await shown(redis)

    assert [name for name in NAMES if f"# TYPE {name} gauge" not in said.text] == []
