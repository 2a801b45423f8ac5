"""Event ids: which stream of the session, and how far (2025-11-25, transports: resumability).

An id means something only together with the session that comes with it: the stream is looked up under principal and
session, so another session's id finds nothing.
"""

import re
from dataclasses import dataclass
from typing import Final

from api.errors import Refused
from storage.streams import STANDALONE

START: Final = "0-0"
_ENTRY: Final = r"\d{1,20}-\d{1,20}"
_STREAM: Final = re.compile(rf"([0-9a-f]{{32}})_({_ENTRY})")
_BOTH: Final = re.compile(rf"{STANDALONE}_({_ENTRY})_({_ENTRY})")


@dataclass(frozen=True)
class StreamCursor:
    """After *entry* of the stream that answers one request."""

    stream: str
    entry: str = START

    def __str__(self) -> str:
        return f"{self.stream}_{self.entry}"


@dataclass(frozen=True)
class StandaloneCursor:
    """After *own* of the session's own messages and *change* of those for everybody."""

    own: str
    change: str

    def __str__(self) -> str:
        return f"{STANDALONE}_{self.own}_{self.change}"


def parse(event_id: str) -> StreamCursor | StandaloneCursor:
    """The cursor behind a `Last-Event-ID`; Refused when it is none of ours."""
    if found := _STREAM.fullmatch(event_id):
        return StreamCursor(found[1], found[2])
    if found := _BOTH.fullmatch(event_id):
        return StandaloneCursor(found[1], found[2])
    raise Refused(400, "Last-Event-ID is not an id this server has sent: open the stream again without it")
