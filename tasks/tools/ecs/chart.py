"""What a chart of the investigation shows: its series, and the moments that explain them."""

from collections.abc import Sequence
from typing import Final

from tasks.tools.ecs.answer import Marker, Series, Timeline
from tasks.tools.ecs.facts import Facts
from tasks.tools.ecs.happenings import happenings

POINTS: Final = 60
"""Of a series, in the answer."""
MARKERS: Final = 20
LABEL: Final = 60
"""Characters."""
_SHOWN: Final = ("cpu", "memory", "5xx", "latency", "running", "unhealthy")


def chart(facts: Facts, start: int, end: int) -> Timeline:
    series: list[Series] = [
        {"name": each.name, "unit": each.unit, "points": thinned(each.points)}
        for name in _SHOWN
        for each in facts.metrics or ()
        if each.name == name
    ]
    minutes = facts.logs.minutes if facts.logs else ()
    if any(errors for _, _, errors in minutes):
        points = [(minute, float(errors)) for minute, _, errors in minutes]
        series.append({"name": "errors", "unit": "count", "points": thinned(points)})
    return {"start": start, "end": end, "series": series, "markers": _markers(facts, start, end)}


def thinned(points: Sequence[tuple[int, float]], most: int = POINTS) -> list[tuple[int, float]]:
    """At most so many points, of each stretch the highest: a peak must not vanish."""
    width = -(-len(points) // most) or 1
    stretches = (points[n : n + width] for n in range(0, len(points), width))
    return [(at, round(value, 3)) for at, value in (max(each, key=lambda point: point[1]) for each in stretches)]


def _markers(facts: Facts, start: int, end: int) -> list[Marker]:
    """The newest of what happened in the window; lines of logs are a series of their own."""
    found = sorted(each for each in happenings(facts) if start <= each.at <= end)
    marks: list[Marker] = [
        {"at": each.at, "kind": each.kind, "label": each.words[:LABEL], "evidence": each.evidence}
        for each in found
        if each.kind != "log"
    ]
    return marks[-MARKERS:]
