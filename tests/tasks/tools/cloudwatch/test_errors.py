"""Error lines of which there are more than a query answers."""

from datetime import UTC, datetime, timedelta

from tests.stand_ins.aws import Aws
from tests.stand_ins.logs import event, fill, search
from tests.stand_ins.run import FakeRun


def test_a_stack_trace_over_several_lines_is_one_event(cloud: Aws, run: FakeRun):
    """AWS, sort desc: the newest comes first, and a trace is read from its top."""
    trace = (
        "java.lang.IllegalStateException: boom",
        "\tat com.shop.ErrorHandler.run(ErrorHandler.java:3)",
        "Caused by: java.io.IOException: no",
    )
    fill(cloud, *(event(text, ago=timedelta(seconds=60 - place)) for place, text in enumerate(trace)))

    (entry,) = search(run)["errors"]["patterns"]

    assert entry["count"] == 1
    assert "\n".join(trace) == entry["samples"][0]["text"]


def test_more_error_lines_than_a_query_answers_are_asked_for_in_parts(cloud: Aws, run: FakeRun):
    """AWS, StartQuery: 10,000 rows. Ours: each line is counted once, on whichever side of a cut it is."""
    step = timedelta(milliseconds=150)
    fill(cloud, *(event(f"ERROR number {number}", ago=number * step) for number in range(1, 23_457)))
    cloud.insights.page = 10_000

    found = search(run)

    assert found["errors"]["lines"] == found["errors"]["patterns"][0]["count"] == 23_456
    assert (found["scanned"]["queries"], len(found["queries"]), found["complete"]) == (3, 1, True)
    ends = [query["endTime"] for query in cloud.insights.queries.values()]
    assert ends == sorted(ends, reverse=True)


def test_parts_are_bounded_and_what_they_do_not_reach_is_said(cloud: Aws, run: FakeRun):
    """Ours: a flood of errors ends with the newest of them, and since when they are."""
    step = timedelta(milliseconds=50)
    fill(cloud, *(event(f"ERROR number {number}", ago=number * step) for number in range(1, 41_001)))
    cloud.insights.page = 10_000

    found = search(run)

    assert found["scanned"]["queries"] == 4
    assert 39_900 < found["errors"]["lines"] <= 40_000
    assert f"Only the newest {found['errors']['lines']:,} error lines were read, back to" in found["notes"][0]


def test_a_second_with_more_lines_than_a_query_answers_is_passed(cloud: Aws, run: FakeRun):
    """AWS: times of queries are whole seconds, so such a second cannot be parted. Ours: it is said."""
    half = timedelta(seconds=59.5)
    now = datetime.now(UTC).replace(microsecond=0)
    fill(cloud, *(event("ERROR flood", ago=half) for _ in range(10_001)), event("ERROR before"), now=now)
    cloud.insights.page = 10_000

    found = search(run)

    assert {entry["template"] for entry in found["errors"]["patterns"]} == {"ERROR flood", "ERROR before"}
    assert "has more error lines than a query answers" in found["notes"][0]
