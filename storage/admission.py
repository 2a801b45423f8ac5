"""What one principal has at work: how much, under which repeat key, and which tasks were theirs.

The keys are the principal's and not the task's, so they are no part of a task's scripts: what they say of a task may
be late, and is put right by looking at the task.
"""

import hashlib
import hmac
from datetime import timedelta
from typing import Any, Final, cast

import msgspec

from storage import keys
from storage.clock import NOW, milliseconds
from storage.connection import Redis, Scripts
from storage.errors import TooMany
from storage.records import Principal, TaskRecord
from storage.seal import KeyRing
from storage.states import is_ended

REMEMBERED: Final = 1000
"""Tasks of a principal that are listed."""
IN_BETWEEN: Final = timedelta(seconds=10)
"""How long a task may be admitted and not yet accepted before its place is given to another."""
KEEP: Final = timedelta(days=8)
"""Longer than any task lives and stays readable."""

# A known repeat key wins over everything; then a free place; then the task is noted. Sent again, it changes nothing.
_ADMIT: Final = (
    NOW
    + """
local active, own, repeated = KEYS[1], KEYS[2], KEYS[3]
local id, most, keep, note, lifetime, instead = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4], ARGV[5], ARGV[6]
if note ~= '' then
  local known = redis.call('GET', repeated)
  if known and known ~= note and known ~= instead then return known end
end
if not redis.call('ZSCORE', active, id) and redis.call('ZCARD', active) >= most then return 0 end
redis.call('ZADD', active, now, id)
redis.call('PEXPIRE', active, keep)
redis.call('ZADD', own, now, id)
redis.call('ZREMRANGEBYRANK', own, 0, ARGV[7])
redis.call('PEXPIRE', own, keep)
if note ~= '' then redis.call('SET', repeated, note, 'PX', lifetime) end
return 1
"""
)


class Repeat(msgspec.Struct, frozen=True):
    """How a retry of a call is known."""

    key: str
    """What the two calls have in common: the client's own key, or else tool and arguments; hashed."""
    arguments: str
    """A hash of tool and arguments."""
    lifetime: timedelta


class Note(msgspec.Struct, frozen=True):
    """What stands under a repeat key."""

    task: str
    arguments: str


class Admission:
    """*most_active* tasks of a principal may be queued or running, and *most_queued* messages wait in a queue."""

    def __init__(self, redis: Redis, ring: KeyRing, *, most_active: int, most_queued: int) -> None:
        self._redis = redis
        self._scripts = Scripts(redis)
        self._secret = ring.secret("repeat keys")
        self._most_active = most_active
        self._most_queued = most_queued

    def digest(self, *parts: bytes) -> str:
        """A hash that says nothing to whoever reads Redis, guesses included."""
        return hmac.new(self._secret, msgspec.json.encode([part.hex() for part in parts]), hashlib.sha256).hexdigest()

    async def admit(
        self, record: TaskRecord, repeat: Repeat | None = None, *, instead: Note | None = None
    ) -> Note | None:
        """Make room for the task; the answer is None, or what its repeat key stands for already.

        That is replaced when it is *instead*. TooMany, saying what is full, when there is no room.
        """
        if await self._redis.llen(keys.broker_queue(record.queue)) >= self._most_queued:
            raise TooMany(f"{self._most_queued} jobs wait in the queue {record.queue!r}, and it takes no more")
        answer = await self._admit(record, repeat, instead)
        if answer == 0:
            await self._free_places(record.principal)
            answer = await self._admit(record, repeat, instead)
        if answer == 0:
            raise TooMany(f"you have {self._most_active} calls at work, and may not have more")
        return None if answer == 1 else msgspec.json.decode(cast("bytes", answer), type=Note)

    async def own(self, principal: Principal) -> list[str]:
        """The ids of the principal's tasks, newest first; some may have expired."""
        ids = await self._redis.zrevrange(keys.own_tasks(principal.key), 0, -1)
        return [task_id.decode() for task_id in ids]

    async def _admit(self, record: TaskRecord, repeat: Repeat | None, instead: Note | None) -> Any:  # noqa: ANN401
        principal = record.principal.key
        note = b"" if repeat is None else msgspec.json.encode(Note(record.id, repeat.arguments))
        return await self._scripts.run(
            _ADMIT,
            [
                keys.active_tasks(principal),
                keys.own_tasks(principal),
                keys.repeat(principal, repeat.key if repeat else ""),
            ],
            [
                record.id,
                self._most_active,
                milliseconds(KEEP),
                note,
                0 if repeat is None else milliseconds(repeat.lifetime),
                b"" if instead is None else msgspec.json.encode(instead),
                -REMEMBERED - 1,
            ],
        )

    async def _free_places(self, principal: Principal) -> None:
        """Forget the places of tasks that have ended. Done when the places seem used up: seldom, and then for all."""
        active = keys.active_tasks(principal.key)
        places = await self._redis.zrange(active, 0, -1, withscores=True)
        seconds, _ = await self._redis.time()
        async with self._redis.pipeline(transaction=False) as pipe:
            for task_id, _ in places:
                pipe.hget(keys.task(task_id.decode()), "status")
            found = cast("list[bytes | None]", await pipe.execute())
        fresh = (seconds - IN_BETWEEN.total_seconds()) * 1000
        over = [
            task_id
            for (task_id, since), status in zip(places, found, strict=True)
            if (since < fresh if status is None else is_ended(status.decode()))
        ]
        if over:
            await self._redis.zrem(active, *over)
