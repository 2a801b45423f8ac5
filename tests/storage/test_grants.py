"""Grants: a code is good once, a refresh token is replaced once, and what is revoked is revoked everywhere."""

import asyncio
import time
from datetime import timedelta

import pytest

from storage import keys
from storage.connection import Redis
from storage.errors import NotFound
from storage.grants import Access, Code, Grant, GrantStore, Rotation, digest
from storage.records import Principal, new_id
from storage.seal import KeyRing
from tests.servers import ValkeyServer, until

WHO = Principal(client_id="app", issuer="https://id.example", subject="ada")
CODE = Code(
    client_id="app", redirect_uri="http://127.0.0.1/cb", code_challenge="c", scopes=("mcp:tools",), resource="r"
)


def new_grant() -> Grant:
    now = int(time.time() * 1000)
    return Grant(
        id=new_id(),
        principal=WHO,
        scopes=("mcp:tools",),
        resource="r",
        provider="local",
        name="canary@example.com",
        created_at=now,
        expires_at=now + 3_600_000,
    )


def access() -> Access:
    return Access(scopes=("mcp:tools",), resource="r", expires_at=int(time.time()) + 600)


def rotation(name: str) -> Rotation:
    return Rotation(refresh=digest(f"rt {name}"), access=digest(f"at {name}"), holds=access(), answer=name.encode())


@pytest.fixture
def grants(redis: Redis, ring: KeyRing) -> GrantStore:
    return GrantStore(redis, ring, refresh_ttl=timedelta(minutes=30), grace=timedelta(seconds=30))


async def begun(grants: GrantStore) -> Grant:
    """A grant with an access token and a refresh token called `0`."""
    grant = new_grant()
    await grants.add(grant, digest("code"), CODE)
    await grants.take(grant.id, digest("code"))
    await grants.issue(grant, digest("at 0"), access(), digest("rt 0"))
    return grant


async def test_fifty_that_present_a_code_at_once_get_at_most_one_answer(grants: GrantStore):
    """A18: and since somebody presented it twice, nobody keeps anything."""
    grant = new_grant()
    await grants.add(grant, digest("code"), CODE)

    answers = await asyncio.gather(*(grants.take(grant.id, digest("code")) for _ in range(50)), return_exceptions=True)

    taken = [answer for answer in answers if not isinstance(answer, BaseException)]
    assert len(taken) <= 1
    assert all(isinstance(answer, NotFound) for answer in answers if isinstance(answer, BaseException))
    assert await grants.find(grant.id) is None
    with pytest.raises(NotFound):
        await grants.issue(grant, digest("at"), access(), digest("rt"))


async def test_a_family_refreshed_by_many_at_once_moves_on_once(grants: GrantStore):
    """A21: whoever was not first gets the first one's answer."""
    grant = await begun(grants)

    answers = await asyncio.gather(*(grants.rotate(grant, digest("rt 0"), rotation(str(n))) for n in range(1, 21)))

    first = [n for n, answer in enumerate(answers, 1) if answer is None]
    assert len(first) == 1
    assert {answer for answer in answers if answer is not None} == {str(first[0]).encode()}


async def test_a_token_from_before_the_last_is_somebody_elses(grants: GrantStore):
    """A22: its successor was used, so it ends the grant; tokens that never were, do not."""
    grant = await begun(grants)
    await grants.rotate(grant, digest("rt 0"), rotation("1"))
    await grants.rotate(grant, digest("rt 1"), rotation("2"))
    with pytest.raises(NotFound, match="gone"):
        await grants.rotate(grant, digest("rt never"), rotation("x"))
    assert await grants.find_access(grant.id, digest("at 2"))

    with pytest.raises(NotFound, match="presented again"):
        await grants.rotate(grant, digest("rt 0"), rotation("x"))

    assert await grants.find_access(grant.id, digest("at 2")) is None
    with pytest.raises(NotFound, match="gone"):
        await grants.rotate(grant, digest("rt 2"), rotation("x"))


async def test_without_grace_the_second_use_is_the_end(redis: Redis, ring: KeyRing):
    """Ours: MCP_AUTH_REFRESH_GRACE=0 is strict; the clock is Redis's."""
    grants = GrantStore(redis, ring, refresh_ttl=timedelta(minutes=30), grace=timedelta(0))
    grant = await begun(grants)
    await grants.rotate(grant, digest("rt 0"), rotation("1"))
    rotated = (await redis.time())[1]
    while (await redis.time())[1] // 1000 == rotated // 1000:
        await asyncio.sleep(0)

    with pytest.raises(NotFound, match="presented again"):
        await grants.rotate(grant, digest("rt 0"), rotation("2"))


async def test_what_is_kept_says_nothing(grants: GrantStore, valkey: ValkeyServer):
    """A48: no name, no token, no upstream token, in no key and no value."""
    grant = new_grant()
    await grants.add(grant, digest("canary code"), CODE, upstream=b"canary upstream")

    with valkey.client(0) as raw:
        stored = b"".join(name + (raw.dump(name) or b"") for name in raw.keys("*"))

    assert b"canary" not in stored
    assert await grants.upstream(grant) == b"canary upstream"
    until(lambda: valkey.immortal_keys(0) == [], "every key expiring")
    assert keys.grant(grant.id).encode() in stored
