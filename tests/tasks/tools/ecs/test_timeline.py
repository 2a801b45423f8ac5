"""A chart small enough for an answer, without losing what matters in it."""

import json
import math
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import TypeAdapter

from tasks.tools.ecs.timeline import Series, Timeline, Unit, trimmed
from tests.stand_ins.timelines import MINUTE, START, happened, hostile, incident

WEEK = 7 * 24 * 60


def measured(values: list[float], unit: Unit = "percent") -> Timeline:
    """A value a minute."""
    points = [(START + n * MINUTE, value) for n, value in enumerate(values)]
    return {
        "start": START,
        "end": START + len(values) * MINUTE,
        "series": [{"name": "x", "unit": unit, "points": points}],
        "markers": [],
    }


def only(timeline: Timeline) -> Series:
    return timeline["series"][0]


def test_the_highest_of_a_week_stays_to_the_minute():
    """Ours: a peak of one minute is what somebody is looking for."""
    values = [20.0] * WEEK
    values[4321] = 99.0

    points = only(trimmed(measured(values), most_points=100))["points"]

    assert len(points) == 100
    assert (START + 4321 * MINUTE, 99.0) in points


def test_of_running_tasks_the_lowest_stays():
    """Ours: the moment in which none ran."""
    values = [4.0] * WEEK
    values[77] = 0.0

    points = only(trimmed(measured(values, "tasks"), most_points=50))["points"]

    assert (START + 77 * MINUTE, 0.0) in points


@given(
    st.lists(st.tuples(st.integers(-10, 5000), st.floats()), max_size=300),
    st.integers(1, 40),
    st.sampled_from(["percent", "count", "seconds", "tasks"]),
)
def test_whatever_was_measured_it_is_few_in_order_real_and_within_the_window(
    given_points: list[tuple[int, float]], most: int, unit: Unit
):
    """Ours: every point that stays was measured, to six digits; the worst is among them."""
    timeline: Timeline = {
        "start": 0,
        "end": 4000,
        "series": [{"name": "x", "unit": unit, "points": given_points}],
        "markers": [],
    }

    points = only(trimmed(timeline, most_points=most))["points"]

    usable = [
        (at, value if value.is_integer() else float(f"{value:.6g}"))
        for at, value in given_points
        if 0 <= at <= 4000 and math.isfinite(value)
    ]
    worst = min if unit == "tasks" else max
    assert len(points) <= most
    assert [at for at, _ in points] == sorted(at for at, _ in points)
    assert set(points) <= set(usable)
    assert not usable or worst(value for _, value in usable) == worst(value for _, value in points)


def test_the_markers_that_explain_most_stay():
    """Ours: a crash loop of hundreds of tasks does not push the deployment out that caused it."""
    timeline = measured([1.0] * 1000)
    timeline["markers"] = [happened(n, "stopped", f"task {n}", f"task:{n}") for n in range(900)]
    timeline["markers"].append(happened(3, "deployment", "web:2", "deployment:1"))

    markers = trimmed(timeline, most_markers=10)["markers"]

    assert [marker["label"] for marker in markers] == ["web:2", *(f"task {n}" for n in range(891, 900))]


def test_words_are_cleaned_and_cut():
    """Ours: no colour codes, nothing that reverses text, no secret, one line, not endless."""
    timeline = measured([1.0])
    timeline["markers"] = [happened(0, "change", "\x1b[31mred\u202e\npassword=hunter2 " + "w " * 500, "change:1")]

    label = trimmed(timeline)["markers"][0]["label"]

    assert label.startswith("red password=[secret] w w")
    assert label.endswith("…")
    assert len(label) == 120


def test_a_long_incident_is_small_and_fits_its_schema():
    """Ours: six series of a week and hundreds of markers take less than 16 kB of an answer."""
    timeline = incident()
    timeline["end"] = START + WEEK * MINUTE
    for series in timeline["series"]:
        series["points"] = [(START + n * MINUTE, 100 / 3) for n in range(WEEK)]
    timeline["markers"] *= 100

    adapter = TypeAdapter(Timeline)
    plain = adapter.dump_json(trimmed(timeline))

    assert len(plain) < 16_000
    schema = adapter.json_schema(mode="serialization")
    cast("Any", Draft202012Validator)(schema).validate(json.loads(plain))


def test_hostile_words_are_no_reason_to_fail():
    """Ours: half a character has no UTF-8, and is replaced."""
    TypeAdapter(Timeline).dump_json(trimmed(hostile()))


def test_a_window_of_no_length_is_a_millisecond():
    """Ours: nothing divides by zero."""
    timeline = measured([1.0, 2.0])
    timeline["end"] = timeline["start"]

    shown = trimmed(timeline, most_points=1)

    assert (shown["end"] - shown["start"], only(shown)["points"]) == (1, [(START, 1.0)])
