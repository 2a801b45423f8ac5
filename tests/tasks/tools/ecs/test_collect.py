"""Which time the logs are read of."""

from datetime import UTC, datetime, timedelta

from tasks.tools.ecs.collect import window_of
from tasks.tools.ecs.shapes import Task

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
HALF_AN_HOUR = timedelta(minutes=30)


def stopped(at: datetime) -> Task:
    return {"taskArn": "arn", "tags": {}, "containers": [], "stoppedAt": at.isoformat()}


def test_a_task_that_runs_is_read_up_to_now():
    """Ours: windowMinutes counts back from now."""
    running: Task = {"taskArn": "arn", "tags": {}, "containers": []}

    assert window_of(running, HALF_AN_HOUR, now=NOW) == (NOW - HALF_AN_HOUR, NOW)
    assert window_of(None, HALF_AN_HOUR, now=NOW) == (NOW - HALF_AN_HOUR, NOW)


def test_a_task_that_stopped_an_hour_ago_is_read_up_to_its_end():
    """Ours: its last lines are the ones that matter."""
    start, end = window_of(stopped(NOW - timedelta(hours=1)), HALF_AN_HOUR, now=NOW)

    assert NOW - timedelta(hours=1) < end < NOW - timedelta(minutes=55)
    assert end - start == HALF_AN_HOUR


def test_a_task_that_stopped_just_now_is_not_read_into_the_future():
    """Ours."""
    assert window_of(stopped(NOW), HALF_AN_HOUR, now=NOW)[1] == NOW
