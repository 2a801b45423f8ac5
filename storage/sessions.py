"""Sessions of the handshake eras, known to every replica."""

from datetime import timedelta

import msgspec

from storage import keys
from storage.connection import Redis
from storage.errors import NotFound
from storage.records import Principal, Session
from storage.seal import KeyRing


class SessionStore:
    """One record per session; *ttl* slides with every request."""

    def __init__(self, redis: Redis, ring: KeyRing, *, ttl: timedelta) -> None:
        self._redis = redis
        self._ring = ring
        self._ttl = ttl

    async def add(self, session: Session) -> None:
        await self._redis.set(keys.session(session.principal.key, session.id), self._sealed(session), ex=self._ttl)

    async def get(self, session_id: str, principal: Principal) -> Session:
        """Read the session and slide its time to live in one round trip.

        NotFound when unknown, expired or another principal's: they look alike.
        """
        name = keys.session(principal.key, session_id)
        sealed = await self._redis.getex(name, ex=self._ttl)
        if sealed is None:
            raise NotFound("no such session")
        plain = self._ring.open(sealed, kind="session", record=session_id, principal=principal.key)
        return msgspec.json.decode(plain, type=Session)

    async def update(self, session: Session) -> None:
        """Replace the record unless the session has ended meanwhile."""
        name = keys.session(session.principal.key, session.id)
        await self._redis.set(name, self._sealed(session), ex=self._ttl, xx=True)

    async def remove(self, session_id: str, principal: Principal) -> None:
        """End the session on every replica; NotFound as for `get`."""
        removed = await self._redis.delete(keys.session(principal.key, session_id))
        if not removed:
            raise NotFound("no such session")

    async def abandon(self, message: bytes) -> None:
        """Tell every replica that a client gave up a request of its session."""
        await self._redis.publish(keys.ABANDON_CHANNEL, message)

    def _sealed(self, session: Session) -> bytes:
        plain = msgspec.json.encode(session)
        return self._ring.seal(plain, kind="session", record=session.id, principal=session.principal.key)
