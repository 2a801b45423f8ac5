"""The streams of a session: a log for each, who still writes it, and what the client answers on the way.

A stream that relays a task needs no log of its own: the task's log is it, under the same id.
"""

from datetime import timedelta
from typing import Final

import msgspec

from storage import keys
from storage.clock import milliseconds
from storage.connection import Redis, Scripts
from storage.control import Control, publish
from storage.records import Session
from storage.seal import KeyRing

KEPT: Final = timedelta(hours=1)
"""How long a stream can be resumed after its last event."""
LENGTH: Final = 1_000
"""Events a stream keeps."""
LEASE: Final = timedelta(seconds=30)
CALL_KEPT: Final = timedelta(days=1)
REPLY_KEPT: Final = timedelta(minutes=5)
STANDALONE: Final = "standalone"
"""The stream that carries what belongs to no request."""

# An event is stored before anyone sees it. KEYS: log.
_APPEND: Final = """
local id = redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[2], '*', 'e', ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
redis.call('PUBLISH', KEYS[1], id .. ' ' .. ARGV[1])
return id
"""

# The first answer to a question that is still open is taken, any other refused. KEYS: waiting, reply.
_REPLY: Final = """
if redis.call('DEL', KEYS[1]) == 0 then return 0 end
local id = redis.call('XADD', KEYS[2], '*', 'e', ARGV[1])
redis.call('PEXPIRE', KEYS[2], ARGV[2])
redis.call('PUBLISH', KEYS[2], id .. ' ' .. ARGV[1])
return 1
"""


class Toggle(msgspec.Struct, frozen=True, tag="toggle"):
    """Not for the client: whoever holds the standalone stream learns here what the session subscribes to."""

    uri: str
    wanted: bool


class Message(msgspec.Struct, frozen=True, tag="message"):
    """One JSON-RPC message as it is sent."""

    body: msgspec.Raw


Item = Toggle | Message


class Lease(msgspec.Struct, frozen=True):
    """A replica works for the *request* behind a stream *until* then (seconds since the epoch)."""

    request: int | str
    until: float


_DECODER: "msgspec.json.Decoder[Item]" = msgspec.json.Decoder(Item)


class StreamStore:
    def __init__(self, redis: Redis, ring: KeyRing) -> None:
        self._redis = redis
        self._ring = ring
        self._scripts = Scripts(redis)

    def log_of(self, session: Session, stream: str) -> str:
        """The name of the stream's log, to be followed."""
        return keys.stream(session.scope, stream)

    async def append(self, session: Session, stream: str, item: Item) -> str:
        """Store what the stream carries next; the answer is its id in the log."""
        sealed = self._seal(session, stream, msgspec.json.encode(item))
        entry = await self._scripts.run(_APPEND, [self.log_of(session, stream)], [sealed, LENGTH, milliseconds(KEPT)])
        return entry.decode()

    def decode(self, session: Session, stream: str, payload: bytes) -> Item:
        return _DECODER.decode(self._open(session, stream, payload))

    async def newest(self, session: Session, stream: str) -> tuple[str, Item] | None:
        """The last entry of the log and its id; None when there is none."""
        rows = await self._redis.xrevrange(self.log_of(session, stream), count=1)
        return (rows[0][0].decode(), self.decode(session, stream, rows[0][1][b"e"])) if rows else None

    async def own(self, session: Session, stream: str, request: int | str, *, now: float) -> None:
        """Say that a replica works for *request* on this stream; to be said again within LEASE."""
        lease = Lease(request=request, until=now + LEASE.total_seconds())
        await self._redis.set(keys.owner(session.scope, stream), msgspec.json.encode(lease), ex=KEPT)

    async def lease(self, session: Session, stream: str) -> "Lease | None":
        """Who works for the stream, or did; None when it is unknown."""
        found = await self._redis.get(keys.owner(session.scope, stream))
        return None if found is None else msgspec.json.decode(found, type=Lease)

    async def add_call(self, session: Session, request: int | str, task_id: str) -> None:
        """Remember which task answers a request, so that any replica can cancel it."""
        await self._redis.set(keys.call(session.scope, str(request)), task_id.encode(), ex=CALL_KEPT)

    async def find_call(self, session: Session, request: int | str) -> str | None:
        found = await self._redis.get(keys.call(session.scope, str(request)))
        return None if found is None else found.decode()

    async def expect(self, session: Session, request: str, *, within: timedelta) -> str:
        """Let the client answer *request*; the answer is the name of the log its reply comes in."""
        await self._redis.set(keys.waiting(session.scope, request), b"1", ex=within)
        return keys.reply(session.scope, request)

    async def withdraw(self, session: Session, request: str) -> None:
        await self._redis.delete(keys.waiting(session.scope, request))

    async def reply(self, session: Session, request: str, body: bytes) -> bool:
        """Hand the client's answer to whoever waits; False when nobody does."""
        names = [keys.waiting(session.scope, request), keys.reply(session.scope, request)]
        sealed = self._seal(session, request, body)
        return bool(await self._scripts.run(_REPLY, names, [sealed, milliseconds(REPLY_KEPT)]))

    def decode_reply(self, session: Session, request: str, payload: bytes) -> bytes:
        return self._open(session, request, payload)

    async def tell(self, control: Control) -> None:
        """Tell every replica."""
        await publish(self._redis, control)

    def _seal(self, session: Session, name: str, plain: bytes) -> bytes:
        return self._ring.seal(plain, kind=f"stream {name}", record=session.scope, principal=session.principal.key)

    def _open(self, session: Session, name: str, sealed: bytes) -> bytes:
        return self._ring.open(sealed, kind=f"stream {name}", record=session.scope, principal=session.principal.key)
