"""A token bucket that replicas share."""

import asyncio
from datetime import timedelta

from storage.connection import Redis
from storage.rate import Rate, RateLimiter


async def test_a_burst_gets_what_the_bucket_holds_and_no_more(redis: Redis):
    """Ours: exact also when two replicas ask at once."""
    replicas = [RateLimiter(redis, Rate(10, timedelta(hours=1))) for _ in range(2)]

    taken = await asyncio.gather(*(replicas[number % 2].take("203.0.113.7") for number in range(50)))

    assert sum(each.wait == 0 for each in taken) == 10
    assert {each.wait for each in taken} == {0, 360}


async def test_buckets_refill_and_are_apart(redis: Redis):
    """Ours: one address does not spend another's tokens."""
    limiter = RateLimiter(redis, Rate(1, timedelta(milliseconds=50)))
    assert (await limiter.take("a")).wait == 0
    assert (await limiter.take("b")).wait == 0

    async def refilled() -> None:
        while (await limiter.take("a")).wait:
            pass

    await asyncio.wait_for(refilled(), 5)
