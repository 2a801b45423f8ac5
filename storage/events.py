"""The event log: the ordered, replayable record of one stream.

Writers append inside their own scripts (XADD, EXPIRE, PUBLISH in one step); this module is what is written and how it
is read back.
"""

from typing import Any

import msgspec

from storage.connection import Redis
from storage.states import Ending, Level
from storage.states import Status as TaskStatus


class Status(msgspec.Struct, frozen=True, kw_only=True, tag="status"):
    """The task changed hands: queued, or working on *worker*."""

    status: TaskStatus
    worker: str = ""
    message: str = ""


class Progress(msgspec.Struct, frozen=True, kw_only=True, tag="progress"):
    """*done* of *total* (None when unknown); *data* is what the step made."""

    done: float
    total: float | None = None
    message: str = ""
    data: Any = None


class Text(msgspec.Struct, frozen=True, kw_only=True, tag="text"):
    """A piece of streamed text; *done* grows a little with each piece so that clients accept it as progress."""

    text: str
    done: float
    total: float | None = None


class Log(msgspec.Struct, frozen=True, kw_only=True, tag="log"):
    level: Level
    message: str
    data: dict[str, Any] | None = None


class Asked(msgspec.Struct, frozen=True, kw_only=True, tag="asked"):
    """The tool asks the client something; *question* is in the shape `tasks.ask` gives it."""

    key: str
    question: Any


class Withdrawn(msgspec.Struct, frozen=True, kw_only=True, tag="withdrawn"):
    """Nobody waits for the answer any more."""

    key: str


class HangUp(msgspec.Struct, frozen=True, kw_only=True, tag="hangup"):
    """The response's stream may end here: its client knows how to come back for the rest."""


class Ended(msgspec.Struct, frozen=True, kw_only=True, tag="ended"):
    """The last event of a task. *outcome* is what the tool returned, in the shape `tasks.result` gives it."""

    status: Ending
    message: str = ""
    outcome: Any = None
    missing: str = ""
    """The kind of question the tool could not do without and the client does not take."""
    error: dict[str, Any] | None = None
    """A JSON-RPC error the tool ended with on purpose: `code`, `message`, perhaps `data`."""


Event = Status | Progress | Text | Log | Asked | Withdrawn | HangUp | Ended

_ENCODER = msgspec.json.Encoder()
_DECODER: "msgspec.json.Decoder[Event]" = msgspec.json.Decoder(Event)


def encode_event(event: Event) -> bytes:
    return _ENCODER.encode(event)


def decode_event(payload: bytes) -> Event:
    return _DECODER.decode(payload)


Entry = tuple[str, bytes]
"""An event's id in its log, and its payload as stored."""


async def replay(redis: Redis, log: str, *, after: str, count: int = 500) -> list[Entry]:
    """The next *count* entries of *log* after the id *after*; `0-0` is before the first."""
    rows = await redis.xrange(log, f"({after}", "+", count)
    return [(entry_id.decode(), fields[b"e"]) for entry_id, fields in rows]


def order(entry_id: str) -> tuple[int, int]:
    """Stream ids compare as two numbers, not as text."""
    milliseconds, _, sequence = entry_id.partition("-")
    return int(milliseconds), int(sequence or 0)
