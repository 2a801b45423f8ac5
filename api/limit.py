"""How often one may come, counted for all replicas together: by address while nobody is known, by principal after.

What is left stands on every answer (draft-ietf-httpapi-ratelimit-headers-03), put there by the edge.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from litestar.types import HTTPScope

from api.address import client_address, network
from auth.addresses import Network
from storage.rate import Rate, RateLimiter, Taken

RATE_HEADERS: Final = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")
LEFT: Final = "mcp.rate_limit"
"""Where in a request's scope the edge finds what is left."""


class Exceeded(Exception):
    """One came too often. *wait* is in seconds."""

    def __init__(self, wait: int) -> None:
        super().__init__(f"Too many requests: try again in {wait} second{'s' if wait > 1 else ''}")
        self.wait = wait

    @property
    def headers(self) -> dict[str, str]:
        return {"retry-after": str(self.wait)}


@dataclass(frozen=True, kw_only=True)
class Limit:
    """*trusted* are the proxies that are believed about where a request comes from."""

    limiter: RateLimiter | None
    trusted: Sequence[Network]

    def whence(self, scope: HTTPScope) -> str:
        """Whom a request is counted as while nobody knows who sent it."""
        return f"from {network(client_address(scope, self.trusted))}"

    async def take(self, scope: HTTPScope, whom: str) -> None:
        """Count one request of *whom*; Exceeded when it is one too many."""
        if self.limiter is None:
            return
        taken = await self.limiter.take(whom)
        kept, headers = cast("dict[str, Any]", scope), left(self.limiter.rate, taken)
        # Of several limits the one that is nearest is told.
        if taken.wait or LEFT not in kept or taken.remaining < int(kept[LEFT][1][1]):
            kept[LEFT] = headers
        if taken.wait:
            raise Exceeded(taken.wait)


def left(rate: Rate, taken: Taken) -> list[tuple[bytes, bytes]]:
    """The headers: how many there are, how many are left, and in how many seconds all are there again."""
    refill = math.ceil((rate.amount - taken.remaining) * rate.period.total_seconds() / rate.amount)
    values = (rate.amount, taken.remaining, taken.wait or refill)
    return [(name.lower().encode(), str(value).encode()) for name, value in zip(RATE_HEADERS, values, strict=True)]
