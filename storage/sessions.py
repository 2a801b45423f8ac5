"""Sessions of the handshake eras, known to every replica."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final, cast, get_args

import msgspec

from storage import keys, metrics
from storage.clock import NOW, milliseconds
from storage.connection import Redis, Scripts
from storage.control import SessionEnded, publish
from storage.errors import NotFound, TooMany
from storage.records import Principal, Session
from storage.seal import KeyRing
from storage.states import Level

MOST_SUBSCRIPTIONS: Final = 100

# Beyond the most a principal may have, the session that was idle longest goes: most clients never end theirs, and a
# refusal would lock them out for as long as sessions last. KEYS: session, index.
_ADD: Final = (
    NOW
    + """
local scope, record, level, ttl, most = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - ttl)
local over = redis.call('ZCARD', KEYS[2]) + 1 - most
local evicted = over > 0 and redis.call('ZRANGE', KEYS[2], 0, over - 1) or {}
for _, idle in ipairs(evicted) do
  redis.call('DEL', string.sub(KEYS[1], 1, -1 - #scope) .. idle)
  redis.call('ZREM', KEYS[2], idle)
end
redis.call('HSET', KEYS[1], 'record', record, 'level', level)
redis.call('PEXPIRE', KEYS[1], ttl)
redis.call('ZADD', KEYS[2], now, scope)
redis.call('PEXPIRE', KEYS[2], ttl)
return evicted
"""
)

# Reading is using: the time to live slides, and the session moves to the young end of its principal's list.
_USE: Final = (
    NOW
    + """
if redis.call('PEXPIRE', KEYS[1], ARGV[2]) == 0 then return false end
redis.call('ZADD', KEYS[2], now, ARGV[1])
redis.call('PEXPIRE', KEYS[2], ARGV[2])
if ARGV[3] == '0' then return 1 end
return redis.call('HGETALL', KEYS[1])
"""
)

# A session that ended meanwhile does not come back because a late request writes to it.
_SET: Final = """
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 and redis.call('HLEN', KEYS[1]) >= tonumber(ARGV[3]) then return -1 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
return 1
"""

_REMOVE: Final = """
redis.call('ZREM', KEYS[2], ARGV[1])
return redis.call('DEL', KEYS[1])
"""


class SessionStore:
    """One record per session; *ttl* slides with every use, and a principal has at most *most*.

    A session that has ended is one that is not there: its id has 256 random bits and is never given again.
    """

    def __init__(self, redis: Redis, ring: KeyRing, *, ttl: timedelta, most: int) -> None:
        self._redis = redis
        self._ring = ring
        self._ttl = milliseconds(ttl)
        self._most = most
        self._scripts = Scripts(redis)

    async def add(self, session: Session) -> None:
        sealed = self._seal("session", session, msgspec.json.encode(session))
        evicted = await self._run(_ADD, session, session.scope, sealed, session.log_level, self._ttl, self._most)
        metrics.SESSIONS_STARTED.inc()
        for scope in evicted:
            metrics.SESSIONS_ENDED.labels("limit").inc()
            await publish(self._redis, SessionEnded(session=scope.decode()))

    async def get(self, session_id: str, principal: Principal) -> Session:
        """Read the session and slide its time to live in one round trip.

        NotFound when unknown, expired or another principal's: they look alike.
        """
        named = _named(session_id, principal)
        fields = await self._run(_USE, named, named.scope, self._ttl, 1)
        if not fields:
            raise NotFound("no such session")
        return self._restored(named, dict(zip(fields[::2], fields[1::2], strict=True)))

    def _restored(self, named: Session, pairs: Mapping[bytes, bytes]) -> Session:
        """The session behind what is stored; Unreadable when that was changed, or is another's."""
        session = msgspec.json.decode(self._open("session", named, pairs.get(b"record", b"")), type=Session)
        subscribed = [value for field, value in pairs.items() if field.startswith(b"uri:")]
        level = pairs.get(b"level", b"").decode(errors="replace")
        return msgspec.structs.replace(
            session,
            # Nothing of the conversation hangs on it: one that nobody knows is as if it was never set.
            log_level=cast("Level", level) if level in get_args(Level) else session.log_level,
            subscriptions=frozenset(self._open("uri", named, value).decode() for value in subscribed),
        )

    async def touch(self, session: Session) -> bool:
        """Slide the time to live of a session whose client is connected; False when it has ended."""
        return bool(await self._run(_USE, session, session.scope, self._ttl, 0))

    async def set_level(self, session: Session, level: Level) -> None:
        await self._run(_SET, session, "level", level, 2)

    async def subscribe(self, session: Session, uri: str) -> None:
        """Remember that the client wants updates of *uri*. TooMany beyond MOST_SUBSCRIPTIONS."""
        sealed = self._seal("uri", session, uri.encode())
        answer = await self._run(_SET, session, f"uri:{keys.hashed(uri)}", sealed, MOST_SUBSCRIPTIONS + 2)
        if answer == -1:
            raise TooMany(f"a session may subscribe to {MOST_SUBSCRIPTIONS} resources")

    async def unsubscribe(self, session: Session, uri: str) -> None:
        await self._redis.hdel(keys.session(session.principal.key, session.scope), f"uri:{keys.hashed(uri)}")

    async def remove(self, session: Session) -> None:
        """End the session and its streams on every replica; NotFound when it has ended already."""
        if not await self._run(_REMOVE, session, session.scope):
            raise NotFound("no such session")
        metrics.SESSIONS_ENDED.labels("client").inc()
        await publish(self._redis, SessionEnded(session=session.scope))

    async def _run(self, script: str, session: Session, *args: bytes | str | float) -> Any:  # noqa: ANN401  # Lua's answer
        principal = session.principal.key
        touched = [keys.session(principal, session.scope), keys.sessions(principal)]
        return await self._scripts.run(script, touched, args)

    def _seal(self, kind: str, session: Session, plain: bytes) -> bytes:
        return self._ring.seal(plain, kind=kind, record=session.scope, principal=session.principal.key)

    def _open(self, kind: str, session: Session, sealed: bytes) -> bytes:
        return self._ring.open(sealed, kind=kind, record=session.scope, principal=session.principal.key)


def _named(session_id: str, principal: Principal) -> Session:
    """A session as far as a request names it: enough to find its keys."""
    return Session(id=session_id, principal=principal, protocol_version="", initialize={}, created_at=0)
