"""How a task stands in Redis: what finds and runs it in clear, what was said in it sealed for its principal."""

import base64
from typing import Any, Final

import msgspec

from storage.errors import Unreadable
from storage.events import Event, decode_event, encode_event
from storage.records import TaskRecord
from storage.seal import KeyRing

_SEALED: Final = "sealed"


class TaskSeal:
    """Whatever is sealed here opens as the same kind of value of the same task and principal alone."""

    def __init__(self, ring: KeyRing) -> None:
        self._ring = ring

    def seal(self, kind: str, record: TaskRecord, plain: bytes) -> bytes:
        return self._ring.seal(plain, kind=kind, record=record.id, principal=record.principal.key)

    def open(self, kind: str, record: TaskRecord, sealed: bytes) -> bytes:
        return self._ring.open(sealed, kind=kind, record=record.id, principal=record.principal.key)

    def event(self, record: TaskRecord, event: Event) -> bytes:
        return self.seal("event", record, encode_event(event))

    def open_event(self, record: TaskRecord, payload: bytes) -> Event:
        return decode_event(self.open("event", record, payload))

    def pack(self, record: TaskRecord) -> bytes:
        """As it is stored: what its client said of itself is sealed."""
        meta = self.seal("meta", record, msgspec.json.encode(record.meta))
        return msgspec.json.encode(msgspec.structs.replace(record, meta=as_meta(meta)))

    def unpack(self, task_id: str, raw: bytes) -> TaskRecord:
        """The record stored under *task_id*; Unreadable when it is none, or another's."""
        try:
            record = msgspec.json.decode(raw, type=TaskRecord)
        except msgspec.DecodeError as error:
            raise Unreadable(f"task {task_id[:4]}… has no record that can be read") from error
        if record.id != task_id:
            raise Unreadable(f"task {task_id[:4]}… has the record of another")
        meta = self.open("meta", record, sealed_meta(raw))
        return msgspec.structs.replace(record, meta=msgspec.json.decode(meta))


def of_arguments(record: TaskRecord) -> str:
    """The kind of a task's sealed arguments: they open only for the tool they were given to, run as was agreed."""
    return f"arguments of {record.tool} {record.queue} {record.timeout_ms} {record.max_attempts} {record.rerun}"


def as_meta(sealed: bytes) -> dict[str, Any]:
    """What a client said of itself, as it stands in a stored record."""
    return {_SEALED: base64.b64encode(sealed).decode()}


def sealed_meta(raw: bytes) -> bytes:
    """What `as_meta` got, of a stored record; nothing when *raw* is no such record."""
    try:
        return base64.b64decode(msgspec.json.decode(raw)["meta"][_SEALED])
    except (msgspec.DecodeError, KeyError, TypeError, ValueError):
        return b""
