"""How much one principal has at work, and which calls are known again."""

import asyncio
from datetime import timedelta

import pytest

from storage import keys
from storage.admission import Admission, Note, Repeat
from storage.connection import Redis
from storage.errors import TooMany
from storage.events import Ended
from storage.records import Principal, TaskRecord, new_id
from storage.seal import KeyRing
from storage.tasks import TaskStore
from tests.servers import ValkeyServer

ME = Principal(client_id="me", issuer="here", subject="me")
YOU = Principal(client_id="you", issuer="here", subject="you")
REPEAT = Repeat("key", "arguments", timedelta(minutes=1))


def a_record(principal: Principal = ME, queue: str = "default") -> TaskRecord:
    return TaskRecord(id=new_id(), tool="x", queue=queue, principal=principal, created_at=1, timeout_ms=60_000)


@pytest.fixture
def tasks(redis: Redis, ring: KeyRing) -> TaskStore:
    return TaskStore(redis, ring, result_ttl=timedelta(minutes=1))


@pytest.fixture
def admission(redis: Redis, ring: KeyRing) -> Admission:
    return Admission(redis, ring, most_active=3, most_queued=2)


async def admitted(admission: Admission, tasks: TaskStore, *, principal: Principal = ME) -> TaskRecord:
    record = a_record(principal)
    assert await admission.admit(record) is None
    await tasks.accept(record, b"{}")
    return record


async def test_a_principal_has_so_many_places_and_no_one_elses(admission: Admission, tasks: TaskStore):
    """Ours: the limit is a person's, and ended tasks give their places back."""
    mine = [await admitted(admission, tasks) for _ in range(3)]
    with pytest.raises(TooMany, match="you have 3 calls at work"):
        await admission.admit(a_record())
    await admitted(admission, tasks, principal=YOU)
    await tasks.cancel(mine[0], "no longer needed")

    assert await admission.admit(a_record()) is None


async def test_a_place_whose_task_was_never_accepted_is_given_away_in_time(
    admission: Admission, tasks: TaskStore, valkey: ValkeyServer
):
    """Ours: a replica that died in between costs a place for seconds, and not for ever."""
    lost = a_record()
    await admission.admit(lost)
    for _ in range(2):
        await admitted(admission, tasks)
    with pytest.raises(TooMany):
        await admission.admit(a_record())
    with valkey.client(0) as raw:
        raw.zadd(keys.active_tasks(ME.key), {lost.id: 1})

    assert await admission.admit(a_record()) is None


async def test_many_at_once_get_no_place_too_many(admission: Admission, tasks: TaskStore):
    """Ours: counted and taken in one step."""

    async def attempt() -> bool:
        record = a_record()
        try:
            await admission.admit(record)
        except TooMany:
            return False
        await tasks.accept(record, b"{}")
        return True

    assert sum(await asyncio.gather(*(attempt() for _ in range(20)))) == 3


async def test_a_full_queue_takes_no_more(admission: Admission, valkey: ValkeyServer):
    """Ours: counted where the broker keeps it; other queues go on."""
    with valkey.client(0) as raw:
        raw.rpush(keys.broker_queue("default"), "1", "2")
        raw.expire(keys.broker_queue("default"), 60)

    with pytest.raises(TooMany, match="2 jobs wait in the queue 'default'"):
        await admission.admit(a_record())
    assert await admission.admit(a_record(queue="other")) is None


async def test_a_repeat_key_stands_for_its_first_task_until_it_is_replaced(admission: Admission):
    """Ours: of two replacements at once one wins; another principal's key is another key."""
    first, second, third = a_record(), a_record(), a_record()
    assert await admission.admit(first, REPEAT) is None
    known = await admission.admit(second, REPEAT)
    assert known == Note(first.id, "arguments")
    assert await admission.admit(a_record(YOU), REPEAT) is None

    assert await admission.admit(second, REPEAT, instead=known) is None
    assert await admission.admit(third, REPEAT, instead=known) == Note(second.id, "arguments")


async def test_admitting_again_after_a_lost_answer_changes_nothing(admission: Admission):
    """Ours: redis-py sends a script again when the connection broke."""
    record = a_record()

    assert [await admission.admit(record, REPEAT) for _ in range(5)] == [None] * 5
    assert await admission.own(ME) == [record.id]


async def test_own_tasks_are_listed_newest_first_and_only_ones_own(admission: Admission, tasks: TaskStore):
    """Ours: what job_list shows; what has expired is left out, what has ended is not."""
    mine = [await admitted(admission, tasks) for _ in range(2)]
    await admitted(admission, tasks, principal=YOU)
    await admission.admit(a_record())
    claim = await tasks.claim(mine[0], "w")
    assert claim
    await tasks.finish(claim, Ended(status="completed"))

    found = await tasks.several(await admission.own(ME), ME)
    foreign = await tasks.several(await admission.own(ME), YOU)

    assert sorted(record.id for record, _ in found) == sorted(record.id for record in mine)
    assert foreign == []


def test_a_digest_says_nothing_without_the_ring(ring: KeyRing, redis: Redis):
    """Ours: the same for every replica, another under another ring; parts do not run together."""
    one = Admission(redis, ring, most_active=1, most_queued=1)
    same = Admission(redis, ring, most_active=1, most_queued=1)
    other = Admission(redis, KeyRing([bytes(32)]), most_active=1, most_queued=1)

    assert one.digest(b"a", b"bc") == same.digest(b"a", b"bc")
    assert len({one.digest(b"a", b"bc"), one.digest(b"ab", b"c"), other.digest(b"a", b"bc")}) == 3
