"""The stream that answers one request of a session, as far as other replicas must know it."""

import contextlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from mcp.shared.dispatcher import CallOptions
from mcp.types import RequestId
from mcp.types.version import is_version_at_least

from api.mcp.backchannel import BackChannel, Send
from api.mcp.cursor import StreamCursor
from api.mcp.translate import question_id
from storage.connection import Unavailable
from storage.records import Session, new_id

PRIMED_SINCE: Final = "2025-11-25"
"""The first version whose clients come back for a stream that ended early; older ones choke on an empty event."""


def comes_back(session: Session) -> bool:
    """Whether the client knows to come back for a stream that ended before its response."""
    return is_version_at_least(session.protocol_version, PRIMED_SINCE)


@dataclass(eq=False)
class SessionStream:
    """Its events are in the log of the task that answers the request, or else in a log of its own."""

    session: Session
    request_id: RequestId
    back: BackChannel
    id: str = field(default_factory=new_id)
    is_backed: bool = False
    """Whether a task's log holds all that the stream carries."""
    _asked: int = 0

    @property
    def prime(self) -> str | None:
        """The id to begin with, before there is an event."""
        return self.cursor() if comes_back(self.session) else None

    def cursor(self, entry: str | None = None) -> str:
        """The event id of *entry* of the log; without one, of the stream's beginning."""
        return str(StreamCursor(self.id) if entry is None else StreamCursor(self.id, entry))

    async def store(self, message: Mapping[str, Any]) -> str | None:
        """Put *message* into the stream's own log and return its event id; None when a task's log has all."""
        if self.is_backed:
            return None
        return self.cursor(await self.back.store(self.session, self.id, message))

    async def own(self) -> None:
        """Let other replicas know that somebody works for this stream."""
        if not self.is_backed:
            with contextlib.suppress(*Unavailable):
                await self.back.streams.own(self.session, self.id, self.request_id, now=time.time())

    async def ask(
        self, method: str, params: Mapping[str, Any] | None, *, send: Send, opts: CallOptions | None
    ) -> dict[str, Any]:
        """Ask the client on this stream, and wait for its answer."""
        self._asked += 1
        request_id = question_id(self.id, f"request-{self._asked}")
        return await self.back.ask(self.session, request_id, (method, params), send=send, opts=opts)
