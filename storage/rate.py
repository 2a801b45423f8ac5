"""A token bucket shared by all replicas."""

import math
from datetime import timedelta
from typing import Final

import msgspec

from storage import keys
from storage.clock import NOW, milliseconds
from storage.connection import Redis, script

# Take one token, or say how many milliseconds until there is one.
_TAKE: Final = (
    "#!lua flags=allow-oom"
    + NOW
    + """
local capacity, period = tonumber(ARGV[1]), tonumber(ARGV[2])
local state = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local tokens = tonumber(state[1] or capacity)
tokens = math.min(capacity, tokens + (now - tonumber(state[2] or now)) * capacity / period)
local wait = 0
if tokens >= 1 then tokens = tokens - 1 else wait = math.ceil((1 - tokens) * period / capacity) end
redis.call('HSET', KEYS[1], 'tokens', tostring(tokens), 'at', now)
redis.call('PEXPIRE', KEYS[1], period)
return {wait, math.floor(tokens)}
"""
)


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
        self._take = script(redis, _TAKE)

    async def take(self, scope: str) -> Taken:
        """Take one token of *scope*'s bucket; the clock is Redis's, so replicas agree."""
        period = milliseconds(self.rate.period)
        wait, remaining = await self._take(keys=[keys.rate(scope)], args=[self.rate.amount, period])
        return Taken(math.ceil(wait / 1000), remaining)
