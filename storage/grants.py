"""Grants with their codes and tokens. Only hashes of what we hand out are kept; every change is one script.

All keys of a grant share a hash slot, and every code and token names its grant, so that one round trip reads a token
together with what became of its grant: a revocation holds on every replica at the next request.
"""

import hashlib
import time
from collections.abc import AsyncGenerator
from datetime import timedelta
from typing import Any, Final, cast

import msgspec

from storage import keys
from storage.clock import NOW, milliseconds
from storage.connection import Redis, Scripts
from storage.control import GrantRevoked, publish
from storage.errors import NotFound
from storage.records import Principal
from storage.seal import KeyRing

CODE_TTL: Final = timedelta(seconds=60)
USED_FOR: Final = timedelta(minutes=10)
"""How long a code that was presented is remembered, and a grant that got no token is kept."""
RETIRED: Final = 100
"""Used-up refresh tokens of a grant that are told from unknown ones."""

# Whatever ends a grant first is the reason; its tokens are looked up with the flag beside them.
_REVOKE: Final = """#!lua flags=allow-oom
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
return redis.call('HSETNX', KEYS[1], 'revoked', ARGV[1])
"""
_ADD: Final = """
redis.call('HSET', KEYS[1], 'record', ARGV[1], 'upstream', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
redis.call('SET', KEYS[2], ARGV[4], 'PX', ARGV[5])
return 1
"""
# Presenting a code uses it up before anything about it is checked; a second time revokes what it gave (RFC 6749 4.1.2).
_TAKE: Final = """#!lua flags=allow-oom
local code = redis.call('GET', KEYS[2])
if code then
  redis.call('DEL', KEYS[2])
  redis.call('SET', KEYS[3], '1', 'PX', ARGV[1])
  return {code, redis.call('HGET', KEYS[1], 'record'), redis.call('HGET', KEYS[1], 'revoked')}
end
if redis.call('EXISTS', KEYS[3]) == 1 and redis.call('EXISTS', KEYS[1]) == 1 then
  return redis.call('HSETNX', KEYS[1], 'revoked', 'its code was presented twice')
end
return false
"""
# Tokens of a grant that was revoked meanwhile are not issued.
_ISSUE: Final = """
if redis.call('HEXISTS', KEYS[1], 'record') == 0 or redis.call('HEXISTS', KEYS[1], 'revoked') == 1 then return 0 end
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
if ARGV[3] ~= '' then redis.call('HSET', KEYS[1], 'refresh', ARGV[3]) end
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return 1
"""
# Live: rotate. Just rotated and its successor unused: the same answer again. Used up long ago: somebody else has it.
_ROTATE: Final = (
    NOW
    + """
local old, new, grace = ARGV[1], ARGV[2], tonumber(ARGV[3])
local kept = redis.call('HMGET', KEYS[1], 'record', 'revoked', 'refresh', 'previous', 'rotated', 'answer')
if not kept[1] or kept[2] then return {'gone'} end
if kept[3] == old then
  redis.call('HSET', KEYS[1], 'refresh', new, 'previous', old, 'rotated', now, 'answer', ARGV[4])
  redis.call('SET', KEYS[2], ARGV[5], 'PX', ARGV[6])
  redis.call('ZADD', KEYS[3], now, old)
  redis.call('ZREMRANGEBYRANK', KEYS[3], 0, -1 - tonumber(ARGV[8]))
  redis.call('PEXPIRE', KEYS[3], ARGV[7])
  redis.call('PEXPIRE', KEYS[1], ARGV[7])
  return {'rotated'}
end
if kept[4] == old and now - tonumber(kept[5]) <= grace then return {'repeated', kept[6]} end
if not redis.call('ZSCORE', KEYS[3], old) then return {'gone'} end
redis.call('HSET', KEYS[1], 'revoked', 'a used refresh token was presented again')
return {'reused'}
"""
)
_KEEP: Final = """
if redis.call('EXISTS', KEYS[1]) == 1 then redis.call('HSET', KEYS[1], 'upstream', ARGV[1]) end
return 1
"""
_INDEX: Final = (
    NOW
    + """
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
"""
)


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """What a principal let a client do. Times are milliseconds since the epoch."""

    id: str
    principal: Principal
    scopes: tuple[str, ...]
    resource: str
    provider: str
    name: str = ""
    """How the provider calls the person: an e-mail address or a login, for operators to read."""
    created_at: int = 0
    expires_at: int = 0
    """When it ends at the latest, however often it is refreshed."""


class Code(msgspec.Struct, frozen=True, kw_only=True):
    """What an authorization code is bound to (RFC 6749 4.1.3, RFC 7636, RFC 8707)."""

    client_id: str
    redirect_uri: str
    code_challenge: str
    scopes: tuple[str, ...]
    resource: str


class Access(msgspec.Struct, frozen=True, kw_only=True):
    """What an access token lets its bearer do."""

    scopes: tuple[str, ...]
    resource: str
    expires_at: int
    """Seconds since the epoch."""


class Rotation(msgspec.Struct, frozen=True, kw_only=True):
    """What is to replace a refresh token: the hashes of the new pair, and the answer for a repeated request, sealed."""

    refresh: str
    access: str
    holds: Access
    answer: bytes


def digest(secret: str) -> str:
    """How a code or token is kept: it is random, so a plain hash says nothing."""
    return hashlib.sha256(secret.encode()).hexdigest()


class GrantStore:
    """*refresh_ttl* slides with every refresh."""

    def __init__(self, redis: Redis, ring: KeyRing, *, refresh_ttl: timedelta, grace: timedelta) -> None:
        self._redis = redis
        self._ring = ring
        self._scripts = Scripts(redis)
        self._refresh_ttl = milliseconds(refresh_ttl)
        self._grace = milliseconds(grace)

    async def add(self, grant: Grant, code_digest: str, code: Code, *, upstream: bytes = b"") -> None:
        """Keep a grant and the code that leads to it; it lasts only if the code is exchanged."""
        names = [keys.grant(grant.id), keys.code(grant.id, code_digest)]
        sealed = self._ring.seal(msgspec.json.encode(code), kind="code", record=grant.id, principal="")
        await self._scripts.run(
            _ADD, names, [*self._sealed(grant, upstream), milliseconds(USED_FOR), sealed, milliseconds(CODE_TTL)]
        )
        await self._index(grant)

    async def add_for_client(self, grant: Grant, access_digest: str, access: Access) -> None:
        """Keep a grant without a person, and its one access token (RFC 6749 4.4)."""
        names = [keys.grant(grant.id), keys.access_token(grant.id, access_digest)]
        life = max(1, access.expires_at * 1000 - _now())
        value = msgspec.json.encode(access)
        await self._scripts.run(_ADD, names, [*self._sealed(grant, b""), life, value, life])
        await self._index(grant)

    async def take(self, grant_id: str, code_digest: str) -> tuple[Code, Grant]:
        """Use the code up, whatever becomes of it; NotFound when unknown, expired, used, or its grant revoked."""
        names = [keys.grant(grant_id), keys.code(grant_id, code_digest), keys.used_code(grant_id, code_digest)]
        answer: Any = await self._scripts.run(_TAKE, names, [milliseconds(USED_FOR)])
        if answer == 1:
            await publish(self._redis, GrantRevoked(grant=grant_id))
        code, record, revoked = cast("list[bytes | None]", answer) if isinstance(answer, list) else (None,) * 3
        if code is None or record is None or revoked is not None:
            raise NotFound("no such code")
        plain = self._ring.open(code, kind="code", record=grant_id, principal="")
        return msgspec.json.decode(plain, type=Code), self._grant(grant_id, record)

    async def issue(self, grant: Grant, access_digest: str, access: Access, refresh_digest: str = "") -> None:
        """Keep the first tokens of a grant; NotFound when it was revoked meanwhile."""
        names = [keys.grant(grant.id), keys.access_token(grant.id, access_digest)]
        life = access.expires_at * 1000 - _now()
        keep = self._life(grant) if refresh_digest else life
        if not await self._scripts.run(_ISSUE, names, [msgspec.json.encode(access), life, refresh_digest, keep]):
            raise NotFound("the grant was revoked")

    async def find(self, grant_id: str) -> Grant | None:
        """The grant, unless it was revoked."""
        record, revoked = await self._redis.hmget(keys.grant(grant_id), ["record", "revoked"])
        return None if record is None or revoked is not None else self._grant(grant_id, record)

    async def find_access(self, grant_id: str, access_digest: str) -> tuple[Access, Grant] | None:
        """What an access token may do, and for whom; None when unknown, expired or revoked."""
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.get(keys.access_token(grant_id, access_digest))
            pipe.hmget(keys.grant(grant_id), ["record", "revoked"])
            access, (record, revoked) = await pipe.execute()
        if access is None or record is None or revoked is not None:
            return None
        return msgspec.json.decode(access, type=Access), self._grant(grant_id, record)

    async def rotate(self, grant: Grant, old_digest: str, rotation: Rotation) -> bytes | None:
        """Replace a refresh token; the answer is None, or the sealed answer its first exchange got.

        NotFound when it is not the live one: then, if it ever was, the whole grant is revoked (RFC 9700 4.14.2).
        """
        names = [keys.grant(grant.id), keys.access_token(grant.id, rotation.access), keys.retired(grant.id)]
        life = rotation.holds.expires_at * 1000 - _now()
        holds = msgspec.json.encode(rotation.holds)
        answer = await self._scripts.run(
            _ROTATE,
            names,
            [old_digest, rotation.refresh, self._grace, rotation.answer, holds, life, self._life(grant), RETIRED],
        )
        what = answer[0].decode()
        if what == "reused":
            await publish(self._redis, GrantRevoked(grant=grant.id))
        if what in ("gone", "reused"):
            raise NotFound(what)
        return answer[1] if what == "repeated" else None

    async def is_live_refresh(self, grant_id: str, refresh_digest: str) -> bool:
        return await self._redis.hget(keys.grant(grant_id), "refresh") == refresh_digest.encode()

    async def is_refresh(self, grant_id: str, refresh_digest: str) -> bool:
        """Whether this is the live refresh token of the grant, or was one lately."""
        if await self.is_live_refresh(grant_id, refresh_digest):
            return True
        return await self._redis.zscore(keys.retired(grant_id), refresh_digest) is not None

    async def revoke(self, grant_id: str, reason: str) -> bool:
        """End the grant on every replica; False when it had ended."""
        ended = bool(await self._scripts.run(_REVOKE, [keys.grant(grant_id)], [reason]))
        if ended:
            await publish(self._redis, GrantRevoked(grant=grant_id))
        return ended

    async def are_revoked(self, grant_ids: list[str]) -> list[bool]:
        async with self._redis.pipeline(transaction=False) as pipe:
            for grant_id in grant_ids:
                pipe.hmget(keys.grant(grant_id), ["record", "revoked"])
            found: list[Any] = await pipe.execute()
        return [record is None or revoked is not None for record, revoked in found]

    async def upstream(self, grant: Grant) -> bytes:
        """The provider's tokens, as they were added."""
        sealed = await self._redis.hget(keys.grant(grant.id), "upstream")
        if not sealed:
            return b""
        return self._ring.open(sealed, kind="upstream", record=grant.id, principal=grant.principal.key)

    async def lock_upstream(self, grant: Grant) -> bool:
        """Whether this caller is the one to ask the provider now; nobody else is for the next half minute."""
        return bool(await self._redis.set(keys.upstream_lock(grant.id), b"1", ex=timedelta(seconds=30), nx=True))

    async def keep_upstream(self, grant: Grant, upstream: bytes) -> None:
        """Replace the provider's tokens, unless the grant has ended."""
        sealed = self._ring.seal(upstream, kind="upstream", record=grant.id, principal=grant.principal.key)
        await self._scripts.run(_KEEP, [keys.grant(grant.id)], [sealed])

    async def unlock_upstream(self, grant: Grant) -> None:
        await self._redis.delete(keys.upstream_lock(grant.id))

    async def remove_access(self, grant_id: str, access_digest: str) -> None:
        await self._redis.delete(keys.access_token(grant_id, access_digest))

    async def living(self) -> AsyncGenerator[Grant]:
        """Every grant that can still be used, newest first."""
        for grant_id in await self._redis.zrevrange(keys.GRANTS, 0, -1):
            if grant := await self.find(grant_id.decode()):
                yield grant

    async def _index(self, grant: Grant) -> None:
        left = max(1, grant.expires_at - _now())
        await self._scripts.run(_INDEX, [keys.GRANTS], [grant.id, grant.expires_at, left])

    def _sealed(self, grant: Grant, upstream: bytes) -> tuple[bytes, bytes]:
        record = self._ring.seal(msgspec.json.encode(grant), kind="grant", record=grant.id, principal="")
        kept = upstream and self._ring.seal(upstream, kind="upstream", record=grant.id, principal=grant.principal.key)
        return record, kept

    def _grant(self, grant_id: str, sealed: bytes) -> Grant:
        return msgspec.json.decode(self._ring.open(sealed, kind="grant", record=grant_id, principal=""), type=Grant)

    def _life(self, grant: Grant) -> int:
        return max(1, min(self._refresh_ttl, grant.expires_at - _now()))


def _now() -> int:
    return int(time.time() * 1000)
