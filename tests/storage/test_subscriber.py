"""Readers of logs: nothing lost, nothing twice, in order, on one connection."""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from storage.connection import Redis, connect, script
from storage.settings import StorageSettings
from storage.subscriber import BUFFERED, Subscriber
from tests.servers import ValkeyServer

LOG = "mcp:{0}:log:test"

APPEND = """
local id = redis.call('XADD', KEYS[1], '*', 'e', ARGV[1])
redis.call('EXPIRE', KEYS[1], 60)
if ARGV[2] == '1' then redis.call('PUBLISH', KEYS[1], id .. ' ' .. ARGV[1]) end
return id
"""


@pytest.fixture
async def subscriber(redis: Redis) -> AsyncGenerator[Subscriber]:
    async with Subscriber(redis) as running:
        yield running


async def append(redis: Redis, number: int, *, log: str = LOG, publish: bool = True) -> None:
    await script(redis, APPEND)(keys=[log], args=[str(number), int(publish)])


async def read(reader: Any, count: int, within: float = 20) -> list[int]:
    async with asyncio.timeout(within):
        return [int((await anext(reader))[1]) for _ in range(count)]


async def test_what_is_stored_comes_first_and_what_arrives_after(redis: Redis, subscriber: Subscriber):
    """Ours: subscribed before the log is read, so nothing falls between."""
    for number in range(10):
        await append(redis, number)

    async with subscriber.follow(LOG) as reader:
        writing = asyncio.gather(*(append(redis, number) for number in range(10, 20)))
        seen = await read(reader, 20)
        await writing

    assert sorted(seen) == list(range(20))
    assert seen[:10] == list(range(10))


async def test_a_reader_may_begin_after_any_event(redis: Redis, subscriber: Subscriber):
    """Ours: what Last-Event-ID will need."""
    for number in range(3):
        await append(redis, number)
    async with subscriber.follow(LOG) as reader:
        first, _ = await anext(reader)

    async with subscriber.follow(LOG, after=first) as reader:
        assert await read(reader, 2) == [1, 2]


async def test_a_lost_publish_is_found_by_the_tick(redis: Redis, subscriber: Subscriber):
    """Ours: a message may vanish, the log does not."""
    async with subscriber.follow(LOG) as reader:
        await append(redis, 1)
        assert await read(reader, 1) == [1]
        await append(redis, 2, publish=False)

        assert await read(reader, 1, within=6) == [2]


async def test_killed_connections_cost_no_event_and_double_none(
    redis: Redis, subscriber: Subscriber, valkey: ValkeyServer
):
    """Ours: 1,000 events while the pub/sub connection is killed again and again."""
    async with subscriber.follow(LOG) as reader:
        reading = asyncio.create_task(read(reader, 1000, within=60))
        for number in range(1000):
            await append(redis, number)
            if number % 150 == 149:
                with valkey.client(0) as raw:
                    raw.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
        seen = await reading

    assert seen == list(range(1000))


async def test_a_slow_reader_falls_back_to_the_log(redis: Redis, subscriber: Subscriber):
    """Ours: its buffer is bounded, and it still gets everything."""
    total = BUFFERED * 3
    async with subscriber.follow(LOG) as reader:
        await append(redis, 0)
        first = await read(reader, 1)
        for number in range(1, total):
            await append(redis, number)

        assert first + await read(reader, total - 1) == list(range(total))


async def test_many_readers_share_one_connection(redis: Redis, subscriber: Subscriber, valkey: ValkeyServer):
    """Ours: one pub/sub connection per process, however many streams."""
    async with asyncio.timeout(30):
        async with contextless(subscriber, 100) as readers:
            for number in range(100):
                await append(redis, number, log=f"{LOG}:{number}")
            seen = [await read(reader, 1) for reader in readers]
            with valkey.client(0) as raw:
                subscribers = [each for each in raw.client_list() if int(each["sub"]) > 0 and each["db"] == "0"]

    assert seen == [[number] for number in range(100)]
    assert len(subscribers) == 1


class contextless:  # noqa: N801  # reads as what it does where it is used
    """Many readers of logs of their own, opened and closed together."""

    def __init__(self, subscriber: Subscriber, count: int) -> None:
        self._managers = [subscriber.follow(f"{LOG}:{number}") for number in range(count)]

    async def __aenter__(self) -> list[Any]:
        return [await manager.__aenter__() for manager in self._managers]

    async def __aexit__(self, *_: object) -> None:
        for manager in self._managers:
            await manager.__aexit__(None, None, None)


async def test_leaving_and_coming_back_at_once_loses_nothing(redis: Redis, subscriber: Subscriber):
    """Ours: the unsubscribe of one and the subscribe of the next may cross."""
    for number in range(50):
        async with subscriber.follow(LOG, after="0-0") as reader:
            await append(redis, number)
            assert (await read(reader, number + 1))[-1] == number


async def test_a_restart_of_redis_is_survived(tmp_path: Path):
    """Ours: the connection comes back by itself, and so do the subscriptions."""
    with ValkeyServer(tmp_path) as server:
        client = connect(StorageSettings(redis_url=SecretStr(server.url(0))))
        async with Subscriber(client) as subscriber, subscriber.follow(LOG) as reader:
            await append(client, 1)
            assert await read(reader, 1) == [1]
            server.stop()
            server.start()
            await asyncio.wait_for(_until_answers(client), 20)
            await append(client, 2)

            assert await read(reader, 1, within=20) == [2]
        await client.aclose()


async def _until_answers(client: Redis) -> None:
    while True:
        try:
            await client.ping()
        except Exception:  # noqa: BLE001, S112  # whatever it says while it is away
            continue
        return


async def test_readers_are_counted_here_and_elsewhere(redis: Redis, subscriber: Subscriber):
    """Ours: whether anybody would miss what a log brings next; who has just left does not count."""
    counts = [await subscriber.count_readers(LOG)]
    async with Subscriber(redis) as elsewhere:
        async with subscriber.follow(LOG), subscriber.follow(LOG):
            counts.append(await subscriber.count_readers(LOG))
            async with elsewhere.follow(LOG), elsewhere.follow(LOG):
                counts += [await subscriber.count_readers(LOG), await elsewhere.count_readers(LOG)]
            counts.append(await elsewhere.count_readers(LOG))
        counts.append(await subscriber.count_readers(LOG))

    assert counts == [0, 2, 3, 3, 1, 0]


async def test_several_logs_are_followed_at_once_each_in_its_order(redis: Redis, subscriber: Subscriber):
    """Ours: a standalone stream merges what is for its session with what is for everybody."""
    other = f"{LOG}:other"
    for number in range(3):
        await append(redis, number)
    seen: dict[str, list[int]] = {LOG: [], other: []}

    async with asyncio.timeout(20), subscriber.follow_all({LOG: "0-0", other: "0-0"}) as merged:
        for number in range(3, 10):
            await append(redis, number)
            await append(redis, number, log=other, publish=number % 2 == 0)
        while sum(map(len, seen.values())) < 17:
            name, (_, payload) = await anext(merged)
            seen[name].append(int(payload))

    assert seen == {LOG: list(range(10)), other: list(range(3, 10))}
