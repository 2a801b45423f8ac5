"""A cluster is used like one server: by bursts, by pipelines, by callers that leave, and over the death of a node."""

import asyncio
import contextlib
import random
from collections.abc import AsyncGenerator, Generator
from datetime import timedelta

import pytest

from storage import keys
from storage.connection import Redis, Unavailable, connect, count_subscribers, each_server, script
from storage.subscriber import Subscriber
from tests.redis_client import settings_of
from tests.redis_servers import ClusterValkey

NAMES = [f"{keys.PREFIX}test:{number}" for number in range(60)]
GET = "return redis.call('GET', KEYS[1])"


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Generator[ClusterValkey]:
    with ClusterValkey(tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster


@pytest.fixture
async def cluster(servers: ClusterValkey) -> AsyncGenerator[Redis]:
    """An empty cluster, and a client with few connections."""
    servers.flush(0)
    client = connect(settings_of({**servers.environment(), "MCP_REDIS_CONNECTIONS": "4"}))
    for name in NAMES:
        await client.set(name, name.encode(), ex=timedelta(minutes=5))
    yield client
    await client.aclose()


async def test_keys_are_spread_and_found_again(servers: ClusterValkey, cluster: Redis):
    """Ours: by commands, pipelines, scripts and scans alike."""
    async with cluster.pipeline(transaction=False) as pipe:
        for name in NAMES:
            pipe.get(name)
        piped = await pipe.execute()
    scripted = [await script(cluster, GET)(keys=[name]) for name in NAMES]
    scanned = {name.decode() async for name in cluster.scan_iter("mcp:test:*", count=10)}

    assert piped == scripted == [name.encode() for name in NAMES]
    assert scanned == set(NAMES)
    assert all(node.names() for node in servers.nodes)
    assert len(await each_server(cluster)) == 3


async def test_a_burst_waits_for_a_connection(cluster: Redis):
    """Ours: as with one server; redis-py's own client would raise at its limit."""
    found = await asyncio.gather(*(cluster.get(name) for name in NAMES * 10))

    assert found == [name.encode() for name in NAMES * 10]


async def test_a_caller_that_leaves_does_not_get_its_answer_to_another(cluster: Redis):
    """A45: on a cluster's connections too."""
    chance, wrong = random.Random(45), list[object]()  # noqa: S311  # which call is cancelled is no secret

    async def caller() -> None:
        for _ in range(40):
            name = chance.choice(NAMES)
            asking = asyncio.ensure_future(cluster.get(name))
            if chance.random() < 0.5:
                for _ in range(chance.randrange(12)):
                    await asyncio.sleep(0)
                asking.cancel()
            await asyncio.wait([asking])
            if not asking.cancelled() and asking.result() != name.encode():
                wrong.append((name, asking.result()))

    await asyncio.gather(*(caller() for _ in range(40)))

    assert wrong == []


async def test_readers_are_counted_over_all_nodes(cluster: Redis):
    """Ours: each node counts its own, and nobody knows at which one another process has subscribed."""
    async with contextlib.AsyncExitStack() as readers:
        for _ in range(6):
            subscriber = await readers.enter_async_context(Subscriber(cluster))
            await readers.enter_async_context(subscriber.follow(keys.task_log("a")))

        assert await count_subscribers(cluster, keys.task_log("a")) == 6


async def test_a_node_that_dies_is_away_and_comes_back(servers: ClusterValkey, cluster: Redis):
    """Ours: whatever is asked meanwhile is answered, or Redis was unavailable; nothing else is raised."""
    raised, over = list[BaseException](), asyncio.Event()

    async def asking() -> None:
        ready = script(cluster, GET)
        while not over.is_set():
            for name in NAMES:
                try:
                    assert await ready(keys=[name]) == name.encode()
                    async with cluster.pipeline(transaction=False) as pipe:
                        pipe.get(name)
                        await pipe.execute()
                    await cluster.time()
                except Unavailable as error:
                    raised.append(error)
                await asyncio.sleep(0)

    callers = [asyncio.create_task(asking()) for _ in range(20)]
    await asyncio.to_thread(servers.nodes[1].kill)
    await asyncio.wait(callers, timeout=4)
    await asyncio.to_thread(servers.start)
    over.set()
    await asyncio.gather(*callers)

    assert raised != []
    assert [await cluster.get(name) for name in NAMES] == [name.encode() for name in NAMES]
