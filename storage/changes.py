"""What changed for everybody: the lists of tools, prompts and resources, and single resources.

One bounded log for all replicas: a broadcast is one write, however many clients listen, and a listener that was away
reads what it missed.
"""

import hashlib
from datetime import timedelta
from typing import Final, Literal

import msgspec

from storage import keys
from storage.clock import milliseconds
from storage.connection import Redis, Scripts
from storage.seal import KeyRing

KEPT: Final = timedelta(days=1)
LENGTH: Final = 1_000
CATALOG_KEPT: Final = timedelta(days=30)

What = Literal["tools", "prompts", "resources", "resource"]

# KEYS: the log of changes.
_ADD: Final = """
local id = redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[2], '*', 'e', ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
redis.call('PUBLISH', KEYS[1], id .. ' ' .. ARGV[1])
return id
"""


class Change(msgspec.Struct, frozen=True):
    """A list changed, or the resource at *uri*: read it again if you care."""

    what: What
    uri: str = ""


class ChangeLog:
    name: Final = keys.CHANGES

    def __init__(self, redis: Redis, ring: KeyRing) -> None:
        self._redis = redis
        self._ring = ring
        self._scripts = Scripts(redis)

    async def add(self, change: Change) -> None:
        sealed = self._ring.seal(msgspec.json.encode(change), kind="change", record=self.name, principal="")
        await self._scripts.run(_ADD, [self.name], [sealed, LENGTH, milliseconds(KEPT)])

    def decode(self, payload: bytes) -> Change:
        return msgspec.json.decode(self._ring.open(payload, kind="change", record=self.name, principal=""), type=Change)

    async def newest(self) -> str:
        """The id of the last change; what comes after it is news."""
        rows = await self._redis.xrevrange(self.name, count=1)
        return rows[0][0].decode() if rows else "0-0"

    async def announce(self, offers: bytes) -> None:
        """Called by every replica when it starts: a deployment that *offers* something else changed the lists."""
        found = hashlib.sha256(offers).hexdigest().encode()
        known = await self._redis.get(keys.CATALOG)
        await self._redis.set(keys.CATALOG, found, ex=CATALOG_KEPT)
        if known not in (None, found):
            for what in ("tools", "prompts", "resources"):
                await self.add(Change(what))
