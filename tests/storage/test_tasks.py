"""The life of a task, as the scripts keep it: races, repeats and endings."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

import pytest

from storage import keys
from storage.connection import Redis
from storage.errors import NotFound, StaleAttempt, Unreadable
from storage.events import Ended, Event, Log, Progress, Status, replay
from storage.records import NOTHING_DONE, Claim, Principal, TaskRecord, new_id
from storage.seal import KeyRing
from storage.states import ENDINGS
from storage.tasks import TaskStore
from tests.scraped import counted
from tests.servers import ValkeyServer

ME = Principal(client_id="me", issuer="here", subject="me")
YOU = Principal(client_id="you", issuer="here", subject="you")


def a_record(*, rerun: bool = True, max_attempts: int = 3, wait_ms: int = 3_600_000) -> TaskRecord:
    return TaskRecord(
        id=new_id(),
        tool="streaming",
        queue="default",
        principal=ME,
        created_at=1,
        timeout_ms=60_000,
        rerun=rerun,
        max_attempts=max_attempts,
        wait_ms=wait_ms,
    )


@pytest.fixture
def tasks(redis: Redis, ring: KeyRing) -> TaskStore:
    return TaskStore(redis, ring, result_ttl=timedelta(minutes=1))


@pytest.fixture
def expire(valkey: ValkeyServer) -> Callable[[TaskRecord], None]:
    """Make the lease of a task run out, and make it due, without waiting for either."""

    def make(record: TaskRecord) -> None:
        with valkey.client(0) as raw:
            if raw.hget(keys.task(record.id), "lease"):
                raw.hset(keys.task(record.id), "lease", 1)
            raw.zadd(keys.deadlines(record.id), {record.id: 1})

    return make


async def accepted(tasks: TaskStore, record: TaskRecord | None = None) -> TaskRecord:
    record = record or a_record()
    await tasks.accept(record, b'{"count": 5}')
    return record


async def claimed(tasks: TaskStore, record: TaskRecord | None = None) -> Claim:
    record = await accepted(tasks, record)
    claim = await tasks.claim(record, "w1")
    assert claim is not None
    return claim


async def events(redis: Redis, tasks: TaskStore, record: TaskRecord) -> list[Event]:
    return [tasks.decode(record, payload) for _, payload in await replay(redis, tasks.log_of(record), after="0-0")]


async def test_what_is_accepted_is_found_with_its_arguments_by_the_claim(tasks: TaskStore):
    """Ours: accepting writes record, first event and deadline at once."""
    claim = await claimed(tasks)

    assert claim.arguments == b'{"count": 5}'
    assert (claim.attempt, claim.progress, claim.checkpoint) == (1, NOTHING_DONE, None)


async def test_accepting_again_after_a_lost_answer_changes_nothing(tasks: TaskStore, redis: Redis):
    """Ours: redis-py repeats a command whose answer was lost."""
    record = await accepted(tasks)

    await tasks.accept(record, b"other")
    claim = await tasks.claim(record, "w1")

    assert claim is not None
    assert claim.arguments == b'{"count": 5}'
    assert [type(event) for event in await events(redis, tasks, record)] == [Status, Status]


async def test_an_id_cannot_be_taken_twice(tasks: TaskStore):
    """Ours: another record under the same id is refused."""
    record = await accepted(tasks)
    other = TaskRecord(**{name: getattr(record, name) for name in record.__struct_fields__ if name != "tool"}, tool="x")

    with pytest.raises(ValueError, match="exists already"):
        await tasks.accept(other, b"{}")


async def test_one_of_twenty_concurrent_claims_gets_the_task(tasks: TaskStore):
    """Ours: a duplicate delivery finds the lease held."""
    record = await accepted(tasks)

    claims = await asyncio.gather(*(tasks.claim(record, f"w{number}") for number in range(20)))

    assert sum(claim is not None for claim in claims) == 1


async def test_progress_never_goes_back(tasks: TaskStore, redis: Redis):
    """MCP, progress: the value increases; whatever does not is dropped by the store."""
    claim = await claimed(tasks)
    steps = [1.0, 3.0, 2.0, 3.0, 4.0]

    await tasks.append(claim, 1, [(step, Progress(done=step)) for step in steps])

    seen = [event.done for event in await events(redis, tasks, claim.record) if isinstance(event, Progress)]
    assert seen == [1.0, 3.0, 4.0]


async def test_a_batch_sent_again_after_a_lost_answer_is_not_added_twice(tasks: TaskStore, redis: Redis):
    """Ours: a batch is known by its number."""
    claim = await claimed(tasks)
    for _ in range(2):
        await tasks.append(claim, 1, [(None, Log(level="info", message="once"))])

    logged = [event for event in await events(redis, tasks, claim.record) if isinstance(event, Log)]
    assert len(logged) == 1


@pytest.mark.parametrize("ending", sorted(ENDINGS))
async def test_the_first_final_status_wins(tasks: TaskStore, redis: Redis, ending: str):
    """Ours: no script leads out of an ending, whichever process tries."""
    claim = await claimed(tasks)
    assert await tasks.finish(claim, Ended(status=ending))  # pyright: ignore[reportArgumentType]

    again = [await tasks.finish(claim, Ended(status=other)) for other in ("completed", "failed")]
    cancelled = await tasks.cancel(claim.record, "late")
    standing = await tasks.append(claim, 1, [(9.0, Progress(done=9))])
    retaken = await tasks.claim(claim.record, "w2")

    assert (again, cancelled, standing, retaken) == ([False, False], ending, "lost", None)
    assert await tasks.release(claim) is False
    ends = [event for event in await events(redis, tasks, claim.record) if isinstance(event, Ended)]
    assert [event.status for event in ends] == [ending]


async def test_the_last_event_is_the_result(tasks: TaskStore):
    """Ours: there is no result backend."""
    claim = await claimed(tasks)
    assert await tasks.ending(claim.record) is None

    await tasks.finish(claim, Ended(status="completed", outcome={"content": []}))

    assert await tasks.ending(claim.record) == Ended(status="completed", outcome={"content": []})


async def test_a_cancelled_task_stays_cancelled_when_the_worker_finishes_late(tasks: TaskStore):
    """Ours: cancelled while queued, so nobody may claim it any more."""
    record = await accepted(tasks)

    assert await tasks.cancel(record, "not needed") == "cancelled"

    assert await tasks.claim(record, "w1") is None
    assert await tasks.ending(record) == Ended(status="cancelled", message="not needed")


async def test_a_running_task_hears_of_its_cancellation_with_every_write(tasks: TaskStore):
    """Ours: by heartbeat and by event, beside the message that may be lost."""
    claim = await claimed(tasks)

    assert await tasks.cancel(claim.record, "stop") == "working"

    assert await tasks.beat(claim) == "cancel"
    assert await tasks.append(claim, 1, [(1.0, Progress(done=1))]) == "cancel"
    assert await tasks.release(claim) is False


async def test_an_expired_lease_lets_another_take_the_task_and_refuses_the_first(
    tasks: TaskStore, redis: Redis, expire: Callable[[TaskRecord], None]
):
    """Ours: the attempt number fences every write of the old holder."""
    old = await claimed(tasks)
    await tasks.append(old, 1, [(5.0, Progress(done=5))])
    await tasks.checkpoint(old, b'"half"')
    expire(old.record)

    assert await tasks.reap(old.record.id) == old.record
    new = await tasks.claim(old.record, "w2")

    assert new is not None
    assert (new.attempt, new.progress, new.checkpoint) == (2, 5.0, b'"half"')
    assert await tasks.beat(old) == "lost"
    assert await tasks.append(old, 2, [(9.0, Progress(done=9))]) == "lost"
    assert await tasks.finish(old, Ended(status="completed")) is False
    with pytest.raises(StaleAttempt):
        await tasks.checkpoint(old, b'"late"')
    assert await tasks.append(new, 1, [(3.0, Progress(done=3)), (6.0, Progress(done=6))]) == "held"
    seen = [event.done for event in await events(redis, tasks, old.record) if isinstance(event, Progress)]
    assert seen == [5.0, 6.0]


async def test_a_released_task_goes_to_another_and_the_first_is_refused(tasks: TaskStore):
    """Ours: a worker that stops hands its task back, at no cost in attempts."""
    record = a_record(max_attempts=1)
    old = await claimed(tasks, record)

    assert await tasks.release(old) is True
    assert await tasks.reap(record.id) == record
    new = await tasks.claim(record, "w2")

    assert new is not None
    assert new.attempt > old.attempt
    assert await tasks.finish(old, Ended(status="completed")) is False
    assert await tasks.finish(new, Ended(status="completed")) is True


async def test_a_live_lease_is_left_alone(tasks: TaskStore, valkey: ValkeyServer):
    """Ours: a due entry without an expired lease is only put off."""
    claim = await claimed(tasks)
    with valkey.client(0) as raw:
        raw.zadd(keys.deadlines(claim.record.id), {claim.record.id: 1})

    assert await tasks.reap(claim.record.id) is None

    assert await tasks.beat(claim) == "held"
    assert await tasks.due() == []


async def test_a_task_that_dies_each_time_is_given_up(tasks: TaskStore, expire: Callable[[TaskRecord], None]):
    """Ours: a poison task ends `failed` when its attempts are used up."""
    record = await accepted(tasks, a_record(max_attempts=2))
    for attempt in (1, 2):
        claim = await tasks.claim(record, "w")
        assert claim is not None
        assert claim.attempt == attempt
        expire(record)
        await tasks.reap(record.id)

    ending = await tasks.ending(record)

    assert ending is not None
    assert ending.status == "failed"
    assert "2 attempts" in ending.message


async def test_a_task_that_must_not_run_twice_ends_interrupted(tasks: TaskStore, expire: Callable[[TaskRecord], None]):
    """Ours: and says so."""
    claim = await claimed(tasks, a_record(rerun=False))
    expire(claim.record)

    assert await tasks.reap(claim.record.id) is None

    ending = await tasks.ending(claim.record)
    assert ending is not None
    assert ending.status == "interrupted"


async def test_a_cancelled_task_whose_worker_died_ends_cancelled(
    tasks: TaskStore, expire: Callable[[TaskRecord], None]
):
    """Ours: the wish to cancel outlives the worker that should have heard it."""
    claim = await claimed(tasks)
    await tasks.cancel(claim.record, "stop")
    expire(claim.record)

    await tasks.reap(claim.record.id)

    ending = await tasks.ending(claim.record)
    assert ending is not None
    assert ending.status == "cancelled"


async def test_a_message_that_was_lost_is_sent_again_ever_more_rarely(
    tasks: TaskStore, valkey: ValkeyServer, expire: Callable[[TaskRecord], None]
):
    """Ours: the record is the truth, the message a hint."""
    record = await accepted(tasks)
    waits: list[float] = []
    for _ in range(3):
        expire(record)
        assert await tasks.due() == [record.id]
        assert await tasks.reap(record.id) == record
        with valkey.client(0) as raw:
            seconds, _micros = raw.time()
            waits.append(raw.zscore(keys.deadlines(record.id), record.id) / 1000 - seconds)

    assert waits[0] < waits[1] < waits[2]


async def test_two_reapers_at_once_send_once(tasks: TaskStore, expire: Callable[[TaskRecord], None]):
    """Ours: every process reaps, and one of them acts."""
    record = await accepted(tasks)
    expire(record)

    answers = await asyncio.gather(*(tasks.reap(record.id) for _ in range(10)))

    assert sum(answer is not None for answer in answers) == 1


async def test_a_task_that_nobody_ever_takes_is_given_up(tasks: TaskStore, expire: Callable[[TaskRecord], None]):
    """Ours: accepted work always ends."""
    record = await accepted(tasks, a_record(wait_ms=-1))
    expire(record)

    assert await tasks.reap(record.id) is None

    ending = await tasks.ending(record)
    assert ending is not None
    assert ending.status == "failed"
    assert "took streaming in time" in ending.message


async def test_a_task_that_ran_for_long_may_wait_for_its_next_worker(
    tasks: TaskStore, expire: Callable[[TaskRecord], None], valkey: ValkeyServer
):
    """Ours: the time in the queue counts from when it came there, not from when the task was made."""
    claim = await claimed(tasks, a_record(wait_ms=60_000))
    with valkey.client(0) as raw:
        raw.hset(keys.task(claim.record.id), "updated", 1)
    expire(claim.record)

    first = await tasks.reap(claim.record.id)
    expire(claim.record)
    second = await tasks.reap(claim.record.id)

    assert first == second == claim.record


async def test_another_principal_sees_nothing(tasks: TaskStore):
    """Ours: foreign and unknown look alike."""
    record = await accepted(tasks)

    found, state = await tasks.get(record.id, ME)
    assert (found, state.status) == (record, "queued")
    for task_id, principal in ((record.id, YOU), (new_id(), ME)):
        with pytest.raises(NotFound, match="no such task"):
            await tasks.get(task_id, principal)


async def test_nothing_of_a_task_lies_in_the_open(tasks: TaskStore, valkey: ValkeyServer):
    """Ours: arguments, checkpoints, events and results are sealed."""
    record = a_record()
    await tasks.accept(record, b'{"x": "canary-arguments"}')
    claim = await tasks.claim(record, "w1")
    assert claim is not None
    await tasks.checkpoint(claim, b'"canary-checkpoint"')
    await tasks.append(claim, 1, [(1.0, Progress(done=1, message="canary-event", data="canary-data"))])
    await tasks.finish(claim, Ended(status="completed", outcome="canary-result"))

    with valkey.client(0) as raw:
        everything = b"".join(raw.dump(name) or b"" for name in raw.keys("*"))

    assert b"streaming" in everything
    assert b"canary" not in everything


async def test_a_sealed_event_does_not_open_under_another_task(tasks: TaskStore, redis: Redis):
    """Ours: a value moved elsewhere is refused."""
    one, other = await accepted(tasks), await accepted(tasks)
    (_, payload), *_ = await replay(redis, tasks.log_of(one), after="0-0")

    with pytest.raises(Unreadable):
        tasks.decode(other, payload)


async def test_a_lease_that_ran_out_is_counted_by_who_found_it(tasks: TaskStore, expire: Callable[[TaskRecord], None]):
    """Ours: taken up again or given up, but not a message that was only sent again, nor a task nobody took."""
    before = counted("mcp_leases_lost_total")
    for record in (a_record(), a_record(rerun=False), a_record(max_attempts=1)):
        await claimed(tasks, record)
        expire(record)
        await tasks.reap(record.id)
    queued, untaken = await accepted(tasks), await accepted(tasks, a_record(wait_ms=-1))
    for record in (queued, untaken):
        expire(record)
        await tasks.reap(record.id)

    ending = await tasks.ending(untaken)

    assert counted("mcp_leases_lost_total") == before + 3
    assert ending is not None
    assert "took streaming in time" in ending.message
