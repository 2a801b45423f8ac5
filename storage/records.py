"""The stored shapes. They outlive a deploy: add fields at the end with a default, never rename."""

import secrets
from functools import cached_property
from typing import Any, Final

import msgspec

from storage import keys
from storage.states import Level, Status

NOTHING_DONE: Final = -1.0
"""Below the first progress a tool may report, which is 0."""


def new_id() -> str:
    """128 unguessable bits in hexadecimal; the first digit picks the bucket."""
    return secrets.token_hex(16)


class Principal(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """On whose behalf a request is made: a client, and the person an issuer vouches for."""

    client_id: str
    issuer: str
    subject: str

    @cached_property
    def key(self) -> str:
        """What stands for this principal in keys; JSON keeps the three parts apart."""
        return keys.hashed(msgspec.json.encode((self.client_id, self.issuer, self.subject)).decode())

    def __str__(self) -> str:
        return f"{self.subject}@{self.issuer} via {self.client_id}"


class TaskRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What was accepted; never changes afterwards. Durations are milliseconds."""

    id: str
    tool: str
    queue: str
    principal: Principal
    created_at: int
    timeout_ms: int
    max_attempts: int = 3
    rerun: bool = True
    """Whether a second attempt may run after a worker died: false for a tool that must not run twice."""
    wait_ms: int = 3_600_000
    """How long it may stay queued, each time it is, before it is given up."""
    meta: dict[str, Any] = {}
    """What whoever accepted it needs to tell its events to the client, and the trace it was accepted in; of this the
    worker looks at the trace alone."""
    asks: tuple[str, ...] = ()
    """The kinds of question the client can be asked while the task runs."""
    grant: str = ""
    """The grant that the call was made under; empty while authentication is off."""
    shows_ui: bool = False
    """Whether the client shows the pages of tools (MCP Apps)."""


class TaskState(msgspec.Struct, frozen=True, kw_only=True):
    """What changes while a task lives; every field is written by a script."""

    status: Status
    attempt: int = 0
    progress: float = NOTHING_DONE
    cancel_requested: bool = False
    worker: str = ""
    updated_at: int = 0


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker holds after a successful claim. *attempt* fences every later write."""

    record: TaskRecord
    attempt: int
    arguments: bytes
    progress: float
    checkpoint: bytes | None


class Session(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """One MCP conversation of the handshake eras."""

    id: str
    principal: Principal
    protocol_version: str
    initialize: dict[str, Any]
    """The client's `initialize` params as they were sent: its info and capabilities."""
    created_at: int
    log_level: Level = "info"
    subscriptions: frozenset[str] = frozenset()
    """URIs of the resources whose updates the client wants."""

    @cached_property
    def scope(self) -> str:
        """What stands for principal and session together in keys and in a task's record."""
        return keys.hashed(f"{self.principal.key}:{self.id}")
