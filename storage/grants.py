"""Grants with their codes and tokens. Only hashes of what we hand out are kept; every change is one script.

All keys of a grant share a hash slot, and every code and token names its grant, so that one round trip reads a token
together with what became of its grant: a revocation holds on every replica at the next request.
"""

import hashlib
import time
from collections.abc import AsyncGenerator, Sequence
from datetime import timedelta
from typing import Any, Final, cast

import msgspec
import structlog

from storage import grant_scripts, keys
from storage.clock import milliseconds
from storage.connection import Redis, Scripts
from storage.control import GrantRevoked, Opened, publish
from storage.errors import NotFound, Unreadable
from storage.records import Principal, new_id
from storage.seal import KeyRing

log = structlog.get_logger(__name__)

_REVOKED_TOKEN: Final = b"revoked"
CODE_TTL: Final = timedelta(seconds=60)
USED_FOR: Final = timedelta(minutes=10)
"""How long a code that was presented is remembered, and a grant that got no token is kept."""
UPSTREAM_LOCK: Final = timedelta(seconds=30)
"""How long one replica at most is the only one to ask a grant's provider."""
RETIRED: Final = 100
"""Used-up refresh tokens of a grant that are told from unknown ones."""


class Replayed(NotFound):
    """A code or refresh token came again that must not: its grant has just been revoked for it."""


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
    email: str = ""
    """As the provider verified it, for what depends on who the person is."""
    agreement: str = ""
    """What the browser's remembered consent is kept under, if it is."""


class Code(msgspec.Struct, frozen=True, kw_only=True):
    """What an authorization code is bound to (RFC 6749 4.1.3, RFC 7636, RFC 8707)."""

    client_id: str
    redirect_uri: str
    code_challenge: str
    scopes: tuple[str, ...]
    resource: str
    is_redirect_given: bool = True
    """Whether the authorization request held the redirect URI (RFC 6749 4.1.3)."""


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
            grant_scripts.ADD,
            names,
            [*self._sealed(grant, upstream), milliseconds(USED_FOR), sealed, milliseconds(CODE_TTL)],
        )
        await self._index(grant)

    async def add_for_client(self, grant: Grant, access_digest: str, access: Access) -> None:
        """Keep a grant without a person, and its one access token (RFC 6749 4.4)."""
        names = [keys.grant(grant.id), keys.access_token(grant.id, access_digest)]
        life = max(1, access.expires_at * 1000 - _now())
        value = msgspec.json.encode(access)
        await self._scripts.run(grant_scripts.ADD, names, [*self._sealed(grant, b""), life, value, life])
        await self._index(grant)

    async def take(self, grant_id: str, code_digest: str) -> tuple[Code, Grant]:
        """Use the code up, whatever becomes of it; NotFound when unknown, expired, used, or its grant revoked."""
        names = [keys.grant(grant_id), keys.code(grant_id, code_digest), keys.used_code(grant_id, code_digest)]
        answer: Any = await self._scripts.run(grant_scripts.TAKE, names, [milliseconds(USED_FOR)])
        if answer == 1:
            await publish(self._redis, GrantRevoked(grant=grant_id))
            raise Replayed("the code was presented twice")
        if answer == 0:
            raise NotFound("the code was presented before, and its grant had ended")
        code, record, revoked = cast("list[bytes | None]", answer) if isinstance(answer, list) else (None,) * 3
        if code is None or record is None or revoked is not None:
            raise NotFound("no such code")
        plain = self._ring.open(code, kind="code", record=grant_id, principal="")
        return msgspec.json.decode(plain, type=Code), self._grant(grant_id, record)

    async def issue(self, grant: Grant, access_digest: str, access: Access, refresh_digest: str = "") -> None:
        """Keep the first tokens of a grant; NotFound when it was revoked meanwhile."""
        names = [keys.grant(grant.id), keys.access_token(grant.id, access_digest)]
        life = max(1, access.expires_at * 1000 - _now())
        keep = self._life(grant) if refresh_digest else life
        if not await self._scripts.run(
            grant_scripts.ISSUE, names, [msgspec.json.encode(access), life, refresh_digest, keep]
        ):
            raise NotFound("the grant was revoked")

    async def find(self, grant_id: str) -> Grant | None:
        """The grant, unless it was revoked."""
        record, revoked = await self._redis.hmget(keys.grant(grant_id), ["record", "revoked"])
        return None if record is None or revoked is not None else self._readable(grant_id, record)

    async def find_ended(self, grant_id: str) -> Grant | None:
        """The grant, revoked or not."""
        record = await self._redis.hget(keys.grant(grant_id), "record")
        return None if record is None else self._readable(grant_id, record)

    async def find_access(self, grant_id: str, access_digest: str) -> tuple[Access, Grant] | None:
        """What an access token may do, and for whom; None when unknown, expired or revoked."""
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.get(keys.access_token(grant_id, access_digest))
            pipe.hmget(keys.grant(grant_id), ["record", "revoked"])
            access, (record, revoked) = await pipe.execute()
        if access in (None, _REVOKED_TOKEN) or record is None or revoked is not None:
            return None
        grant = self._readable(grant_id, record)
        return None if grant is None else (msgspec.json.decode(access, type=Access), grant)

    async def rotate(self, grant: Grant, old_digest: str, rotation: Rotation) -> bytes | None:
        """Replace a refresh token; the answer is None, or the sealed answer its first exchange got.

        NotFound when it is not the live one: then, if it ever was, the whole grant is revoked (RFC 9700 4.14.2).
        """
        names = [keys.grant(grant.id), keys.access_token(grant.id, rotation.access), keys.retired(grant.id)]
        life = max(1, rotation.holds.expires_at * 1000 - _now())
        holds = msgspec.json.encode(rotation.holds)
        answer = await self._scripts.run(
            grant_scripts.ROTATE,
            names,
            [old_digest, rotation.refresh, self._grace, rotation.answer, holds, life, self._life(grant), RETIRED],
        )
        what = answer[0].decode()
        if what == "reused":
            await publish(self._redis, GrantRevoked(grant=grant.id))
            raise Replayed("a used refresh token was presented again")
        if what == "gone":
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
        ended = bool(await self._scripts.run(grant_scripts.REVOKE, [keys.grant(grant_id)], [reason]))
        if ended:
            await publish(self._redis, GrantRevoked(grant=grant_id))
        return ended

    async def revoked(self, opened: Sequence[Opened]) -> list[GrantRevoked]:
        """What of it is not good any more. A token that only ran out is no reason to end what it opened in time."""
        async with self._redis.pipeline(transaction=False) as pipe:
            for grant_id, token in opened:
                pipe.hmget(keys.grant(grant_id), ["record", "revoked"])
                pipe.get(keys.access_token(grant_id, token))
            found: list[Any] = await pipe.execute()
        gone: list[GrantRevoked] = []
        for (grant_id, token), (record, revoked), access in zip(opened, found[::2], found[1::2], strict=True):
            if record is None or revoked is not None:
                gone.append(GrantRevoked(grant=grant_id))
            elif access == _REVOKED_TOKEN:
                gone.append(GrantRevoked(grant=grant_id, token=token))
        return gone

    async def upstream(self, grant: Grant) -> bytes:
        """The provider's tokens, as they were added."""
        sealed = await self._redis.hget(keys.grant(grant.id), "upstream")
        place = {"kind": "upstream", "record": grant.id, "principal": grant.principal.key}
        return self._ring.open(sealed, **place) if sealed else b""

    async def take_upstream(self, grant: Grant) -> bytes:
        """The provider's tokens of a grant that has ended, which are kept no longer; nothing when they are gone."""
        try:
            upstream = await self.upstream(grant)
        except Unreadable:
            upstream = b""
        await self._redis.hdel(keys.grant(grant.id), "upstream")
        return upstream

    async def has_other(self, grant: Grant) -> bool:
        """Whether the grant's person has another one that lives, through the same provider."""
        for grant_id in await self._redis.zrevrange(keys.person(_person(grant)), 0, -1):
            other = None if grant_id.decode() == grant.id else await self.find(grant_id.decode())
            if other is not None and _person(other) == _person(grant):
                return True
        return False

    async def lock_upstream(self, grant: Grant) -> str | None:
        """The lock of whoever may ask the provider now, for half a minute; None when somebody else does."""
        lock = new_id()
        is_ours = await self._redis.set(keys.upstream_lock(grant.id), lock.encode(), ex=UPSTREAM_LOCK, nx=True)
        return lock if is_ours else None

    async def keep_upstream(self, grant: Grant, upstream: bytes, lock: str) -> bool:
        """Replace the provider's tokens; False when the grant has ended, or the *lock* was lost."""
        sealed = self._ring.seal(upstream, kind="upstream", record=grant.id, principal=grant.principal.key)
        names = [keys.grant(grant.id), keys.upstream_lock(grant.id)]
        return bool(await self._scripts.run(grant_scripts.KEEP, names, [sealed, lock]))

    async def unlock_upstream(self, grant: Grant, lock: str) -> None:
        await self._scripts.run(grant_scripts.UNLOCK, [keys.upstream_lock(grant.id)], [lock])

    async def revoke_access(self, grant_id: str, access_digest: str) -> bool:
        """End one access token on every replica; False when it had ended."""
        name = keys.access_token(grant_id, access_digest)
        if not await self._scripts.run(grant_scripts.REVOKE_ACCESS, [name], [_REVOKED_TOKEN]):
            return False
        await publish(self._redis, GrantRevoked(grant=grant_id, token=access_digest))
        return True

    async def living(self) -> AsyncGenerator[Grant]:
        """Every grant that can still be used, newest first."""
        for grant_id in await self._redis.zrevrange(keys.GRANTS, 0, -1):
            if grant := await self.find(grant_id.decode()):
                yield grant

    async def _index(self, grant: Grant) -> None:
        left = max(1, grant.expires_at - _now())
        for name in (keys.GRANTS, keys.person(_person(grant))):
            await self._scripts.run(grant_scripts.INDEX, [name], [grant.id, grant.expires_at, left])

    def _sealed(self, grant: Grant, upstream: bytes) -> tuple[bytes, bytes]:
        record = self._ring.seal(msgspec.json.encode(grant), kind="grant", record=grant.id, principal="")
        kept = upstream and self._ring.seal(upstream, kind="upstream", record=grant.id, principal=grant.principal.key)
        return record, kept

    def _readable(self, grant_id: str, sealed: bytes) -> Grant | None:
        """The grant; None when it was changed, or its key is not in the ring any more: nobody comes in by it."""
        try:
            return self._grant(grant_id, sealed)
        except Unreadable:
            return None

    def _grant(self, grant_id: str, sealed: bytes) -> Grant:
        return msgspec.json.decode(self._ring.open(sealed, kind="grant", record=grant_id, principal=""), type=Grant)

    def _life(self, grant: Grant) -> int:
        return max(1, min(self._refresh_ttl, grant.expires_at - _now()))


def _person(grant: Grant) -> str:
    """Whoever signed in, at the provider where that was."""
    return msgspec.json.encode((grant.provider, grant.principal.issuer, grant.principal.subject)).decode()


def _now() -> int:
    return int(time.time() * 1000)
