"""Logs Insights: bounded, and stopped when nobody waits."""

import re
import threading
from collections.abc import Generator
from datetime import UTC, datetime, timedelta

import pytest

from tasks.aws.insights import Query, Scan, query, quoted
from tasks.settings import ToolSettings
from tasks.tool import Cancelled, ToolError
from tests.stand_ins.aws import CREDENTIALS
from tests.stand_ins.insights import PAGE, Insights, insights
from tests.stand_ins.insights_language import printed
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

    rows = query(run, Query(groups=["/app"], text=TEXT, window=WINDOW, limit=10)).rows

    sent = next(iter(logs.queries.values()))
    assert rows == [{"@timestamp": printed(NOW), "@message": "line 0"}]
    assert WINDOW[0].timestamp() - 1 < sent["startTime"] <= WINDOW[0].timestamp()
    assert WINDOW[1].timestamp() <= sent["endTime"] < WINDOW[1].timestamp() + 1


@pytest.mark.parametrize(("limit", "expected"), [(10, 10), (PAGE + 50, PAGE + 50), (10_000, 2 * PAGE + 10)])
def test_pages_are_followed_up_to_the_limit(logs: Insights, run: FakeRun, limit: int, expected: int):
    """AWS, GetQueryResults: results come in pages."""
    fill(logs, 2 * PAGE + 10)

    rows = query(run, Query(groups=["/app"], text=TEXT, window=WINDOW, limit=limit)).rows

    assert [row["@message"] for row in rows] == [f"line {number}" for number in range(expected)]
    assert logs.stopped == []


def test_it_waits_until_the_query_has_ended(logs: Insights, run: FakeRun):
    """AWS, GetQueryResults: Running, with no results, until it is Complete."""
    fill(logs, 1)
    logs.polls = 1

    assert len(query(run, Query(groups=["/app"], text=TEXT, window=WINDOW, limit=10)).rows) == 1


def test_a_cancelled_query_is_stopped_at_aws(logs: Insights, run: FakeRun):
    """Ours: what nobody waits for must not be paid for."""
    fill(logs, 1)
    logs.polls = -1
    canceller = threading.Thread(target=lambda: logs.polled.wait(10) and run.cancel())
    canceller.start()

    with pytest.raises(Cancelled):
        query(run, Query(groups=["/app"], text=TEXT, window=WINDOW, limit=10))

    canceller.join()
    assert logs.stopped == list(logs.queries)


def test_a_query_that_fails_says_so_and_is_left_alone(logs: Insights, run: FakeRun):
    """Ours: no endless polling of a query that has ended."""
    fill(logs, 1)
    logs.status = "Failed"

    with pytest.raises(ToolError, match="ended as Failed"):
        query(run, Query(groups=["/app"], text=TEXT, window=WINDOW, limit=10))
    assert logs.stopped == []


def test_a_query_without_end_is_given_up(logs: Insights, run: FakeRun):
    """Ours: the predecessor polled for ever."""
    fill(logs, 1)
    logs.polls = -1

    with pytest.raises(ToolError, match="was stopped"):
        query(run, Query(groups=["/app"], text=TEXT, window=WINDOW, limit=10, longest=timedelta(0)))
    assert logs.stopped == list(logs.queries)


def test_a_query_is_stopped_at_its_budget_and_says_so(logs: Insights, run: FakeRun):
    """Ours: what is scanned is paid for; what was found until then is kept."""
    fill(logs, 3)
    logs.polls = -1
    logs.scanning = 2_000

    answer = query(run, Query(groups=["/app"], text=TEXT, window=WINDOW, limit=10, budget=5_000))

    assert not answer.whole
    assert answer.scan.bytes == 6_000
    assert [row["@message"] for row in answer.rows] == ["line 0", "line 1", "line 2"]
    assert logs.stopped == list(logs.queries)


def test_how_far_it_is_is_told(logs: Insights, run: FakeRun):
    """AWS, GetQueryResults: statistics come while it runs."""
    fill(logs, 3)
    logs.polls = 1
    logs.scanning = 500
    heard: list[Scan] = []

    answer = query(run, Query(groups=["/app"], text=TEXT, window=WINDOW, limit=2), heard=heard.append)

    assert [scan.bytes for scan in heard] == [500, 1000]
    assert answer.scan == heard[-1] == Scan(bytes=1000, events=3, matched=3)


def test_a_later_attempt_waits_for_the_query_there_is(logs: Insights, run: FakeRun):
    """Ours: a worker's death does not make anybody pay twice."""
    fill(logs, 1)
    asked = Query(groups=["/app"], text=TEXT, window=WINDOW, limit=10)
    ids: list[str] = []
    first = query(run, asked, started=ids.append)

    second = query(FakeRun(), asked, query_id=ids[0])

    assert second == first
    assert list(logs.queries) == ids


@pytest.mark.parametrize("status", ["Cancelled", "Failed", "Timeout"])
def test_a_query_that_was_stopped_is_asked_again(logs: Insights, run: FakeRun, status: str):
    """Ours: a worker that is asked to end stops its query, and the next attempt needs an answer."""
    fill(logs, 1)
    asked = Query(groups=["/app"], text=TEXT, window=WINDOW, limit=10)
    ids: list[str] = []
    query(run, asked, started=ids.append)
    logs.queries[ids[0]]["status"] = status

    assert len(query(run, asked, query_id=ids[0], started=ids.append).rows) == 1
    assert list(logs.queries) == ids
    assert len(ids) == 2


def test_a_query_that_aws_forgot_is_asked_again(logs: Insights, run: FakeRun):
    """AWS, GetQueryResults: results are kept for seven days."""
    fill(logs, 1)

    assert len(query(run, Query(groups=["/app"], text=TEXT, window=WINDOW), query_id="q-of-old").rows) == 1


def test_a_query_is_stopped_when_its_id_could_not_be_kept(logs: Insights, run: FakeRun):
    """Ours: a run that is cancelled between the start of a query and the first look at it leaves none behind."""
    fill(logs, 1)
    logs.polls = -1

    def cancelled(_: str) -> None:
        run.cancel()
        run.check()

    with pytest.raises(Cancelled):
        query(run, Query(groups=["/app"], text=TEXT, window=WINDOW, limit=10), started=cancelled)

    assert logs.stopped == list(logs.queries) == ["q-0"]


def test_a_busy_account_is_waited_for(logs: Insights, run: FakeRun):
    """AWS, quotas: so many queries at once, and one of them ends soon."""
    fill(logs, 1)
    logs.busy = 2

    assert len(query(run, Query(groups=["/app"], text=TEXT, window=WINDOW, limit=10)).rows) == 1


def test_another_region_is_asked_there(logs: Insights, run: FakeRun):
    """Ours: logs may be kept elsewhere than tasks run."""
    fill(logs, 1)

    query(run, Query(groups=["/app"], text=TEXT, window=WINDOW, limit=10, region="eu-west-1"))

    assert logs.regions == {"eu-west-1"}


def test_another_region_must_be_allowed(logs: Insights):
    """MCP_AWS_REGIONS."""
    run = FakeRun(settings=ToolSettings(aws_regions=("us-east-1",)))

    with pytest.raises(ToolError, match="eu-west-1"):
        query(run, Query(groups=["/app"], text=TEXT, window=WINDOW, limit=10, region="eu-west-1"))
    assert not logs.queries


@pytest.mark.parametrize("text", ["it's", "back\\slash", "a' | stats count(*)", "\\' or 1"])
def test_what_is_quoted_stays_one_literal(text: str):
    """Ours: an argument ends no string."""
    inside = quoted(text)[1:-1]

    assert re.fullmatch(r"(?:[^'\\]|\\.)*", inside)
    assert re.sub(r"\\(.)", r"\1", inside) == text
