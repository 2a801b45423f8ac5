"""What a chart of the investigation shows: its series, and the moments that explain them."""

from typing import Final

from tasks.tools.ecs.facts import Facts
from tasks.tools.ecs.happenings import happenings
from tasks.tools.ecs.timeline import Marker, Series, Timeline

_SHOWN: Final = ("cpu", "memory", "5xx", "latency", "running", "unhealthy")


def chart(facts: Facts, start: int, end: int) -> Timeline:
    """All of it; `trimmed` makes it small."""
    series: list[Series] = [
        {"name": each.name, "unit": each.unit, "points": list(each.points)}
        for name in _SHOWN
        for each in facts.metrics or ()
        if each.name == name
    ]
    minutes = facts.logs.minutes if facts.logs else ()
    if any(errors for _, _, errors in minutes):
        series.append(
            {"name": "errors", "unit": "count", "points": [(minute, float(errors)) for minute, _, errors in minutes]}
        )
    return {"start": start, "end": end, "series": series, "markers": _markers(facts, start, end)}


def _markers(facts: Facts, start: int, end: int) -> list[Marker]:
    """What happened in the window; lines of logs are a series of their own."""
    return [
        {"at": each.at, "kind": each.kind, "label": each.words, "evidence": each.evidence}
        for each in sorted(happenings(facts))
        if each.kind != "log" and start <= each.at <= end
    ]
