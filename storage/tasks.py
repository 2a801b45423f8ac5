"""The task store: what was accepted, who holds it, how it ended."""

import contextlib
import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Literal, cast

import msgspec

from storage import keys, metrics, scripts
from storage.clock import milliseconds
from storage.connection import Redis, Scripts
from storage.errors import NotFound, StaleAttempt, Unreadable
from storage.events import Asked, Ended, Event, Status, Withdrawn
from storage.records import NOTHING_DONE, Claim, Principal, TaskRecord, TaskState, new_id
from storage.seal import KeyRing
from storage.states import Status as TaskStatus
from storage.states import is_ended
from storage.task_seal import TaskSeal, of_arguments

LEASE = timedelta(seconds=10)
"""How long a worker may stay silent before its task is taken from it."""
GRACE = timedelta(seconds=4)
"""How long a queued task waits for a worker before its message is sent again; doubles with each, to a minute."""
POSTPONED = timedelta(minutes=1)
"""How long the reaper leaves a task alone that it cannot look at."""

_LEASE_RAN_OUT = (b"taken", b"cancelled", b"failed", b"interrupted")
"""What the reaper's script answers of a task whose worker fell silent."""
_STATE = ("record", "status", "attempt", "progress", "cancel", "worker", "updated")

Standing = Literal["held", "cancel", "lost"]
"""What a writer learns with every write: carry on, stop because cancel was asked, or stop because it is not yours."""


OnEnd = Callable[[TaskRecord, Ended], None]
"""Told of each ending by the process that wrote it, once."""


class TaskStore:
    """Every read and write of a task. *result_ttl* is how long an ended task stays readable."""

    def __init__(
        self, redis: Redis, ring: KeyRing, *, result_ttl: timedelta, on_end: OnEnd = lambda record, ending: None
    ) -> None:
        self._redis = redis
        self._on_end = on_end
        self._sealer = TaskSeal(ring)
        self.result_ttl = result_ttl
        self._ttl = milliseconds(result_ttl)
        self._scripts = Scripts(redis)

    async def accept(self, record: TaskRecord, arguments: bytes) -> None:
        """Write the task, its first event and its deadline, or nothing. ValueError when the id is taken."""
        accepted = await self._run(
            scripts.ACCEPT,
            record.id,
            self._sealer.pack(record),
            self._sealer.seal(of_arguments(record), record, arguments),
            self._sealer.event(record, Status(status="queued")),
            record.timeout_ms + scripts.ACTIVE_MARGIN_MS,
            milliseconds(GRACE),
            hashlib.sha256(msgspec.json.encode(record)).hexdigest(),
        )
        if not accepted:
            raise ValueError(f"task {record.id} exists already")

    async def find(self, task_id: str) -> TaskRecord | None:
        """What was accepted under *task_id*, whoever asks; None when unknown, expired or not readable."""
        try:
            return await self._load(task_id)
        except Unreadable:
            return None

    async def _load(self, task_id: str) -> TaskRecord | None:
        raw = await self._redis.hget(keys.task(task_id), "record")
        return None if raw is None else self._sealer.unpack(task_id, raw)

    async def get(self, task_id: str, principal: Principal) -> tuple[TaskRecord, TaskState]:
        """The task of this *principal*; NotFound when unknown, expired or another's."""
        found = self._record_and_state(task_id, await self._redis.hmget(keys.task(task_id), _STATE))
        if found is None or found[0].principal != principal:
            raise NotFound("no such task")
        return found

    async def several(self, task_ids: Sequence[str], principal: Principal) -> list[tuple[TaskRecord, TaskState]]:
        """Those of the tasks that are there and this *principal*'s, in the order given."""
        async with self._redis.pipeline(transaction=False) as pipe:
            for task_id in task_ids:
                pipe.hmget(keys.task(task_id), _STATE)
            rows = cast("list[list[bytes | None]]", await pipe.execute())
        found: list[tuple[TaskRecord, TaskState]] = []
        for task_id, row in zip(task_ids, rows, strict=True):
            with contextlib.suppress(Unreadable):
                if (each := self._record_and_state(task_id, row)) and each[0].principal == principal:
                    found.append(each)
        return found

    async def at_work(self, principal: Principal) -> list[TaskRecord]:
        """What was accepted of a *principal* and has not ended."""
        ids = await self._redis.zrevrange(keys.active_tasks(principal.key), 0, -1)
        found = await self.several([task_id.decode() for task_id in ids], principal)
        return [record for record, state in found if not is_ended(state.status)]

    async def ending(self, record: TaskRecord) -> Ended | None:
        """How the task ended, its result included: always the last event of its log. None while it has not."""
        newest = await self.newest(record)
        return newest[1] if newest and isinstance(newest[1], Ended) else None

    async def recent(self, record: TaskRecord, count: int = 20) -> list[Event]:
        """The last events of the task's log, newest first."""
        rows = await self._redis.xrevrange(keys.task_log(record.id), count=count)
        return [self.decode(record, fields[b"e"]) for _, fields in rows]

    async def newest(self, record: TaskRecord) -> tuple[str, Event] | None:
        """The last event of the task's log and its id; None once the log has expired."""
        rows = await self._redis.xrevrange(keys.task_log(record.id), count=1)
        return (rows[0][0].decode(), self.decode(record, rows[0][1][b"e"])) if rows else None

    async def claim(self, record: TaskRecord, worker: str, token: str | None = None) -> Claim | None:
        """Take the task for *worker*, or None: another holds it, it ended, or its attempts are used up.

        The same *token* again finds the claim that it made, when the answer was lost. Unreadable when somebody changed
        what is to be run: then the task has failed.
        """
        answer = await self._run(
            scripts.CLAIM,
            record.id,
            worker,
            milliseconds(LEASE),
            self._sealer.event(record, Status(status="working", worker=worker)),
            record.max_attempts,
            token or new_id(),
        )
        if answer is None:
            return None
        attempt, arguments, progress, checkpoint = answer
        claim = Claim(record=record, attempt=attempt, arguments=b"", progress=float(progress), checkpoint=None)
        try:
            return msgspec.structs.replace(
                claim,
                arguments=self._sealer.open(of_arguments(record), record, arguments or b""),
                checkpoint=None if checkpoint is None else self._sealer.open("checkpoint", record, checkpoint),
            )
        except Unreadable:
            said = f"{record.tool} was not run: what is stored of its call was changed, or cannot be read any more"
            await self.finish(claim, Ended(status="failed", message=said))
            raise

    async def beat(self, claim: Claim) -> Standing:
        return _standing(await self._run(scripts.BEAT, claim.record.id, claim.attempt, milliseconds(LEASE)))

    async def append(self, claim: Claim, batch: int, events: Sequence[tuple[float | None, Event]]) -> Standing:
        """Append events in order; one with a progress number is dropped unless the number is the highest so far.

        *batch* counts up from 1 within an attempt, so that sending it again after a lost answer adds nothing.
        """
        rows = [
            part
            for progress, event in events
            for part in ("" if progress is None else repr(progress), self._sealer.event(claim.record, event))
        ]
        return _standing(await self._run(scripts.APPEND, claim.record.id, claim.attempt, batch, *rows))

    async def checkpoint(self, claim: Claim, value: bytes) -> None:
        """Keep *value* for a later attempt; StaleAttempt when this one lost its lease."""
        sealed = self._sealer.seal("checkpoint", claim.record, value)
        if _standing(await self._run(scripts.CHECKPOINT, claim.record.id, claim.attempt, sealed)) == "lost":
            raise StaleAttempt("another attempt holds this task")

    async def ask(self, claim: Claim, questions: Mapping[str, Any]) -> Standing:
        """Put *questions* (plain JSON by key) to the client, unless an earlier attempt has."""
        rows = [
            part
            for key, question in questions.items()
            for part in (
                key,
                self._sealer.seal(f"question {key}", claim.record, msgspec.json.encode(question)),
                self._sealer.event(claim.record, Asked(key=key, question=question)),
            )
        ]
        return _standing(await self._run(scripts.ASK, claim.record.id, claim.attempt, *rows))

    async def answers(self, record: TaskRecord, questions: Sequence[str]) -> dict[str, bytes]:
        """The answers that are there, of those *questions*, as they were given."""
        found = await self._redis.hmget(keys.task(record.id), [f"a:{key}" for key in questions])
        pairs = zip(questions, found, strict=True)
        return {key: self._sealer.open(f"answer {key}", record, sealed) for key, sealed in pairs if sealed is not None}

    async def withdraw(self, claim: Claim, questions: Sequence[str]) -> Standing:
        """Take back those of the *questions* that nobody answered."""
        rows = [part for key in questions for part in (key, self._sealer.event(claim.record, Withdrawn(key=key)))]
        working = self._sealer.event(claim.record, Status(status="working"))
        return _standing(await self._run(scripts.WITHDRAW, claim.record.id, claim.attempt, working, *rows))

    async def open_questions(self, record: TaskRecord) -> dict[str, Any]:
        """What waits for the client's answer, by key."""
        fields = await self._redis.hgetall(keys.task(record.id))
        names = [field.decode()[2:] for field in fields if field.startswith(b"q:")]
        return {
            name: msgspec.json.decode(self._sealer.open(f"question {name}", record, fields[f"q:{name}".encode()]))
            for name in names
            if f"a:{name}".encode() not in fields
        }

    async def answer(self, record: TaskRecord, key: str, value: bytes) -> bool:
        """Give the client's answer to an open question; False when it is not open, or not any more."""
        sealed = self._sealer.seal(f"answer {key}", record, value)
        working = self._sealer.event(record, Status(status="working"))
        return bool(await self._run(scripts.ANSWER, record.id, key, sealed, working, keys.ANSWER_CHANNEL))

    async def finish(self, claim: Claim, ending: Ended) -> bool:
        """End the task; False when this attempt no longer may, because another ended it or took it over."""
        event = self._sealer.event(claim.record, ending)
        answer = await self._run(scripts.FINISH, claim.record.id, claim.attempt, ending.status, event, self._ttl)
        if answer:
            self._on_end(claim.record, ending)
        return bool(answer)

    async def cancel(self, record: TaskRecord, reason: str) -> TaskStatus | Literal["gone"]:
        """Ask for the end; the answer is the status afterwards: a running task is still `working`."""
        ending = Ended(status="cancelled", message=reason)
        event = self._sealer.event(record, ending)
        answer = await self._run(scripts.CANCEL, record.id, event, self._ttl, keys.CANCEL_CHANNEL)
        if answer == b"ended":
            self._on_end(record, ending)
            return ending.status
        return cast("TaskStatus", answer.decode())

    async def release(self, claim: Claim) -> bool:
        """Hand the task back to the queue, for a worker that must stop; False when it is not ours to give."""
        event = self._sealer.event(claim.record, Status(status="queued"))
        return bool(await self._run(scripts.RELEASE, claim.record.id, claim.attempt, event))

    async def due(self, limit: int = 100) -> list[str]:
        """The tasks that somebody should look at now, of all buckets."""
        seconds, micros = await self._redis.time()
        now = seconds * 1000 + micros // 1000
        async with self._redis.pipeline(transaction=False) as pipe:
            for bucket in keys.BUCKETS:
                pipe.zrangebyscore(keys.deadlines(bucket), "-inf", now, start=0, num=limit)
            found = cast("list[list[bytes]]", await pipe.execute())
        return [task_id.decode() for bucket in found for task_id in bucket]

    async def reap(self, task_id: str) -> TaskRecord | None:
        """Look at a due task once; the answer is the record of a task whose message must be sent again.

        Unreadable when it cannot be looked at: then nothing was done.
        """
        record = await self._load(task_id)
        if record is None:
            await self._redis.zrem(keys.deadlines(task_id), task_id)
            return None
        endings = _endings(record)
        answer = await self._run(
            scripts.REAP,
            record.id,
            record.max_attempts,
            int(record.rerun),
            milliseconds(GRACE),
            self._ttl,
            self._sealer.event(record, Status(status="queued", message="its worker is gone; waiting for another")),
            *(self._sealer.event(record, ending) for ending in endings.values()),
            record.wait_ms,
        )
        if ending := endings.get(answer):
            self._on_end(record, ending)
        if answer in _LEASE_RAN_OUT:
            metrics.LEASES_LOST.inc()
        return record if answer in (b"send", b"taken") else None

    async def postpone(self, task_id: str) -> None:
        """Let a due task wait, so that it does not keep anybody from the others."""
        await self._run(scripts.POSTPONE, task_id, milliseconds(POSTPONED))

    def log_of(self, task: TaskRecord | str) -> str:
        """The name of the task's event log, to be followed; of one that is not there yet by its id."""
        return keys.task_log(task if isinstance(task, str) else task.id)

    def decode(self, record: TaskRecord, payload: bytes) -> Event:
        """The event behind what the log holds."""
        return self._sealer.open_event(record, payload)

    def _record_and_state(self, task_id: str, values: list[bytes | None]) -> tuple[TaskRecord, TaskState] | None:
        """From the fields of `_STATE`; None when there is no such task."""
        record, *state = values
        return None if record is None else (self._sealer.unpack(task_id, record), _state(state))

    async def _run(self, script: str, task_id: str, *args: bytes | str | float) -> Any:  # noqa: ANN401  # Lua's answer
        touched = [keys.task(task_id), keys.task_log(task_id), keys.deadlines(task_id)]
        return await self._scripts.run(script, touched, [task_id, *args])


def _endings(record: TaskRecord) -> dict[bytes, Ended]:
    """How the reaper may end a task, by what its script answers then and in the order it wants them."""
    tries = f"{record.max_attempts} attempts" if record.max_attempts > 1 else "its one attempt"
    return {
        b"cancelled": Ended(status="cancelled", message="cancelled"),
        b"failed": Ended(
            status="failed", message=f"{record.tool} was given up after {tries}: each time its worker died"
        ),
        b"interrupted": Ended(
            status="interrupted",
            message=f"the worker of {record.tool} died, and this tool must not run twice: check what it did, "
            "then call it again",
        ),
        b"untaken": Ended(status="failed", message=f"no worker of queue {record.queue!r} took {record.tool} in time"),
    }


def _standing(answer: bytes) -> Standing:
    return cast("Standing", answer.decode())


def _state(values: list[bytes | None]) -> TaskState:
    status, attempt, progress, cancel, worker, updated = values
    return TaskState(
        status=cast("TaskStatus", (status or b"queued").decode()),
        attempt=int(attempt or 0),
        progress=float(progress or NOTHING_DONE),
        cancel_requested=cancel is not None,
        worker=(worker or b"").decode(),
        updated_at=int(updated or 0),
    )
