"""Logs Insights: bounded, and stopped when nobody waits."""

import threading
from collections.abc import Generator
from datetime import UTC, datetime, timedelta

import pytest

from tasks.tool import Cancelled, ToolError
from tasks.tools.ecs.insights import query
from tests.stand_ins.aws import CREDENTIALS
from tests.stand_ins.insights import PAGE, Insights, insights, printed
from tests.stand_ins.run import FakeRun

NOW = datetime.now(UTC)
WINDOW = (NOW - timedelta(minutes=30), NOW)
TEXT = "fields @timestamp, @message | sort @timestamp desc"


@pytest.fixture
def logs(monkeypatch: pytest.MonkeyPatch) -> Generator[Insights]:
    with insights(polls=0) as made:
        for name, value in (CREDENTIALS | made.environment()).items():
            monkeypatch.setenv(name, value)
        yield made


def fill(logs: Insights, count: int) -> None:
    logs.groups["/app"] = [
        {"@timestamp": printed(NOW - timedelta(seconds=number)), "@message": f"line {number}", "@ptr": "opaque"}
        for number in range(count)
    ]


def test_times_are_seconds_and_the_last_one_is_whole(logs: Insights, run: FakeRun):
    """AWS, StartQuery: seconds since the epoch. The predecessor sent milliseconds."""
    fill(logs, 1)

    rows = query(run, ["/app"], TEXT, window=WINDOW, limit=10)

    sent = next(iter(logs.queries.values()))
    assert rows == [{"@timestamp": printed(NOW), "@message": "line 0"}]
    assert WINDOW[0].timestamp() - 1 < sent["startTime"] <= WINDOW[0].timestamp()
    assert WINDOW[1].timestamp() <= sent["endTime"] < WINDOW[1].timestamp() + 1


@pytest.mark.parametrize(("limit", "expected"), [(10, 10), (PAGE + 50, PAGE + 50), (10_000, 2 * PAGE + 10)])
def test_pages_are_followed_up_to_the_limit(logs: Insights, run: FakeRun, limit: int, expected: int):
    """AWS, GetQueryResults: results come in pages."""
    fill(logs, 2 * PAGE + 10)

    rows = query(run, ["/app"], TEXT, window=WINDOW, limit=limit)

    assert [row["@message"] for row in rows] == [f"line {number}" for number in range(expected)]
    assert logs.stopped == []


def test_it_waits_until_the_query_has_ended(logs: Insights, run: FakeRun):
    """AWS, GetQueryResults: Running, with no results, until it is Complete."""
    fill(logs, 1)
    logs.polls = 1

    assert len(query(run, ["/app"], TEXT, window=WINDOW, limit=10)) == 1


def test_a_cancelled_query_is_stopped_at_aws(logs: Insights, run: FakeRun):
    """Ours: what nobody waits for must not be paid for."""
    fill(logs, 1)
    logs.polls = -1
    canceller = threading.Thread(target=lambda: logs.polled.wait(10) and run.cancel())
    canceller.start()

    with pytest.raises(Cancelled):
        query(run, ["/app"], TEXT, window=WINDOW, limit=10)

    canceller.join()
    assert logs.stopped == list(logs.queries)


def test_a_query_that_fails_says_so_and_is_left_alone(logs: Insights, run: FakeRun):
    """Ours: no endless polling of a query that has ended."""
    fill(logs, 1)
    logs.status = "Failed"

    with pytest.raises(ToolError, match="ended as Failed"):
        query(run, ["/app"], TEXT, window=WINDOW, limit=10)
    assert logs.stopped == []


def test_a_query_without_end_is_given_up(logs: Insights, run: FakeRun, monkeypatch: pytest.MonkeyPatch):
    """Ours: the predecessor polled for ever."""
    monkeypatch.setattr("tasks.tools.ecs.insights.LONGEST", timedelta(0))
    fill(logs, 1)
    logs.polls = -1

    with pytest.raises(ToolError, match="was stopped"):
        query(run, ["/app"], TEXT, window=WINDOW, limit=10)
    assert logs.stopped == list(logs.queries)
