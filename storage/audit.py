"""Who did what, from where, and what came of it: bounded streams that outlive the processes that wrote them."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final, Literal

import msgspec

from storage import keys
from storage.clock import milliseconds
from storage.connection import Redis, Scripts
from storage.errors import Unreadable
from storage.events import order
from storage.seal import KeyRing

Trail = Literal["people", "tools", "strangers"]
KEPT: Final[Mapping[Trail, int]] = {"people": 20_000, "tools": 50_000, "strangers": 5_000}
"""Events of each trail: a flood in one leaves the others as they are."""
KEPT_FOR: Final = timedelta(days=90)
UNREADABLE: Final = "not readable: its key is not in the ring any more, or it was changed"

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

    async def append(self, event: dict[str, Any], trail: Trail = "people") -> None:
        name = keys.audit(trail)
        sealed = self._ring.seal(msgspec.json.encode(event), kind="audit", record=name, principal="")
        await self._scripts.run(_APPEND, [name], [sealed, KEPT[trail], milliseconds(KEPT_FOR)])

    async def newest(self, count: int, trails: tuple[Trail, ...] = tuple(KEPT)) -> list[dict[str, Any]]:
        """The last *count* events of the *trails*, newest first, each with its time in seconds since the epoch."""
        rows = [
            (entry.decode(), fields[b"e"], keys.audit(trail))
            for trail in trails
            for entry, fields in await self._redis.xrevrange(keys.audit(trail), count=count)
        ]
        rows.sort(key=lambda row: order(row[0]), reverse=True)
        return [
            {"at": int(entry.partition("-")[0]) / 1000, **self._opened(sealed, name)}
            for entry, sealed, name in rows[:count]
        ]

    def _opened(self, sealed: bytes, name: str) -> dict[str, Any]:
        try:
            plain = self._ring.open(sealed, kind="audit", record=name, principal="")
        except Unreadable:
            return {"event": UNREADABLE}
        return msgspec.json.decode(plain)
