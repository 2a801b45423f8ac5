"""What a tail has seen so far, over all attempts at it: kept, so that a later attempt goes on where one ended."""

import json
from typing import Final

import msgspec

from tasks.mining.clean import clean
from tasks.mining.miner import moment
from tasks.tools.cloudwatch.tail_shapes import Line, TailedLine

OVERLAP: Final = 15_000
"""Milliseconds that are looked back for lines that arrive late: agents and log drivers send theirs in batches."""
MOST_MARKS: Final = 2_000
ROOM: Final = 6_000
"""Bytes of the last lines."""
LONGEST: Final = 600
"""Characters of one of them."""
_LONGEST_STREAM: Final = 60
_LONG_ID: Final = 32


class State(msgspec.Struct, kw_only=True):
    """Times are milliseconds since 1970."""

    started: int
    until: int
    seen: int = 0
    shown: int = 0
    sampled: bool = False
    first: int | None = None
    last: int | None = None
    marks: list[tuple[int, str]] = msgspec.field(default_factory=list[tuple[int, str]])
    """Time and mark of the newest lines: what looks back over them leaves them out."""
    lines: list[TailedLine] = msgspec.field(default_factory=list[TailedLine])
    size: int = 0

    def saw(self, line: Line, text: str, *, name_group: bool) -> None:
        """Count *line*; *text* is what may be shown of it."""
        self.seen += 1
        self.first = line.at if self.first is None else min(self.first, line.at)
        self.last = line.at if self.last is None else max(self.last, line.at)
        self.marks.append((line.at, line.mark))
        if len(self.marks) > 2 * MOST_MARKS:
            self.forget()
        kept = TailedLine(timestamp=moment(line.at), stream=short(line.stream), message=_cut(text))
        if name_group:
            kept["logGroup"] = line.group
        self.lines.append(kept)
        self.size += _size(kept)
        while self.size > ROOM and len(self.lines) > 1:
            self.size -= _size(self.lines.pop(0))

    def forget(self) -> None:
        """Drop the marks of lines that nobody looks back for."""
        since = (self.last or 0) - OVERLAP
        self.marks = [(at, mark) for at, mark in self.marks[-MOST_MARKS:] if at >= since]

    def since(self, now: int) -> int:
        """Where looking back begins: a bit before the last line, but not before what is remembered."""
        since = max(self.started, min(self.last or self.started, now) - OVERLAP)
        return max(since, min(at for at, _ in self.marks)) if len(self.marks) >= MOST_MARKS else since


def short(stream: str) -> str:
    """A stream's name as people tell them apart: `ecs/web/0123456789abcdef...` is `web/01234567`."""
    parts = [part[:8] if len(part) >= _LONG_ID and part.isalnum() else part for part in clean(stream).split("/")]
    name = "/".join(parts[-2:]).replace("\n", " ")
    if "]" in name:
        # Lambda: 2026/11/28/[$LATEST]0123456789abcdef...
        version, _, instance = parts[-1].rpartition("]")
        name = f"{version}]{instance[:8]}"
    return name if len(name) <= _LONGEST_STREAM else f"{name[:_LONGEST_STREAM]}…"


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def _size(line: TailedLine) -> int:
    return len(json.dumps(line, ensure_ascii=False).encode("utf-8", "replace"))
