"""Where the labels of a chart's markers stand: beside their lines, in rows, and never over each other."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from tasks.tools.ecs.timeline import KINDS, Kind

__all__ = ["Flag", "Label", "flags"]

_BESIDE: Final = 6
"""Pixels between a line and its label, and at least between two labels."""


@dataclass(frozen=True)
class Label:
    """What is to be written at the line *at*, in pixels from the left."""

    at: float
    text: str
    kind: Kind


@dataclass(frozen=True)
class Flag:
    """A label that has found its place: where it begins, and in which row above the panels (0 is the lowest)."""

    at: float
    text: str
    kind: Kind
    left: float
    lane: int


def flags(
    labels: Sequence[Label], width: Callable[[str], float], *, right: float, lanes: int
) -> tuple[list[Flag], int]:
    """The labels that fit into *lanes* rows up to *right*, and how many did not.

    Those that explain most choose first. A label stands to the right of its line, or to the left near the edge.
    """
    taken: list[list[tuple[float, float]]] = [[] for _ in range(lanes)]
    placed: list[Flag] = []
    for label in sorted(labels, key=lambda each: (KINDS.index(each.kind), each.at)):
        wide = width(label.text)
        left = label.at + _BESIDE
        if left + wide > right:
            left = label.at - _BESIDE - wide
        reach = (min(left, label.at) - _BESIDE, max(left + wide, label.at) + _BESIDE)
        lane = next((lane for lane, others in enumerate(taken) if not _meets(reach, others)), None)
        if lane is not None:
            taken[lane].append(reach)
            placed.append(Flag(label.at, label.text, label.kind, left, lane))
    return placed, len(labels) - len(placed)


def _meets(reach: tuple[float, float], others: Sequence[tuple[float, float]]) -> bool:
    return any(reach[0] < end and start < reach[1] for start, end in others)
