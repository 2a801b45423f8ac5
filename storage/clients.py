"""Registered OAuth clients: those that are never used go soon, those that are stay while they are."""

from datetime import timedelta
from typing import Any, Final, Literal

import msgspec

from storage import keys
from storage.clock import NOW, milliseconds
from storage.connection import Redis, Scripts

UNUSED_FOR: Final = timedelta(days=1)
"""How long a client is kept that never got a token."""
USED_FOR: Final = timedelta(days=90)
"""How long one is kept after its last token."""
MOST_UNUSED: Final = 10_000
"""Clients that never got a token; one more ends the oldest of them."""

AuthMethod = Literal["none", "client_secret_basic", "client_secret_post", "private_key_jwt"]
Origin = Literal["registered", "document", "operator", "settings"]

# An index of clients by when they were used last; the answer is those there is no room for.
_NOTE: Final = (
    "#!lua flags=allow-oom"
    + NOW
    + """
local keep = tonumber(ARGV[2])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - keep)
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('PEXPIRE', KEYS[1], keep)
local over = redis.call('ZCARD', KEYS[1]) - tonumber(ARGV[3])
if over <= 0 then return {} end
local oldest = redis.call('ZRANGE', KEYS[1], 0, over - 1)
redis.call('ZREMRANGEBYRANK', KEYS[1], 0, over - 1)
return oldest
"""
)
_EVERY: Final = 1_000_000_000


class Client(msgspec.Struct, frozen=True, kw_only=True):
    """An MCP client program as it is known to us (RFC 7591 section 2)."""

    id: str
    name: str
    redirect_uris: tuple[str, ...]
    grant_types: tuple[str, ...] = ("authorization_code", "refresh_token")
    auth_method: AuthMethod = "none"
    secret_hash: str = ""
    scopes: tuple[str, ...] = ()
    """What an operator lets it ask for; empty for everything there is."""
    jwks: dict[str, Any] | None = None
    """Public keys that its assertions are signed with (private_key_jwt)."""
    created_at: int = 0
    origin: Origin = "registered"
    jwks_uri: str = ""
    """Where such keys are, if the client does not tell them itself."""


class ClientStore:
    def __init__(self, redis: Redis, *, most_unused: int = MOST_UNUSED) -> None:
        self._redis = redis
        self._scripts = Scripts(redis)
        self._most_unused = most_unused

    async def add(self, client: Client) -> None:
        """Keep a new client for as long as an unused one is; the oldest unused ones make room. Never over another."""
        await self._redis.set(keys.client(client.id), msgspec.json.encode(client), ex=UNUSED_FOR, nx=True)
        oldest = await self._note(keys.UNUSED_CLIENTS, client.id, UNUSED_FOR, self._most_unused)
        for client_id in oldest:
            await self.remove(client_id.decode())
        await self._note(keys.CLIENTS, client.id, USED_FOR, _EVERY)

    async def add_lasting(self, client: Client) -> None:
        """Keep a client that an operator added."""
        await self._redis.set(keys.client(client.id), msgspec.json.encode(client), ex=USED_FOR)
        await self._note(keys.CLIENTS, client.id, USED_FOR, _EVERY)

    async def find(self, client_id: str) -> Client | None:
        stored = await self._redis.get(keys.client(client_id))
        return None if stored is None else msgspec.json.decode(stored, type=Client)

    async def keep(self, client_id: str) -> None:
        """The client was used: it is kept as long as used ones are."""
        await self._redis.expire(keys.client(client_id), USED_FOR)
        await self._redis.zrem(keys.UNUSED_CLIENTS, client_id)
        await self._note(keys.CLIENTS, client_id, USED_FOR, _EVERY)

    async def remove(self, client_id: str) -> bool:
        """Forget a client; False when it is not there."""
        await self._redis.zrem(keys.UNUSED_CLIENTS, client_id)
        await self._redis.zrem(keys.CLIENTS, client_id)
        return bool(await self._redis.delete(keys.client(client_id)))

    async def known(self) -> list[Client]:
        """Every client, the one used last first."""
        ids = await self._redis.zrevrange(keys.CLIENTS, 0, -1)
        found = [await self.find(client_id.decode()) for client_id in ids]
        for client_id, client in zip(ids, found, strict=True):
            if client is None:
                await self._redis.zrem(keys.CLIENTS, client_id)
        return [client for client in found if client is not None]

    async def _note(self, index: str, client_id: str, keep: timedelta, most: int) -> list[bytes]:
        return await self._scripts.run(_NOTE, [index], [client_id, milliseconds(keep), most])
