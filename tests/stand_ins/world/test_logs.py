"""Insights as the world has it: queries are evaluated, and what is not understood is refused."""

from collections.abc import Generator
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.stand_ins.world.failures import healthy, log_flood
from tests.stand_ins.world.lines import Event, Written
from tests.stand_ins.world.names import LOG_GROUP, PERFORMANCE, task_id
from tests.stand_ins.world.performance import performance_log
from tests.stand_ins.world.shop import healthy_shop
from tests.stand_ins.world.world import World, serving_world

GROUP = "/ecs/other"


@pytest.fixture(scope="module")
def world() -> Generator[World]:
    with serving_world(healthy_shop()) as made:
        healthy(made)
        made.logs.polls = 0
        yield made


def fill(world: World, *messages: str, stream: str = "ecs/web/1") -> None:
    """A second apart, beginning a minute ago."""
    start = round(world.account.ago(1).timestamp() * 1000)
    log = Written()
    log.add(*(Event(start + 1000 * number, stream, message) for number, message in enumerate(messages)))
    world.logs.groups[GROUP] = log


def ask(world: World, text: str, *, group: str = GROUP, minutes: float = 60, limit: int = 10_000) -> Any:
    """All pages of the answer."""
    logs, now = world.client("logs"), world.account.now
    window = {"startTime": int((now - timedelta(minutes=minutes)).timestamp()), "endTime": int(now.timestamp()) + 1}
    query = logs.start_query(logGroupNames=[group], queryString=text, limit=limit, **window)["queryId"]
    answer = logs.get_query_results(queryId=query)
    token = answer.get("nextToken")
    while token:
        page = logs.get_query_results(queryId=query, nextToken=token)
        answer["results"] += page["results"]
        token = page.get("nextToken")
    return answer


def rows(answer: Any) -> list[dict[str, str]]:
    return [{each["field"]: each["value"] for each in row} for row in answer["results"]]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("@message like /(?i)error|timeout/", ["ERROR a", "Timeout b"]),
        ("@message not like /(?i)error|timeout/", ["info c's"]),
        (r"@message like 'c\'s'", ["info c's"]),
        ("@logStream in ['ecs/web/1', 'ecs/web/2']", ["ERROR a", "Timeout b", "info c's"]),
        ("@logStream in ['ecs/web/2']", []),
        ("@logStream like /web.1/ and @message like /ERROR/", ["ERROR a"]),
        ("@message like / and |b/", ["Timeout b"]),
        ("@logStream = 'ecs/web/1'", ["ERROR a", "Timeout b", "info c's"]),
    ],
)
def test_lines_are_filtered_as_the_query_says(world: World, condition: str, expected: list[str]):
    """AWS, Logs Insights, filter: patterns, literals and lists; literals may hold what separates commands."""
    fill(world, "ERROR a", "Timeout b", "info c's")

    text = f"fields @timestamp, @message, @logStream | filter {condition} | sort @timestamp asc | limit 10"

    assert [row["@message"] for row in rows(ask(world, text))] == expected


def test_events_are_counted_by_the_minute(world: World):
    """AWS, Logs Insights, stats: counts and sums of each bin."""
    fill(world, "ERROR a", "ok", "error (b)")

    stats = "stats count(*) as events, sum(bad) as errors by bin(1m) as minute"
    found = rows(ask(world, f"fields (@message like /(?i)error( |$)/) as bad | {stats}"))

    assert sum(int(row["events"]) for row in found) == 3
    assert sum(int(row["errors"]) for row in found) == 2
    assert all(row["minute"].endswith(":00.000") for row in found)


def test_samples_of_container_insights_are_found_by_task(world: World):
    """AWS, Container Insights: performance events with their fields."""
    world.logs.groups[PERFORMANCE] = performance_log(world.account)
    names = "@timestamp, CpuReserved, CpuUtilized, MemoryReserved, MemoryUtilized"
    text = f"fields {names} | filter Type = 'Task' and TaskId = '{task_id(1)}' | sort @timestamp desc | limit 3"

    found = rows(ask(world, text, group=PERFORMANCE))

    assert [row["MemoryReserved"] for row in found] == ["512"] * 3
    assert found[0]["@timestamp"] > found[1]["@timestamp"]


@pytest.mark.parametrize(
    "text",
    [
        "fields @message | parse @message '*' as word",
        "fields @message | filter @message like /(/",
        "fields @message | filter @message ~= 'a'",
        "fields @message | limit 20000",
        "fields @message | sort word desc",
        "fields @message | filter @message like 'not closed",
        "stats count(*) as events by word",
    ],
)
def test_a_query_that_is_not_understood_is_refused(world: World, text: str):
    """AWS: MalformedQueryException; ours: nothing is half evaluated."""
    fill(world, "a")

    with pytest.raises(ClientError, match="MalformedQueryException"):
        ask(world, text)


def test_times_are_seconds(world: World):
    """AWS, StartQuery: epoch seconds, inclusive."""
    fill(world, "a")
    with pytest.raises(ClientError, match="InvalidParameterException"):
        world.client("logs").start_query(
            logGroupNames=[GROUP], startTime=1_764_000_000_000, endTime=1_764_000_001_000, queryString="fields @message"
        )


def test_a_query_runs_until_it_is_stopped(world: World):
    """AWS: Running, then Cancelled; a query that has ended cannot be stopped."""
    fill(world, "a")
    logs, end = world.client("logs"), int(world.account.now.timestamp())
    world.logs.polls = -1
    window = {"startTime": end - 60, "endTime": end}
    query = logs.start_query(logGroupNames=[GROUP], queryString="fields @message", **window)["queryId"]
    world.logs.polls = 0

    assert logs.get_query_results(queryId=query)["status"] == "Running"
    assert logs.stop_query(queryId=query)["success"]
    assert logs.get_query_results(queryId=query)["status"] == "Cancelled"
    with pytest.raises(ClientError, match="already ended"):
        logs.stop_query(queryId=query)
    assert world.logs.stopped.count(query) == 2


def test_a_million_events_are_counted_as_they_are(world: World):
    """Ours: the flood is in no memory, its counts are exact, its newest lines are the newest, its bytes are right."""
    log_flood(world)
    counted = (
        "fields (@message like /ERROR/) as bad | stats count(*) as events, sum(bad) as errors by bin(1m) as minute"
    )

    answer = ask(world, counted, group=LOG_GROUP)
    newest = rows(ask(world, "fields @timestamp, @message | sort @timestamp desc | limit 10000", group=LOG_GROUP))

    counts = rows(answer)
    assert sum(int(row["events"]) for row in counts) == 1_000_000 + 60
    assert sum(int(row["errors"]) for row in counts) == 500_000
    assert max(int(row["errors"]) for row in counts) == 24_000
    assert len(newest) == 10_000
    assert newest[0]["@timestamp"] >= newest[-1]["@timestamp"]
    assert answer["statistics"]["recordsScanned"] == 1_000_060
    assert 60_000_000 < answer["statistics"]["bytesScanned"] < 120_000_000


def test_filter_log_events_pages_past_an_empty_page(world: World):
    """AWS, FilterLogEvents: an empty page with a token is not the end."""
    fill(world, "a", "b", "c")
    logs, token = world.client("logs"), dict[str, str]()
    sizes, found = list[int](), list[str]()
    while True:
        page = logs.filter_log_events(logGroupName=GROUP, limit=2, **token)
        sizes.append(len(page["events"]))
        found += [each["message"] for each in page["events"]]
        if "nextToken" not in page:
            break
        token = {"nextToken": page["nextToken"]}

    assert sizes == [0, 2, 1]
    assert found == ["a", "b", "c"]
