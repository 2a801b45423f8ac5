"""After a new key: seal again what the old keys sealed, and say what still needs them.

A value opens only in its own place, so a table says what kind of value stands where. What is about to expire anyway
is left alone, and so is whatever changes while it is looked at: it is counted, and found by the next sweep.
"""

import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import msgspec

from storage import keys
from storage.connection import Redis, Scripts
from storage.errors import Unreadable
from storage.records import Principal, TaskRecord
from storage.seal import KeyRing, id_of
from storage.task_seal import as_meta, of_arguments, sealed_meta

# Only what is still as it was read is replaced, and it lives as long as before.
_STRING: Final = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'KEEPTTL')
return 1
"""
_FIELD: Final = """
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
return 1
"""
# A stream's entries cannot be changed: they are put there again under their ids, unless one was added meanwhile.
_STREAM: Final = """
local newest = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)
if #newest == 0 or newest[1][1] ~= ARGV[1] or redis.call('XLEN', KEYS[1]) ~= (#ARGV - 1) / 2 then return 0 end
local left = redis.call('PTTL', KEYS[1])
redis.call('DEL', KEYS[1])
for i = 2, #ARGV, 2 do redis.call('XADD', KEYS[1], ARGV[i], 'e', ARGV[i + 1]) end
if left > 0 then redis.call('PEXPIRE', KEYS[1], left) end
return 1
"""

Renew = Callable[[str, re.Match[str], "Swept"], Awaitable[None]]
Place = tuple[str, str, str]
"""Kind, record and principal of a sealed value."""


class Swept(msgspec.Struct):
    """What a sweep did, in values."""

    renewed: int = 0
    changed: int = 0
    """Left alone, because they changed meanwhile."""
    unreadable: int = 0
    """Of a key that is not in the ring any more, or damaged."""


class Held(msgspec.Struct):
    """What one key still seals."""

    values: int = 0
    longest: float = 0
    """Seconds until the last of them expires."""


class Sweeper:
    def __init__(self, redis: Redis, ring: KeyRing) -> None:
        self._redis = redis
        self._ring = ring
        self._scripts = Scripts(redis)

    async def sweep(self) -> Swept:
        """Seal again what is not under the key that seals now, wherever it lives long."""
        done = Swept()
        table: Sequence[tuple[re.Pattern[str], Renew]] = [
            (_GRANT, self._grant),
            (_SESSION, self._session),
            (_TASK, self._task),
            (_RESULT, self._result),
            (_AUDIT, self._audit),
        ]
        async for name in self._redis.scan_iter(f"{keys.PREFIX}*", count=500):
            key = name.decode()
            for pattern, renew in table:
                if found := pattern.fullmatch(key):
                    await renew(key, found, done)
        return done

    async def held(self) -> dict[str, Held]:
        """What each key still seals, by the key's id in hexadecimal: everything, swept or not."""
        found: dict[str, Held] = {}
        async for name in self._redis.scan_iter(f"{keys.PREFIX}*", count=500):
            key = name.decode()
            if key.startswith(keys.BROKER_PREFIX):
                continue
            left = max(0.0, await self._redis.pttl(key) / 1000)
            for value in await self._values(key):
                if (key_id := id_of(value)) is not None:
                    held = found.setdefault(key_id.hex(), Held())
                    held.values += 1
                    held.longest = max(held.longest, left)
        return found

    async def _grant(self, key: str, found: re.Match[str], done: Swept) -> None:
        record, upstream = await self._redis.hmget(key, ["record", "upstream"])
        if record is None:
            return
        await self._field(key, "record", record, ("grant", found[1], ""), done)
        if upstream and (plain := self._open(record, ("grant", found[1], ""))):
            principal = msgspec.json.decode(plain, type=_Granted).principal.key
            await self._field(key, "upstream", upstream, ("upstream", found[1], principal), done)

    async def _session(self, key: str, found: re.Match[str], done: Swept) -> None:
        for field, value in (await self._redis.hgetall(key)).items():
            kind = "session" if field == b"record" else "uri"
            if field == b"record" or field.startswith(b"uri:"):
                await self._field(key, field, value, (kind, found[2], found[1]), done)

    async def _task(self, key: str, found: re.Match[str], done: Swept) -> None:
        fields = await self._redis.hgetall(key)
        if b"record" not in fields:
            return
        record = msgspec.json.decode(fields[b"record"], type=TaskRecord)
        principal = record.principal.key
        if renewed := self._renewed(sealed_meta(fields[b"record"]), ("meta", record.id, principal), done):
            again = msgspec.json.encode(msgspec.structs.replace(record, meta=as_meta(renewed)))
            self._count(await self._scripts.run(_FIELD, [key], ["record", fields[b"record"], again]), done)
        for field, value in fields.items():
            name, _, question = field.decode().partition(":")
            kind = {
                "q": f"question {question}",
                "a": f"answer {question}",
                "arguments": of_arguments(record),
            }.get(name, name)
            if name in _SEALED_OF_TASK:
                await self._field(key, field, value, (kind, record.id, principal), done)
        await self._stream(keys.task_log(record.id), ("event", record.id, principal), done)

    async def _result(self, key: str, found: re.Match[str], done: Swept) -> None:
        value = await self._redis.get(key)
        if value is not None and (renewed := self._renewed(value, ("result", found[2], found[1]), done)):
            self._count(await self._scripts.run(_STRING, [key], [value, renewed]), done)

    async def _audit(self, key: str, found: re.Match[str], done: Swept) -> None:
        await self._stream(key, ("audit", key, ""), done)

    async def _field(self, key: str, field: bytes | str, value: bytes, place: Place, done: Swept) -> None:
        if renewed := self._renewed(value, place, done):
            self._count(await self._scripts.run(_FIELD, [key], [field, value, renewed]), done)

    async def _stream(self, key: str, place: Place, done: Swept) -> None:
        rows = await self._redis.xrange(key, "-", "+")
        again = [(entry, fields[b"e"], self._renewed(fields[b"e"], place, done)) for entry, fields in rows]
        count = sum(renewed is not None for _, _, renewed in again)
        if not count:
            return
        flat = [part for entry, old, renewed in again for part in (entry, renewed or old)]
        replaced = await self._scripts.run(_STREAM, [key], [again[-1][0], *flat])
        self._count(replaced, done, count)

    def _renewed(self, value: bytes, place: Place, done: Swept) -> bytes | None:
        """The value under the key that seals now; None when it is already, or cannot be read."""
        if not value or id_of(value) == self._ring.first:
            return None
        plain = self._open(value, place)
        if plain is None:
            done.unreadable += 1
            return None
        kind, record, principal = place
        return self._ring.seal(plain, kind=kind, record=record, principal=principal)

    def _open(self, value: bytes, place: Place) -> bytes | None:
        kind, record, principal = place
        try:
            return self._ring.open(value, kind=kind, record=record, principal=principal)
        except Unreadable:
            return None

    def _count(self, replaced: object, done: Swept, values: int = 1) -> None:
        if replaced:
            done.renewed += values
        else:
            done.changed += values

    async def _values(self, name: str) -> list[bytes]:
        """Every value of a key that may be sealed, whatever its type."""
        kind = await self._redis.type(name)
        if kind == b"string":
            return [await self._redis.get(name) or b""]
        if kind == b"hash":
            fields = await self._redis.hvals(name)
            return [inner for value in fields for inner in (value, sealed_meta(value))]
        if kind == b"stream":
            return [fields.get(b"e", b"") for _, fields in await self._redis.xrange(name, "-", "+")]
        return []


class _Granted(msgspec.Struct):
    """As much of a grant as says for whom its upstream tokens were sealed."""

    principal: Principal


_GRANT: Final = re.compile(r"mcp:\{([0-9a-f]{32})\}:grant")
_SESSION: Final = re.compile(r"mcp:\{([^}]+)\}:session:(.+)")
_TASK: Final = re.compile(r"mcp:\{[0-9a-f]\}:task:(.+)")
_RESULT: Final = re.compile(r"mcp:result:([^:]+):(.+)")
_AUDIT: Final = re.compile(re.escape(keys.AUDIT) + ":.+")
_SEALED_OF_TASK: Final = frozenset({"arguments", "checkpoint", "q", "a"})
