"""What each preset finds, and what it leaves out."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from typing_extensions import TypedDict

from tasks.mining.digest import Digest, digest
from tasks.tools.cloudwatch import presets, rows
from tasks.tools.cloudwatch.errors import mined
from tasks.tools.cloudwatch.presets import Preset
from tasks.tools.cloudwatch.series import Series
from tasks.tools.cloudwatch.shapes import Durations, Line, PatternRow, fitting

DIGEST_TOKENS: Final = 5_500
COMPARED: Final = 1_000
"""Patterns of which those that changed most are shown."""
_BINS: Final = 100
_LINES_ROOM: Final = 12_000
"""Bytes of the slowest lines; the rest is for durations over time."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    preset: Preset
    contains: str | None
    limit: int
    slow_ms: int


class Part(TypedDict, total=False):
    """The preset's own part of what is found."""

    errors: Digest
    lines: list[Line]
    overTime: list[Durations]
    patterns: list[PatternRow]


Answered = tuple[Part, list[str]]
"""What was found, and notes on what was not."""


def _errors(series: Series, asked: Asked) -> Answered:
    miner, notes = mined(series, asked.contains)
    found = digest(miner, DIGEST_TOKENS)
    for left, why in ((found["leftOut"], "for lack of room"), (found["forgotten"], "for there were too many kinds")):
        if left["patterns"]:
            notes.append(f"{left['patterns']:,} patterns of {left['events']:,} events are left out, {why}.")
    return {"errors": found}, notes


def _lines(series: Series, asked: Asked) -> Answered:
    text = presets.lines(asked.contains, limit=asked.limit)
    answer = series.ask(text, limit=asked.limit, words="reading the newest lines")
    shown = fitting(map(rows.line, answer.rows))
    return {"lines": shown[::-1]}, _cut(len(shown), len(answer.rows), asked, "newest lines")


def _slow(series: Series, asked: Asked) -> Answered:
    text = presets.slowest(asked.contains, slow_ms=asked.slow_ms, limit=asked.limit)
    answer = series.ask(text, limit=asked.limit, words=f"looking for what took {asked.slow_ms:,} ms and more")
    shown = fitting(map(rows.line, answer.rows), _LINES_ROOM)
    part: Part = {"lines": shown}
    notes = _cut(len(shown), len(answer.rows), asked, "slowest lines")
    if series.is_spent:
        return part, [*notes, "Durations over time were left out: the budget is used up."]
    text = presets.durations(asked.contains, series.plan.window)
    found = series.ask(text, limit=_BINS, words="measuring durations over time").rows
    part["overTime"] = sorted(map(rows.durations, found), key=lambda bin_: bin_["start"])
    if not found:
        notes.append("No line says how long anything took: fields such as duration_ms or text such as 'took 1.2 s'.")
    return part, notes


def _pattern(series: Series, asked: Asked) -> Answered:
    text = presets.pattern(asked.contains, limit=asked.limit)
    answer = series.ask(text, limit=asked.limit, words="finding patterns")
    shown = fitting(map(rows.pattern, answer.rows))
    return {"patterns": shown}, _cut(len(shown), len(answer.rows), asked, "most frequent patterns")


def _diff(series: Series, asked: Asked) -> Answered:
    answer = series.ask(presets.diff(asked.contains), limit=COMPARED, words="comparing with the day before")
    changed = sorted(map(rows.pattern, answer.rows), key=lambda row: (-abs(row.get("change", 0)), -row["count"]))
    shown = fitting(changed[: asked.limit])
    return {"patterns": shown}, _cut(len(shown), len(answer.rows), asked, "patterns that changed most")


def _cut(shown: int, found: int, asked: Asked, what: str) -> list[str]:
    if shown == found < asked.limit:
        return []
    if shown == found == asked.limit:
        return [f"Only the {shown} {what} are here, which is the limit: there may be more."]
    return [f"Only the {shown} {what} are here, of {found:,} that were found."]


ANSWERS: Final[dict[Preset, Callable[[Series, Asked], Answered]]] = {
    "errors": _errors,
    "slow": _slow,
    "pattern": _pattern,
    "diff": _diff,
    "lines": _lines,
}
