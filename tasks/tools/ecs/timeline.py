"""What a chart shows: measured values over time, and what happened in between.

The shape is part of the tool's result, so it has to be small: `trimmed` keeps what a reader must not miss.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Final, Literal

from typing_extensions import TypedDict

from tasks.mining.clean import clean

__all__ = ["KINDS", "UNITS", "Kind", "Marker", "Series", "Timeline", "Unit", "trimmed"]

Unit = Literal["percent", "count", "seconds", "tasks"]
Kind = Literal["deployment", "stopped", "alarm", "scaling", "change"]

UNITS: Final[tuple[Unit, ...]] = ("percent", "count", "seconds", "tasks")
"""In the order their panels stand."""
KINDS: Final[tuple[Kind, ...]] = ("deployment", "alarm", "change", "scaling", "stopped")
"""The ones that explain most come first; when there are too many markers the others go."""
MOST_POINTS: Final = 60
"""A series of an hour stays whole. Six series and their markers are some 12 kB of JSON then."""
MOST_MARKERS: Final = 40
LONGEST_LABEL: Final = 120


class Series(TypedDict):
    """One measurement over time."""

    name: str
    """`cpu`, `memory`, `errors`, `5xx`, `latency` or `running`; any other works."""
    unit: Unit
    points: list[tuple[int, float]]
    """Milliseconds since 1970, and the value then."""


class Marker(TypedDict):
    """Something that happened at one moment."""

    at: int
    """Milliseconds since 1970."""
    kind: Kind
    label: str
    evidence: str
    """The id under which the result says more, `deployment:1`."""


class Timeline(TypedDict):
    """A window of time; *start* and *end* are milliseconds since 1970."""

    start: int
    end: int
    series: list[Series]
    markers: list[Marker]


def trimmed(timeline: Timeline, *, most_points: int = MOST_POINTS, most_markers: int = MOST_MARKERS) -> Timeline:
    """*timeline* in order, within its window, with at most *most_points* to a series and *most_markers* in all.

    Of each stretch of time the worst point stays, as it was measured and when: the highest, or for running tasks the
    lowest. Values that are no numbers go, fractions keep six digits, and labels are cleaned and cut.
    """
    start, end = timeline["start"], max(timeline["end"], timeline["start"] + 1)
    return {
        "start": start,
        "end": end,
        "series": [_thinned(series, start, end, most_points) for series in timeline["series"]],
        "markers": _most_telling([each for each in timeline["markers"] if start <= each["at"] <= end], most_markers),
    }


def _thinned(series: Series, start: int, end: int, most: int) -> Series:
    points = sorted(
        (at, _short(value)) for at, value in series["points"] if start <= at <= end and math.isfinite(value)
    )
    if len(points) > most:
        points = _worst(points, start, end - start + 1, most, lowest=series["unit"] == "tasks")
    return {"name": _words(series["name"]), "unit": series["unit"], "points": points}


def _short(value: float) -> float:
    return value if value.is_integer() else float(f"{value:.6g}")


def _worst(
    points: Iterable[tuple[int, float]], start: int, span: int, most: int, *, lowest: bool
) -> list[tuple[int, float]]:
    """The worst point of each of *most* equal stretches of time, if it has one."""
    sign = -1 if lowest else 1
    kept: dict[int, tuple[int, float]] = {}
    for at, value in points:
        stretch = (at - start) * most // span
        if stretch not in kept or sign * value > sign * kept[stretch][1]:
            kept[stretch] = (at, value)
    return list(kept.values())


def _most_telling(markers: Sequence[Marker], most: int) -> list[Marker]:
    """The *most* that explain most, the newest of a kind first; in the order they happened."""
    ranked = sorted(markers, key=lambda each: (KINDS.index(each["kind"]), -each["at"]))[:most]
    return [
        {"at": each["at"], "kind": each["kind"], "label": _words(each["label"]), "evidence": _words(each["evidence"])}
        for each in sorted(ranked, key=lambda each: each["at"])
    ]


def _words(text: str) -> str:
    """One line of somebody else's words, without secrets and what hides or steers."""
    line = " ".join(clean(text).split())
    return line if len(line) <= LONGEST_LABEL else f"{line[: LONGEST_LABEL - 1]}…"
