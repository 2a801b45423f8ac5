"""What a chart shows."""

import pytest

from tasks.tools.ecs.chart import chart
from tasks.tools.ecs.facts import Logs
from tests.stand_ins.facts import NOW, ago, alarm, ended, facts, metric, pattern, rollout


def test_series_are_shown_in_their_order_with_the_errors_of_the_log():
    """Ours: requests are measured, and not shown."""
    minutes = ((ago(2), 50, 0), (ago(1), 60, 7))
    known = facts(
        metrics=(metric("requests", 5), metric("memory", *range(240), number=2), metric("cpu", 3, number=3)),
        logs=Logs(groups=("/ecs/web",), minutes=minutes),
    )

    found = chart(known, ago(60), NOW)

    assert [each["name"] for each in found["series"]] == ["cpu", "memory", "errors"]
    assert len(found["series"][1]["points"]) == 240
    assert found["series"][2]["points"] == [(ago(2), 0.0), (ago(1), 7.0)]


@pytest.mark.parametrize("minutes", [(), ((ago(1), 60, 0),)])
def test_a_log_without_errors_is_no_series(minutes: tuple[tuple[int, int, int], ...]):
    """Ours."""
    assert chart(facts(logs=Logs(groups=(), minutes=minutes)), ago(60), NOW)["series"] == []


def test_what_happened_in_the_time_is_marked():
    """Ours: with what it rests on; lines of logs are a series of their own."""
    known = facts(
        deployments=(rollout(1, 8, 30), rollout(2, 7, 3_000)),
        tasks=(ended(1, 20),),
        alarms=(alarm(1, "web-5xx", minutes=10),),
        logs=Logs(groups=(), patterns=(pattern(1, "ERROR"),)),
    )

    marks = chart(known, ago(60), NOW)["markers"]

    assert [(each["kind"], each["evidence"]) for each in marks] == [
        ("deployment", "deployment:1"),
        ("stopped", "task:1"),
        ("alarm", "alarm:1"),
    ]
