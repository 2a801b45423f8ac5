"""Takes every task of the tool `wait` and publishes events into it at an even pace, each with the moment it was made.

`python -m bench.publisher <streams> <events for each> <seconds between two of a stream>`: what a worker writes, without
the cost of tools, so that the way of an event is measured and nothing else.
"""

import asyncio
import sys
import time
from datetime import timedelta

import psutil

from bench.load import CLIENT_CORE
from storage import keys
from storage.background import cancel_all
from storage.connection import Redis, connect
from storage.events import Ended, Progress
from storage.settings import StorageSettings, read
from storage.tasks import Claim, TaskStore


async def main(streams: int, events: int, interval: float) -> None:
    settings = read(StorageSettings)
    redis = connect(settings)
    store = TaskStore(redis, settings.key_ring(), result_ttl=timedelta(seconds=settings.result_ttl))
    claims = await _claim(redis, store, streams)
    beating = asyncio.create_task(_beat(store, claims))
    began = time.perf_counter()
    for step in range(1, events + 1):
        for index, claim in enumerate(claims):
            # Spread evenly over the interval: streams of a real site do not speak in chorus.
            due = began + (step - 1 + index / len(claims)) * interval
            if (pause := due - time.perf_counter()) > 0:
                await asyncio.sleep(pause)
            await store.append(claim, step, [(step, Progress(done=step, total=events, message=f"at={time.time_ns()}"))])
    for claim in claims:
        await store.finish(claim, Ended(status="completed", outcome={"content": []}))
    await cancel_all([beating])
    await redis.aclose()


async def _claim(redis: Redis, store: TaskStore, count: int) -> list[Claim]:
    found: set[str] = set()
    async with asyncio.timeout(60):
        while len(found) < count:
            rows = [await redis.zrange(keys.deadlines(bucket), 0, -1, withscores=True) for bucket in keys.BUCKETS]
            found = {name.decode() for row in rows for name, _ in row}
            await asyncio.sleep(0.05)
    records = [record for record in [await store.find(each) for each in sorted(found)] if record]
    return [claim for claim in [await store.claim(record, "bench:1") for record in records] if claim]


async def _beat(store: TaskStore, claims: list[Claim]) -> None:
    while True:
        for claim in claims:
            await store.beat(claim)
            await asyncio.sleep(3 / len(claims))


if __name__ == "__main__":
    psutil.Process().cpu_affinity([CLIENT_CORE])
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
