"""The patterns that matter most, as JSON for a model and a client, within a budget.

What a log says is data: it stands in `template` and in the samples' `text` alone, and what looks there like an evidence
id is written so that it is none.
"""

import json
import re
from typing import Final, NotRequired

from typing_extensions import TypedDict

from tasks.mining.miner import Miner, moment
from tasks.mining.pattern import Pattern, Sample
from tasks.mining.severity import ORDER, Severity

LEAST_TOKENS: Final = 400
CHARACTERS: Final = 3
"""Characters, in UTF-8 bytes, that count as a token."""
RISE: Final = 3.0
"""A pattern that is this many times as frequent as in the baseline is ranked before its like."""
_TEMPLATE: Final = 400
"""Bytes of a template."""
_LEAST_SAMPLE: Final = 200
_SAMPLES: Final = 0.6
"""The part of the budget that patterns leave to samples first; what these leave goes to more patterns."""
_ROOMY: Final = 3_000
"""Bytes under which the worst pattern takes what it needs."""

# An id of evidence as the answers of a model cite it, even as the end of a longer word.
KINDS: Final = (
    "alarm|change|cluster|definition|deployment|event|evidence|finding|image|lines|log|metric|network|rollout|rule"
    "|scaling|section|service|target|task|trail"
)
"""Of evidence, as a regular expression."""
_CITED: Final = re.compile(rf"(?i)({KINDS}):(?=\d)")


class SampleShape(TypedDict):
    at: str
    text: str


class PerMinute(TypedDict):
    mean: float
    peak: float
    peakAt: str


class Entry(TypedDict):
    id: str
    template: str
    count: int
    first: str
    last: str
    perMinute: PerMinute
    severity: Severity
    isNew: bool
    rose: NotRequired[float]
    """The factor against the baseline."""
    samples: list[SampleShape]


class Left(TypedDict):
    patterns: int
    events: int


class Digest(TypedDict):
    lines: int
    events: int
    patterns: list[Entry]
    leftOut: Left
    """For the budget's sake; the counts are known."""
    forgotten: Left
    """While the lines were read, for there were more patterns than are kept: one that is new may have been before."""


def digest(
    miner: Miner, budget_tokens: int, *, since: int | None = None, baseline: tuple[int, int] | None = None
) -> Digest:
    """At most *budget_tokens* long; ValueError under LEAST_TOKENS.

    Patterns are new when first seen at or after *since*, and rose against *baseline*; both in milliseconds since 1970.
    """
    if budget_tokens < LEAST_TOKENS:
        raise ValueError(f"a digest takes at least {LEAST_TOKENS} tokens")
    miner.flush()
    ranked = _ranked(miner, since, baseline)
    everything: Left = {"patterns": len(ranked), "events": miner.events}
    patterns, events = miner.forgotten
    found: Digest = {
        "lines": miner.lines,
        "events": miner.events,
        "patterns": [],
        # The longest that these numbers get.
        "leftOut": everything,
        "forgotten": {"patterns": patterns, "events": events},
    }
    room = budget_tokens * CHARACTERS - size(found)
    kept = int(room * _SAMPLES) if room > _ROOMY else 0
    shown, left = _within(ranked, room - kept)
    more, _ = _within(ranked[len(shown) :], _sampled(shown, left + kept))
    shown += more
    found["patterns"] = [entry for _, entry in shown]
    counted = sum(entry["count"] for _, entry in shown)
    found["leftOut"] = {"patterns": len(ranked) - len(shown), "events": miner.events - events - counted}
    return found


def size(value: object) -> int:
    """Bytes of *value* as it is framed for a model: "<" is escaped there."""
    text = json.dumps(value, ensure_ascii=False)
    return len(text.encode()) + 5 * text.count("<")


def _ranked(miner: Miner, since: int | None, baseline: tuple[int, int] | None) -> list[tuple[Pattern, Entry]]:
    found: list[tuple[Pattern, Entry]] = []
    for one in miner.patterns:
        entry = _entry(one, is_new=miner.is_new(one, since))
        if since is not None and baseline is not None and (rose := miner.rise(one, since, baseline)) is not None:
            entry["rose"] = rose
        found.append((one, entry))
    return sorted(found, key=_rank)


def _rank(each: tuple[Pattern, Entry]) -> tuple[int, bool, bool, int, int]:
    one, entry = each
    return ORDER[one.severity], not entry["isNew"], entry.get("rose", 0.0) < RISE, -one.count, one.number


def _entry(one: Pattern, *, is_new: bool) -> Entry:
    minute, peak = one.buckets.peak()
    minutes = (one.last[0] - one.first[0]) / 60_000
    return {
        "id": f"log:{one.number}",
        "template": _template(one),
        "count": one.count,
        "first": moment(one.first[0]),
        "last": moment(one.last[0]),
        "perMinute": {
            "mean": round(one.count / max(1.0, minutes), 2),
            "peak": round(peak, 2),
            "peakAt": moment(minute * 60_000),
        },
        "severity": one.severity,
        "isNew": is_new,
        "samples": [],
    }


def _within(ranked: list[tuple[Pattern, Entry]], room: int) -> tuple[list[tuple[Pattern, Entry]], int]:
    """The first that there is room for, samples left aside, and the room that is left."""
    shown: list[tuple[Pattern, Entry]] = []
    for one, entry in ranked:
        cost = size(entry) + 2
        if cost > room:
            break
        shown.append((one, entry))
        room -= cost
    return shown, room


def _sampled(shown: list[tuple[Pattern, Entry]], room: int) -> int:
    """Fill in samples: each pattern's first, then the edges of bursts and the last ones. The room that is left."""
    for turn in range(4):
        for one, entry in shown:
            samples = _samples(one)
            if turn >= len(samples):
                continue
            at, text = samples[turn]
            # No one sample takes more than a quarter of what is left.
            sample = _fitting(at, text, max(_LEAST_SAMPLE, room // 4))
            cost = size(sample) + 2
            if cost <= room:
                entry["samples"].append(sample)
                room -= cost
    for _, entry in shown:
        entry["samples"].sort(key=lambda sample: sample["at"])
    return room


def _template(one: Pattern) -> str:
    text = _shortened(" ".join(one.tokens), _TEMPLATE)
    while size(text) > _TEMPLATE + 2:
        text = _shortened(text, len(text) * 2 // 3)
    return harmless(text)


def _fitting(at: int, text: str, room: int) -> SampleShape:
    sample: SampleShape = {"at": moment(at), "text": harmless(text)}
    while size(sample) + 2 > room and len(text) > 1:
        text = _shortened(text, len(text) * 2 // 3)
        sample["text"] = harmless(text)
    return sample


def _samples(one: Pattern) -> list[Sample]:
    edges = [one.burst.start, one.burst.end] if one.burst else []
    return list(dict.fromkeys([one.first, *edges, one.last]))


def harmless(text: str) -> str:
    """*text* in which nothing reads as an id of evidence."""
    return _CITED.sub(r"\1.", text)


def _shortened(text: str, longest: int) -> str:
    """The beginning and the end of *text*."""
    if len(text) <= longest:
        return text
    end = longest // 4
    return f"{text[: max(0, longest - end - 5)]} ... {text[len(text) - end :]}"[:longest]
