"""Results kept under their run's id for a while, for whoever made them."""

import zlib
from datetime import timedelta

from storage import keys
from storage.connection import Redis
from storage.errors import NotFound
from storage.records import Principal
from storage.seal import KeyRing


class ResultStore:
    def __init__(self, redis: Redis, ring: KeyRing) -> None:
        self._redis = redis
        self._ring = ring

    async def add(self, run_id: str, principal: Principal, value: bytes, *, keep: timedelta) -> None:
        """Keep *value*, compressed, for whoever is the principal."""
        sealed = self._ring.seal(zlib.compress(value), kind="result", record=run_id, principal=principal.key)
        await self._redis.set(keys.result(principal.key, run_id), sealed, ex=keep)

    async def get(self, run_id: str, principal: Principal) -> bytes:
        """The value as it was added; NotFound when unknown, expired or another principal's."""
        sealed = await self._redis.get(keys.result(principal.key, run_id))
        if sealed is None:
            raise NotFound("no such result")
        return zlib.decompress(self._ring.open(sealed, kind="result", record=run_id, principal=principal.key))
