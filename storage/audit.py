"""Who did what, from where, and what came of it: a bounded stream that outlives the processes that wrote it."""

from datetime import timedelta
from typing import Any, Final

import msgspec

from storage import keys
from storage.clock import milliseconds
from storage.connection import Redis, Scripts
from storage.seal import KeyRing

KEPT: Final = 10_000
KEPT_FOR: Final = timedelta(days=90)

_APPEND: Final = """
local id = redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[2], '*', 'e', ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return id
"""


class AuditLog:
    def __init__(self, redis: Redis, ring: KeyRing) -> None:
        self._redis = redis
        self._ring = ring
        self._scripts = Scripts(redis)

    async def append(self, event: dict[str, Any]) -> None:
        sealed = self._ring.seal(msgspec.json.encode(event), kind="audit", record=keys.AUDIT, principal="")
        await self._scripts.run(_APPEND, [keys.AUDIT], [sealed, KEPT, milliseconds(KEPT_FOR)])

    async def newest(self, count: int) -> list[dict[str, Any]]:
        """The last *count* events, newest first, each with its time in seconds since the epoch."""
        rows = await self._redis.xrevrange(keys.AUDIT, count=count)
        found: list[dict[str, Any]] = []
        for entry, fields in rows:
            plain = self._ring.open(fields[b"e"], kind="audit", record=keys.AUDIT, principal="")
            found.append({"at": int(entry.partition(b"-")[0]) / 1000, **msgspec.json.decode(plain)})
        return found
