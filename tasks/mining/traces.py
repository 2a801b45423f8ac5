"""Lines of a stream joined to events: a stack trace, however many lines it has, is one.

Python, Java, Node.js and Go. Streams are told apart, for the lines of two containers interleave.
"""

import re
from collections import OrderedDict, deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from tasks.mining import severity

MOST_STREAMS: Final = 256
MOST_LINES: Final = 200
MOST_CHARACTERS: Final = 12_000
_TAIL: Final = 20
_HEAD: Final = 8
"""Lines among which an exception names itself."""
_TAIL_LINE: Final = 400
_APART: Final = 5_000
"""Milliseconds after which a line belongs to no trace that came before."""
_KEY_LINES: Final = 100

_PYTHON: Final = "Traceback (most recent call last):"
_AGAIN: Final = ("During handling of the above exception", "The above exception was the direct cause")
_EXCEPTION: Final = re.compile(
    r"(?:[\w$]{1,80}\.){0,12}[\w$]{0,80}(?:Exception|Error|Throwable|Warning|Exit|Interrupt)\b"
)
_JAVA: Final = re.compile(r'Caused by: |Suppressed: |\.\.\. \d{1,6} (?:more|common frames)|Exception in thread "')
_GO_START: Final = re.compile(r"panic: |fatal error: |goroutine \d{1,9} \[|SIG[A-Z]{2,8}: ")
_GO: Final = re.compile(
    r"goroutine \d{1,9} \[|created by |\[signal |exit status \d|[\w./*()\[\]{}-]{1,200}\(.{0,400}\)\Z|runtime: "
)
_NODE_START: Final = re.compile(r"(?:/|file:///|node:)\S{1,300}:\d{1,7}\Z")
_KEY_LINE: Final = re.compile(r"[A-Za-z0-9+/=]{16,}\Z|[A-Z][A-Za-z-]{2,20}: |-----END |\Z")


@dataclass(slots=True)
class Event:
    """A line, or the lines of one stack trace, with the time of the first (milliseconds since 1970)."""

    at: int
    text: str
    summary: str
    """The line that says what happened: for a trace, its first line and its exception."""
    lines: int


@dataclass(slots=True)
class _Open:
    at: int
    lines: list[str]
    kind: str
    last_at: int
    said: str = ""
    """The exception's own line."""
    count: int = 1
    size: int = 0
    dropped: int = 0
    tail: deque[str] | None = None
    """The last of those dropped."""
    key_lines: int = 0

    def add(self, at: int, line: str) -> None:
        self.count += 1
        self.last_at = at
        if len(self.lines) < MOST_LINES and self.size + len(line) <= MOST_CHARACTERS and not self.dropped:
            self.lines.append(line)
            self.size += len(line)
            return
        self.dropped += 1
        self.tail = deque(maxlen=_TAIL) if self.tail is None else self.tail
        self.tail.append(line[:_TAIL_LINE])

    def event(self) -> Event:
        lines = self.lines
        if self.tail is not None:
            left_out = self.dropped - len(self.tail)
            lines = [*lines, *([f"... {left_out} lines left out ..."] if left_out else []), *self.tail]
        text = "\n".join(lines).rstrip()
        first = lines[0].strip()
        said = self.said or _said(lines)
        summary = f"{first} {said}" if said and said != first else first
        return Event(self.at, text, summary, self.count)


class Joiner:
    """What was said last in each stream, until the next line shows that it is complete."""

    def __init__(self) -> None:
        self._open: OrderedDict[str, _Open] = OrderedDict()

    def add(self, at: int, stream: str, text: str) -> Iterator[Event]:
        """The events that *text* completes. A text of several lines is one event already."""
        before = self._open.get(stream)
        if before is not None:
            if before.key_lines and _swallowed(before, text):
                return
            if abs(at - before.last_at) <= _APART and _continues(before, text):
                before.add(at, text)
                return
            del self._open[stream]
            yield before.event()
        if not text.strip():
            return
        if len(self._open) >= MOST_STREAMS:
            yield self._open.popitem(last=False)[1].event()
        self._open[stream] = _opened(at, text)

    def flush(self) -> Iterator[Event]:
        while self._open:
            yield self._open.popitem(last=False)[1].event()


def _opened(at: int, text: str) -> _Open:
    lines = text.split("\n")
    # A private key whose lines come one by one: the mask stands for the first, what follows is swallowed.
    key_lines = _KEY_LINES if text.endswith("[private key]") else 0
    opened = _Open(at, lines[:1], _kind(text), at, key_lines=key_lines, size=len(lines[0]))
    for line in lines[1:]:
        opened.add(at, line)
    opened.count = 1
    return opened


def _kind(text: str) -> str:
    if _PYTHON in text:
        return "python"
    if _GO_START.match(text):
        return "go"
    return "node" if _NODE_START.match(text) else ""


def _swallowed(before: _Open, text: str) -> bool:
    """Whether *text* is a line of a private key that began before."""
    if not _KEY_LINE.match(text.strip()):
        before.key_lines = 0
        return False
    before.key_lines = 0 if text.lstrip().startswith("-----END ") else before.key_lines - 1
    before.count += 1
    return True


def _continues(before: _Open, text: str) -> bool:
    """Whether *text* belongs to what was said before in its stream; notes an exception's own line."""
    if not text.strip():
        return before.kind != "" and before.count > 1
    if text[0] in " \t" or ((before.count > 1 or before.said) and _JAVA.match(text)):
        return True
    if before.kind == "go":
        return _GO.match(text) is not None
    return _continues_python(before, text) if before.kind == "python" else _begins(before, text)


def _begins(before: _Open, text: str) -> bool:
    """Whether *text* is the exception that a line before announced, or what Node.js says at its end."""
    if text.startswith(_PYTHON) and _is_error(before):
        before.kind = "python"
        return True
    if not before.said and _EXCEPTION.match(text) and (before.kind == "node" or _is_error(before)):
        before.said = text
        return True
    return before.kind == "node" and text.startswith("Node.js v")


def _continues_python(before: _Open, text: str) -> bool:
    if text.startswith((_PYTHON, *_AGAIN)):
        before.said = ""
        return True
    if before.said or before.count == 1 or (before.lines and before.lines[-1].startswith(_AGAIN)):
        return False
    before.said = text
    return True


def _is_error(before: _Open) -> bool:
    """Whether what was said before is one line that an exception may follow."""
    return before.count == 1 and severity.guess(before.lines[0]) in ("error", "critical")


def _said(lines: list[str]) -> str:
    """The line of an exception in a text that came whole."""
    if len(lines) == 1:
        return ""
    if any(line.strip().startswith(_PYTHON) for line in lines):
        after = [line for line in lines if line and not line[0].isspace()]
        return after[-1] if after and not after[-1].startswith(_PYTHON) else ""
    return next((line for line in lines[:_HEAD] if _EXCEPTION.match(line)), "")
