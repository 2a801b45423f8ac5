"""A token bucket shared by all replicas."""

import math
from datetime import timedelta

import msgspec

from storage import keys, scripts
from storage.connection import Redis


class Rate(msgspec.Struct, frozen=True):
    """*amount* requests per *period*, all of which may come at once."""

    amount: int
    period: timedelta


class Taken(msgspec.Struct, frozen=True):
    """*wait* is zero when the request may pass; else seconds until one may, rounded up."""

    wait: int
    remaining: int


class RateLimiter:
    def __init__(self, redis: Redis, rate: Rate) -> None:
        self.rate = rate
        self._take = redis.register_script(scripts.TAKE)

    async def take(self, scope: str) -> Taken:
        """Take one token of *scope*'s bucket; the clock is Redis's, so replicas agree."""
        period = int(self.rate.period.total_seconds() * 1000)
        wait, remaining = await self._take(keys=[keys.rate(scope)], args=[self.rate.amount, period])
        return Taken(math.ceil(wait / 1000), remaining)
