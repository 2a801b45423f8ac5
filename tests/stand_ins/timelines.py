"""An hour and a half in which a deployment goes wrong, as a chart is given it."""

import math
from collections.abc import Callable

from tasks.tools.ecs.timeline import Kind, Marker, Series, Timeline, Unit

START = 1_795_852_800_000
"""2026-11-28T08:00:00Z."""
MINUTE = 60_000
HOSTILE = "$\\frac{1}{0}$ _x^ <img src=x onerror=alert(1)> \x1b[31mred\u202e \U0001f600 \ud83d 日本"
"""Mathematics, markup, colour codes, reversed text, a picture, half a character, and glyphs that few fonts have."""


def incident() -> Timeline:
    """Memory fills up after a deployment, tasks are killed, errors rise, and it is rolled back."""
    series = [
        _measured("cpu", "percent", lambda n: 28 + 6 * math.sin(n / 7) + (38 if 33 < n < 52 else 0)),
        _measured("memory", "percent", lambda n: 41 + (0 if n < 30 else (n - 30) * 2.6 if n < 52 else 8)),
        _measured("errors", "count", lambda n: 40 + 20 * math.sin(n) // 1 if 36 < n < 54 else n % 3),
        _measured("5xx", "count", lambda n: 12 + 4 * math.cos(n) // 1 if 38 < n < 54 else 0),
        _measured("latency", "seconds", lambda n: 1.3 if 36 < n < 53 else 0.18 + (n % 5) / 100),
        _measured("running", "tasks", lambda n: 4 if n < 37 or n > 52 else 3 if n < 44 else 2),
    ]
    markers = [
        happened(30, "deployment", "checkout:42 deployed", "deployment:1"),
        happened(37, "stopped", "OutOfMemoryError: container killed", "task:1"),
        happened(39, "alarm", "checkout-5xx-high in ALARM", "alarm:1"),
        happened(44, "stopped", "OutOfMemoryError: container killed", "task:2"),
        happened(47, "scaling", "desired count 4 → 6", "scaling:1"),
        happened(52, "deployment", "rolled back to checkout:41", "deployment:2"),
    ]
    return {"start": START, "end": START + 90 * MINUTE, "series": series, "markers": markers}


def hostile() -> Timeline:
    """Words that are meant to break a chart, everywhere a word may stand."""
    told = incident()
    told["series"] = [{"name": HOSTILE * 9, "unit": each["unit"], "points": each["points"]} for each in told["series"]]
    told["markers"] = [
        {"at": each["at"], "kind": each["kind"], "label": HOSTILE, "evidence": HOSTILE} for each in told["markers"]
    ]
    return told


def empty() -> Timeline:
    return {"start": START, "end": START + 90 * MINUTE, "series": [], "markers": []}


def happened(minute: int, kind: Kind, label: str, evidence: str) -> Marker:
    return {"at": START + minute * MINUTE, "kind": kind, "label": label, "evidence": evidence}


def _measured(name: str, unit: Unit, value: Callable[[int], float]) -> Series:
    """A point a minute, but for six minutes in which nothing was measured."""
    points = [(START + n * MINUTE, float(value(n))) for n in range(90) if unit != "percent" or not 60 < n < 66]
    return {"name": name, "unit": unit, "points": points}
