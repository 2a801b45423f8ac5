"""Sessions: known to every replica, and to nobody else."""

import asyncio
from datetime import timedelta

import msgspec
import pytest

from storage import keys
from storage.connection import Redis
from storage.errors import NotFound, TooMany
from storage.records import Principal, Session
from storage.seal import KeyRing
from storage.sessions import MOST_SUBSCRIPTIONS, SessionStore
from tests.servers import ValkeyServer

ME = Principal(client_id="me", issuer="here", subject="me")
YOU = Principal(client_id="you", issuer="here", subject="you")
SESSION = Session(
    id="s1", principal=ME, protocol_version="2025-11-25", initialize={"clientInfo": {"name": "canary"}}, created_at=1
)


@pytest.fixture
def sessions(redis: Redis, ring: KeyRing) -> SessionStore:
    return SessionStore(redis, ring, ttl=timedelta(minutes=5), most=3)


async def test_a_session_is_what_was_added_until_it_is_removed(sessions: SessionStore):
    """MCP, transports: DELETE ends it everywhere."""
    await sessions.add(SESSION)
    assert await sessions.get("s1", ME) == SESSION

    await sessions.remove(SESSION)

    for again in (sessions.get("s1", ME), sessions.remove(SESSION)):
        with pytest.raises(NotFound):
            await again
    assert not await sessions.touch(SESSION)


async def test_another_principal_can_neither_read_nor_remove_it(sessions: SessionStore):
    """MCP, security: possession of an id is not authentication."""
    await sessions.add(SESSION)

    foreign = msgspec.structs.replace(SESSION, principal=YOU)

    for attempt in (sessions.get("s1", YOU), sessions.remove(foreign)):
        with pytest.raises(NotFound):
            await attempt
    assert await sessions.get("s1", ME) == SESSION


async def test_reading_slides_the_time_to_live(sessions: SessionStore, valkey: ValkeyServer):
    """Ours: a session in use does not expire."""
    await sessions.add(SESSION)
    name = keys.session(ME.key, SESSION.scope)
    with valkey.client(0) as raw:
        raw.expire(name, 5)
        await sessions.get("s1", ME)

        assert raw.ttl(name) > 200


async def test_an_update_does_not_bring_back_an_ended_session(sessions: SessionStore):
    """Ours: a late writer cannot undo a DELETE."""
    await sessions.add(SESSION)
    await sessions.set_level(SESSION, "error")
    assert (await sessions.get("s1", ME)).log_level == "error"
    await sessions.remove(SESSION)

    await sessions.set_level(SESSION, "debug")
    await sessions.subscribe(SESSION, "test://watched")

    with pytest.raises(NotFound):
        await sessions.get("s1", ME)


async def test_a_session_is_sealed(sessions: SessionStore, valkey: ValkeyServer):
    """Ours: what a client says of itself is not for readers of Redis."""
    await sessions.add(SESSION)

    with valkey.client(0) as raw:
        stored = raw.hgetall(keys.session(ME.key, SESSION.scope))

    assert b"canary" not in b"".join(stored.values())
    assert {"me", "s1"}.isdisjoint(keys.session(ME.key, SESSION.scope).split(":"))


async def test_subscriptions_belong_to_the_session_and_are_bounded(sessions: SessionStore):
    """Ours: two replicas may add at once, and one client cannot fill the store."""
    await sessions.add(SESSION)
    for number in range(MOST_SUBSCRIPTIONS):
        await sessions.subscribe(SESSION, f"test://{number}")
    await sessions.subscribe(SESSION, "test://0")

    with pytest.raises(TooMany, match=str(MOST_SUBSCRIPTIONS)):
        await sessions.subscribe(SESSION, "test://one-more")

    await sessions.unsubscribe(SESSION, "test://0")
    found = (await sessions.get("s1", ME)).subscriptions
    assert found == {f"test://{number}" for number in range(1, MOST_SUBSCRIPTIONS)}


async def test_one_session_too_many_ends_the_one_idle_longest(sessions: SessionStore):
    """Ours: most clients never end a session; a refusal would lock them out."""
    opened = [msgspec.structs.replace(SESSION, id=f"s{number}") for number in range(3)]
    for session in opened:
        await sessions.add(session)
        await asyncio.sleep(0.002)
    await sessions.get("s0", ME)
    await sessions.add(msgspec.structs.replace(SESSION, id="other", principal=YOU))

    await sessions.add(msgspec.structs.replace(SESSION, id="s3"))

    with pytest.raises(NotFound):
        await sessions.get("s1", ME)
    for kept in ("s0", "s2", "s3"):
        assert (await sessions.get(kept, ME)).id == kept
    assert (await sessions.get("other", YOU)).id == "other"
