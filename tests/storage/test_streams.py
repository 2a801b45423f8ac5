"""The streams of a session: stored before sent, and nobody else's."""

import time
from datetime import timedelta

import msgspec
import pytest

from storage.connection import Redis
from storage.errors import Unreadable
from storage.events import replay
from storage.records import Principal, Session
from storage.seal import KeyRing
from storage.streams import Message, StreamStore, Toggle
from tests.servers import ValkeyServer

ME = Principal(client_id="me", issuer="here", subject="me")
MINE = Session(id="mine", principal=ME, protocol_version="2025-11-25", initialize={}, created_at=1)
OTHER = msgspec.structs.replace(MINE, id="other")
HELLO = Message(msgspec.Raw(b'{"method":"hello canary"}'))


@pytest.fixture
def streams(redis: Redis, ring: KeyRing) -> StreamStore:
    return StreamStore(redis, ring)


async def test_a_stream_is_read_back_in_order_by_its_session_only(streams: StreamStore, redis: Redis):
    """Ours: event ids of one session mean nothing in another."""
    first = await streams.append(MINE, "s", HELLO)
    await streams.append(MINE, "s", Toggle("test://x", wanted=True))

    entries = await replay(redis, streams.log_of(MINE, "s"), after=first)

    assert [streams.decode(MINE, "s", payload) for _, payload in entries] == [Toggle("test://x", wanted=True)]
    assert await streams.newest(OTHER, "s") is None
    with pytest.raises(Unreadable):
        streams.decode(OTHER, "s", entries[0][1])
    with pytest.raises(Unreadable):
        streams.decode(MINE, "another stream", entries[0][1])


async def test_an_answer_reaches_whoever_waits_once(streams: StreamStore, redis: Redis):
    """Ours: the first answer of the session that was asked; not a second, not another session's, not a late one."""
    log = await streams.expect(MINE, "q.1", within=timedelta(minutes=1))

    foreign = await streams.reply(OTHER, "q.1", b'{"result":"theirs"}')
    taken = await streams.reply(MINE, "q.1", b'{"result":"mine"}')
    again = await streams.reply(MINE, "q.1", b'{"result":"again"}')

    ((_, payload),) = await replay(redis, log, after="0-0")
    assert (foreign, taken, again) == (False, True, False)
    assert streams.decode_reply(MINE, "q.1", payload) == b'{"result":"mine"}'
    await streams.expect(MINE, "q.2", within=timedelta(minutes=1))
    await streams.withdraw(MINE, "q.2")
    assert await streams.reply(MINE, "q.2", b"{}") is False


async def test_who_works_for_a_stream_is_known_until_the_lease_runs_out(streams: StreamStore):
    """Ours: the replica that goes on with it can tell a slow handler from a dead one."""
    assert await streams.lease(MINE, "s") is None

    now = time.time()
    await streams.own(MINE, "s", 7, now=now)

    lease = await streams.lease(MINE, "s")
    assert lease is not None
    assert (lease.request, lease.until) == (7, now + 30)
    assert await streams.lease(OTHER, "s") is None


async def test_a_request_leads_to_the_task_that_answers_it(streams: StreamStore):
    """Ours: a cancellation needs no replica that remembers the call."""
    await streams.add_call(MINE, 7, "task")

    assert await streams.find_call(MINE, 7) == "task"
    assert await streams.find_call(MINE, "7") == "task"
    assert await streams.find_call(OTHER, 7) is None


async def test_what_a_stream_carries_is_sealed(streams: StreamStore, valkey: ValkeyServer):
    """Ours: nothing a client is told is for readers of Redis."""
    await streams.append(MINE, "s", HELLO)

    with valkey.client(0) as raw:
        assert b"canary" not in str(raw.xrange(streams.log_of(MINE, "s"))).encode()
