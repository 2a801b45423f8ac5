"""Sessions: known to every replica, and to nobody else."""

from datetime import timedelta

import msgspec
import pytest

from storage import keys
from storage.connection import Redis
from storage.errors import NotFound
from storage.records import Principal, Session
from storage.seal import KeyRing
from storage.sessions import SessionStore
from tests.servers import ValkeyServer

ME = Principal(client_id="me", issuer="here", subject="me")
YOU = Principal(client_id="you", issuer="here", subject="you")
SESSION = Session(
    id="s1", principal=ME, protocol_version="2025-11-25", initialize={"clientInfo": {"name": "canary"}}, created_at=1
)


@pytest.fixture
def sessions(redis: Redis, ring: KeyRing) -> SessionStore:
    return SessionStore(redis, ring, ttl=timedelta(minutes=5))


async def test_a_session_is_what_was_added_until_it_is_removed(sessions: SessionStore):
    """MCP, transports: DELETE ends it everywhere."""
    await sessions.add(SESSION)
    assert await sessions.get("s1", ME) == SESSION

    await sessions.remove("s1", ME)

    for again in (sessions.get("s1", ME), sessions.remove("s1", ME)):
        with pytest.raises(NotFound):
            await again


async def test_another_principal_can_neither_read_nor_remove_it(sessions: SessionStore):
    """MCP, security: possession of an id is not authentication."""
    await sessions.add(SESSION)

    for attempt in (sessions.get("s1", YOU), sessions.remove("s1", YOU)):
        with pytest.raises(NotFound):
            await attempt
    assert await sessions.get("s1", ME) == SESSION


async def test_reading_slides_the_time_to_live(sessions: SessionStore, valkey: ValkeyServer):
    """Ours: a session in use does not expire."""
    await sessions.add(SESSION)
    name = keys.session(ME.key, "s1")
    with valkey.client(0) as raw:
        raw.expire(name, 5)
        await sessions.get("s1", ME)

        assert raw.ttl(name) > 200


async def test_an_update_does_not_bring_back_an_ended_session(sessions: SessionStore):
    """Ours: a late writer cannot undo a DELETE."""
    await sessions.add(SESSION)
    await sessions.update(msgspec.structs.replace(SESSION, log_level="error"))
    assert (await sessions.get("s1", ME)).log_level == "error"
    await sessions.remove("s1", ME)

    await sessions.update(SESSION)

    with pytest.raises(NotFound):
        await sessions.get("s1", ME)


async def test_a_session_is_sealed(sessions: SessionStore, valkey: ValkeyServer):
    """Ours: what a client says of itself is not for readers of Redis."""
    await sessions.add(SESSION)

    with valkey.client(0) as raw:
        stored = raw.get(keys.session(ME.key, "s1"))

    assert b"canary" not in stored
    assert "me" not in keys.session(ME.key, "s1").split(":")
