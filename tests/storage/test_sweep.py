"""After a sweep nothing that lives long needs an older key."""

import os
import time
from datetime import timedelta

import msgspec
import pytest

from storage.audit import AuditLog
from storage.connection import Redis
from storage.errors import Unreadable
from storage.grants import Access, Code, Grant, GrantStore
from storage.records import Principal, TaskRecord, new_id
from storage.results import ResultStore
from storage.seal import KeyRing
from storage.sessions import Session, SessionStore
from storage.sweep import Sweeper
from storage.tasks import TaskStore

OLD, NEW = os.urandom(32), os.urandom(32)
BEFORE, BOTH, AFTER = KeyRing([OLD]), KeyRing([NEW, OLD]), KeyRing([NEW])
ME = Principal(client_id="client", issuer="https://idp.example", subject="ada")
SESSION = Session(id="s1", principal=ME, protocol_version="2025-11-25", initialize={}, created_at=0)


def grants(redis: Redis, ring: KeyRing) -> GrantStore:
    return GrantStore(redis, ring, refresh_ttl=timedelta(days=1), grace=timedelta(seconds=30))


def sessions(redis: Redis, ring: KeyRing) -> SessionStore:
    return SessionStore(redis, ring, ttl=timedelta(hours=1), most=10)


def tasks(redis: Redis, ring: KeyRing) -> TaskStore:
    return TaskStore(redis, ring, result_ttl=timedelta(hours=1))


async def granted(redis: Redis) -> Grant:
    now = int(time.time() * 1000)
    grant = Grant(
        id=new_id(),
        principal=ME,
        scopes=("mcp:tools",),
        resource="https://mcp.example/mcp",
        provider="oidc",
        name="ada",
        created_at=now,
        expires_at=now + 86_400_000,
    )
    code = Code(
        client_id="client", redirect_uri="https://c.example/cb", code_challenge="x", scopes=(), resource=grant.resource
    )
    store = grants(redis, BEFORE)
    await store.add(grant, "code", code, upstream=b'{"refresh_token": "upstream"}')
    await store.take(grant.id, "code")
    access = Access(scopes=("mcp:tools",), resource=grant.resource, expires_at=now // 1000 + 600)
    await store.issue(grant, "access", access, "refresh")
    return grant


async def worked(redis: Redis) -> TaskRecord:
    """A task in its middle, with everything that one can have."""
    record = TaskRecord(
        id=new_id(),
        tool="echo",
        queue="default",
        principal=ME,
        created_at=0,
        timeout_ms=60_000,
        meta={"said": "by the client"},
    )
    store = tasks(redis, BEFORE)
    await store.accept(record, b"arguments")
    claim = await store.claim(record, "worker")
    assert claim
    await store.checkpoint(claim, b"half way")
    await store.ask(claim, {"name": {"message": "who?"}})
    await store.answer(record, "name", b'"Ada"')
    return record


async def test_everything_that_lives_long_is_readable_with_the_new_key_alone(redis: Redis):
    """Ours: grants, upstream tokens, sessions, results, tasks with their logs, the audit log."""
    grant, record = await granted(redis), await worked(redis)
    await sessions(redis, BEFORE).add(SESSION)
    await sessions(redis, BEFORE).subscribe(SESSION, "file:///a")
    await ResultStore(redis, BEFORE).add("r1", ME, b"a result", keep=timedelta(hours=1))
    for number in range(3):
        await AuditLog(redis, BEFORE).append({"event": f"event {number}"})
    before = [entry for entry, _ in await redis.xrange(tasks(redis, BEFORE).log_of(record), "-", "+")]

    done = await Sweeper(redis, BOTH).sweep()

    assert (done.changed, done.unreadable) == (0, 0)
    assert await grants(redis, AFTER).find(grant.id) == grant
    assert await grants(redis, AFTER).upstream(grant) == b'{"refresh_token": "upstream"}'
    assert (await sessions(redis, AFTER).get("s1", ME)).subscriptions == {"file:///a"}
    assert await ResultStore(redis, AFTER).get("r1", ME) == b"a result"
    assert [event["event"] for event in await AuditLog(redis, AFTER).newest(9)] == ["event 2", "event 1", "event 0"]
    found = await tasks(redis, AFTER).find(record.id)
    assert found == record
    assert (await tasks(redis, AFTER).answers(record, ["name"])) == {"name": b'"Ada"'}
    rows = await redis.xrange(tasks(redis, AFTER).log_of(record), "-", "+")
    assert [entry for entry, _ in rows] == before
    assert [tasks(redis, AFTER).decode(record, fields[b"e"]) for _, fields in rows]
    assert await Sweeper(redis, BOTH).sweep() == msgspec.structs.replace(done, renewed=0)


async def test_what_still_needs_an_old_key_is_said(redis: Redis):
    """Ours: by the key's id, with how long; after a sweep only what expires soon is left."""
    await granted(redis)
    old, new = BEFORE.first.hex(), AFTER.first.hex()

    before = await Sweeper(redis, BOTH).held()
    await Sweeper(redis, BOTH).sweep()
    after = await Sweeper(redis, BOTH).held()

    assert before[old].values > 0
    assert before[old].longest > 3600
    assert old not in after
    assert after[new].values == before[old].values


async def test_lives_are_not_made_longer(redis: Redis):
    """Ours: a value that is sealed again expires when it would have."""
    await ResultStore(redis, BEFORE).add("r1", ME, b"a result", keep=timedelta(minutes=1))
    await AuditLog(redis, BEFORE).append({"event": "x"})

    await Sweeper(redis, BOTH).sweep()

    lives = [await redis.pttl(name.decode()) async for name in redis.scan_iter("mcp:*", count=10)]
    assert min(lives) <= 60_000
    assert all(life > 0 for life in lives)


async def test_what_nobody_can_read_is_counted_and_left(redis: Redis):
    """Ours: a sweep ends in the face of it."""
    stranger = KeyRing([os.urandom(32)])
    await ResultStore(redis, stranger).add("r1", ME, b"a result", keep=timedelta(minutes=1))

    done = await Sweeper(redis, BOTH).sweep()

    assert (done.renewed, done.unreadable) == (0, 1)
    with pytest.raises(Unreadable):
        await ResultStore(redis, BOTH).get("r1", ME)
