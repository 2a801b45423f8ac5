"""What the client sees of the lines: each as it comes, no more in a second than can be read, the others counted."""

import time
from datetime import timedelta
from typing import Any, Final

import msgspec

from tasks.mining.clean import clean
from tasks.mining.miner import Miner, moment
from tasks.tool import Run
from tasks.tools.cloudwatch.tail_shapes import Asked, Line
from tasks.tools.cloudwatch.tail_state import State, short

RATE: Final = 100
"""Lines a second that are shown over time."""
BURST: Final = 200
"""Lines that are shown at once after a silence."""
LONGEST: Final = 2_000
"""Characters of a line that is shown."""
MOST_ROWS: Final = 30
"""Rows of one event, such as a stack trace."""
BEAT: Final = timedelta(seconds=1)
KEEP: Final = timedelta(seconds=2)
STEP: Final = timedelta(seconds=5)
MOST_PATTERNS: Final = 200


class Broke(Exception):
    """Lines are not to be had this way, or no longer; the text says why. *began* when it had worked before."""

    def __init__(self, why: str, *, began: bool = False) -> None:
        super().__init__(why)
        self.began = began


class Screen:
    """Shows lines to the client of *run*, and remembers in *state* what it has shown."""

    def __init__(self, run: Run, asked: Asked, state: State) -> None:
        self.miner = Miner(most_patterns=MOST_PATTERNS)
        self.state = state
        self.way = ""
        """How lines are come by, in words."""
        self._run = run
        self._asked = asked
        self._hidden = 0
        self._tokens = float(BURST)
        now = time.monotonic()
        self._end = now + (state.until - time.time() * 1000) / 1000
        self._refilled = self._beat = self._kept = now
        self._said = now - STEP.total_seconds()
        self._ready: Any = None

    @property
    def left(self) -> float:
        """Seconds until the time is over."""
        return self._end - time.monotonic()

    @property
    def done(self) -> float:
        """Seconds that the logs have been followed, attempts before this one included."""
        return max(0.0, self._asked.seconds - max(0.0, self.left))

    @property
    def full(self) -> bool:
        return self.state.shown >= self._asked.most

    def show(self, line: Line) -> None:
        """Show the line, or count it; a line without the text that is looked for is none.

        What is looked for must be in the line as it may be seen: nobody is told whether a secret has it.
        """
        text = clean(line.text).strip()
        if self._asked.contains not in text:
            return
        self.state.saw(line, text, name_group=len(self._asked.groups) > 1)
        self.miner.add(line.at, f"{line.group} {line.stream}", text)
        now = time.monotonic()
        self._tokens = min(BURST, self._tokens + (now - self._refilled) * RATE)
        self._refilled = now
        if self._tokens >= 1:
            self._tokens -= 1
            self._tell_hidden()
            self.state.shown += 1
            self._run.emit(f"{self._where(line)} {_rows(text)}\n")
        else:
            self._hidden += 1
        self.tick()

    def tick(self) -> None:
        """To be called often: says how far the tail is, and keeps what a later attempt needs."""
        now = time.monotonic()
        if now - self._beat >= BEAT.total_seconds():
            self._beat = now
            self._tell_hidden()
        if now - self._said >= STEP.total_seconds():
            self._said = now
            self._say()
        if now - self._kept >= KEEP.total_seconds():
            self._kept = now
            self._keep()

    def finish(self) -> None:
        self._tell_hidden()
        self._say()

    def _tell_hidden(self) -> None:
        if self._hidden:
            hidden, self._hidden = self._hidden, 0
            self._run.emit(f"… {hidden:,} {'line' if hidden == 1 else 'lines'} not shown in this second\n")

    def _say(self) -> None:
        total, done = self._asked.seconds, self.done
        counts = f"{self.state.seen:,} lines seen, {self.state.shown:,} shown"
        words = f"following {self._asked.names}{self.way}, {done:.0f} of {total} s: {counts}"
        self._run.progress(round(done, 3), total, words)

    def _keep(self) -> None:
        """One beat late: what was shown a moment ago may not have left this worker, and must not be taken for shown."""
        if self._ready is not None:
            self._run.checkpoint(self._ready)
            self._ready = None
        if self.state.seen:
            self.state.forget()
            self._ready = msgspec.to_builtins(self.state)

    def _where(self, line: Line) -> str:
        group = f"{short(line.group)} " if len(self._asked.groups) > 1 else ""
        return f"{moment(line.at)[11:]} {group}{short(line.stream)}"


def _rows(text: str) -> str:
    """*text* on rows of which no second one could be taken for a line of its own."""
    rows = (text if len(text) <= LONGEST else f"{text[:LONGEST]}…").split("\n")
    more = [f"… {len(rows) - MOST_ROWS} more rows"] if len(rows) > MOST_ROWS else []
    return "\n    ".join([*rows[:MOST_ROWS], *more])
