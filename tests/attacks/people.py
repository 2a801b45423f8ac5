"""People whose access tokens are kept as the token endpoint keeps them, without a sign-in each, and their wires."""

import asyncio
import time
from collections.abc import Iterable
from datetime import timedelta

from pydantic import SecretStr

from auth.tokens import digest, new_token
from storage.connection import connect
from storage.grants import Access, Grant, GrantStore
from storage.records import Principal, new_id
from storage.seal import KeyRing, decode_key
from storage.settings import StorageSettings
from tests.clients import HANDSHAKE, MODERN, Wire, request
from tests.oauth import BASIC
from tests.servers import Stack
from tests.sse import Event

HOUR = 3600


def person(subject: str, client: str = "client") -> Principal:
    """Somebody, and the client they use."""
    return Principal(client_id=client, issuer="test", subject=subject)


def let_in(stack: Stack, principals: Iterable[Principal], scopes: str = BASIC) -> list[str]:
    """An access token for each of them, all of different grants."""
    return asyncio.run(_let_in(stack, list(principals), tuple(scopes.split())))


async def _let_in(stack: Stack, principals: list[Principal], scopes: tuple[str, ...]) -> list[str]:
    redis = connect(StorageSettings(redis_url=SecretStr(stack.redis_url)))
    ring = KeyRing([decode_key(stack.settings["MCP_SECRET_KEYS"])])
    grants = GrantStore(redis, ring, refresh_ttl=timedelta(hours=1), grace=timedelta(0))
    ends, resource = int(time.time()) + HOUR, f"{stack.url}/mcp"
    access = Access(scopes=scopes, resource=resource, expires_at=ends)
    found: list[str] = []
    for principal in principals:
        grant = Grant(
            id=new_id(),
            principal=principal,
            scopes=scopes,
            resource=resource,
            provider="test",
            expires_at=ends * 1000,
        )
        found.append(new_token("at", grant.id))
        await grants.add_for_client(grant, digest(found[-1]), access)
    await redis.aclose()
    return found


def as_one(url: str, token: str, *, session: str | None = None, version: str | None = None) -> Wire:
    """A wire with that token; with *session* it speaks a handshake version."""
    wire = Wire(url, version=version or (HANDSHAKE if session else MODERN), session=session)
    wire.http.headers["authorization"] = f"Bearer {token}"
    return wire


def in_session(url: str, token: str, capabilities: dict[str, object] | None = None) -> Wire:
    """The same with a session of its own, whose client says it can do so much."""
    wire = as_one(url, token, version=HANDSHAKE)
    params = {
        "protocolVersion": HANDSHAKE,
        "capabilities": capabilities or {},
        "clientInfo": {"name": "t", "version": "1"},
    }
    answer = wire.http.post(url, json=request("initialize", params), headers=wire.headers("", {}))
    wire.session = answer.headers["mcp-session-id"]
    return wire


def moved(wire: Wire, url: str, token: str | None = None) -> Wire:
    """The same session at another replica, or with another token."""
    kept = wire.http.headers["authorization"].removeprefix("Bearer ")
    return as_one(url, token or kept, session=wire.session, version=wire.version)


def id_of(event: Event) -> str:
    assert event.id is not None
    return event.id
