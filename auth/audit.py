"""The audit trail: to its own logger at once, and to streams in Redis.

There are three, so that what many can cause does not push out what matters: what people and their grants do, the calls
of tools, and what any stranger can bring about without having signed in.
"""

from collections.abc import Mapping
from typing import Any, Final, cast

import structlog

from auth.principal import ANONYMOUS
from storage.audit import AuditLog, Trail
from storage.background import Background
from storage.connection import RedisError, Unavailable
from storage.events import Ended
from storage.records import Principal, TaskRecord

LONGEST: Final = 256
"""Characters of a field: part of it is what strangers say."""

log = structlog.get_logger("audit")


class Audit:
    def __init__(self, kept: AuditLog) -> None:
        self._kept = kept
        self._writing = Background()

    def note(
        self,
        event: str,
        *,
        principal: Principal | None = None,
        trail: Trail = "people",
        **fields: str | list[str] | int,
    ) -> None:
        """Say what happened. It is written behind the request's back, which must not wait for it."""
        who = {"principal": str(principal)} if principal else {}
        cut = {name: value[:LONGEST] if isinstance(value, str) else value for name, value in {**who, **fields}.items()}
        known = structlog.contextvars.get_contextvars()
        full = {"event": event, **cut, **{name: known[name] for name in ("request", "from") if name in known}}
        log.info(event, audit=True, **cut)
        self._writing.start(self._append(full, trail))

    def tool_ended(self, record: TaskRecord, ending: Ended) -> None:
        """Say how the work of a call ended; `run` is what "tool called" names. While everybody may call, nothing."""
        if record.principal == ANONYMOUS:
            return
        result = cast("Mapping[str, Any]", ending.outcome or {})
        outcome = "error" if result.get("is_error") else ending.status
        self.note(
            "tool ended", principal=record.principal, trail="tools", tool=record.tool, run=record.id, outcome=outcome
        )

    async def flush(self) -> None:
        """Wait for what is still being written; for a process that ends."""
        await self._writing.flush()

    async def _append(self, event: dict[str, Any], trail: Trail) -> None:
        try:
            await self._kept.append(event, trail)
        except (RedisError, *Unavailable) as error:
            log.warning("audit event not stored", error=str(error), lost=event["event"])
