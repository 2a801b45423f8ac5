"""The one door to Redis, with callers that leave in the middle."""

import asyncio
import random
from datetime import timedelta

import pytest
from pydantic import SecretStr

from storage import keys
from storage.connection import Redis, connect
from storage.connection import script as ready
from storage.settings import StorageSettings
from tests.servers import ValkeyServer

CALLS = 5000
AT_ONCE = 200


@pytest.mark.usefixtures("redis")
@pytest.mark.parametrize("connections", [4, 64])
async def test_a_caller_that_leaves_does_not_get_its_answer_to_another(valkey: ValkeyServer, connections: int):
    """A45: CVE-2023-28858: thousands of calls, cancelled at any point, on few and on many connections."""
    url = SecretStr(valkey.url(0))
    client: Redis = connect(StorageSettings(redis_url=url, redis_connections=connections))
    chance = random.Random(45)  # noqa: S311  # which call is cancelled is no secret
    names = {f"{keys.PREFIX}test:{number}": b"canary-%d" % number for number in range(AT_ONCE)}
    script = ready(client, "return {KEYS[1], redis.call('GET', KEYS[1])}")
    wrong: list[object] = []
    answered = cancelled = 0

    async def ask(name: str, *, scripted: bool) -> None:
        nonlocal answered
        heard = await script(keys=[name], args=[]) if scripted else [name.encode(), await client.get(name)]
        answered += 1
        if heard != [name.encode(), names[name]]:
            wrong.append((name, heard))

    async def caller() -> None:
        nonlocal cancelled
        for _ in range(CALLS // AT_ONCE):
            asking = asyncio.create_task(ask(chance.choice(list(names)), scripted=chance.random() < 0.3))
            if chance.random() < 0.5:
                for _ in range(chance.randrange(12)):
                    await asyncio.sleep(0)
                cancelled += asking.cancel()
            await asyncio.wait([asking])

    for name, value in names.items():
        await client.set(name, value, ex=timedelta(minutes=1))
    await asyncio.gather(*(caller() for _ in range(AT_ONCE)))
    after = [await client.get(name) for name in names]
    await client.aclose()

    assert wrong == []
    assert after == list(names.values())
    assert answered > CALLS / 3
    assert cancelled > CALLS / 10
