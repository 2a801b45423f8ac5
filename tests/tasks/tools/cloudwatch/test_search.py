"""`search_logs`, from its arguments to its result."""

import json
from datetime import timedelta

import pytest

from tasks.schema import InvalidArguments
from tasks.settings import ToolSettings
from tasks.tool import ToolError
from tasks.tools.cloudwatch.search import search_logs
from tests.stand_ins.aws import LOG_GROUP, REGION, Aws
from tests.stand_ins.logs import PRESETS, event, fill, search
from tests.stand_ins.run import FakeRun


def test_errors_are_patterns_with_counts_times_and_samples(cloud: Aws, run: FakeRun):
    """Ours: many lines that say the same are one row; calm lines are no part of it."""
    minute = timedelta(minutes=1)
    fill(
        cloud,
        *(event(f"ERROR order {number} has no price", ago=number * minute) for number in range(1, 31)),
        event("FATAL out of memory"),
        event("listening on 8080"),
        event("ERROR of yesterday", ago=timedelta(days=1)),
    )

    found = search(run)

    worst, usual = found["errors"]["patterns"]
    assert (worst["template"], worst["severity"], worst["count"]) == ("FATAL out of memory", "critical", 1)
    assert (usual["template"], usual["count"]) == ("ERROR order * has no price", 30)
    assert usual["first"] < usual["last"]
    assert usual["samples"][-1]["text"] == "ERROR order 1 has no price"
    assert (found["complete"], found["notes"], found["matched"]) == (True, [], 31)


def test_what_is_slow_comes_with_durations_over_time(cloud: Aws, run: FakeRun):
    """Ours: the slowest first, in milliseconds, whatever they were logged in."""
    fill(
        cloud,
        event("GET /a took 1.5 s", ago=timedelta(minutes=50)),
        event('{"duration_ms": 4000, "path": "/b"}'),
        *(event(f"GET /c took {number} ms") for number in range(1, 99)),
    )

    found = search(run, "slow", slowMs=500)

    assert [line["durationMs"] for line in found["lines"]] == [4000, 1500]
    assert [line["stream"] for line in found["lines"]] == ["web/1"] * 2
    early, late = found["overTime"]
    assert early["start"] < late["start"]
    assert (early["measured"], early["longest"]) == (1, 1500)
    assert (late["measured"], late["p50"], late["longest"]) == (99, 50, 4000)
    assert found["scanned"]["queries"] == len(found["queries"]) == 2


def test_lines_that_tell_no_duration_are_not_taken_for_quick_ones(cloud: Aws, run: FakeRun):
    """Ours: nothing slow, and nothing measured, are two things."""
    fill(cloud, event("hello"))

    found = search(run, "slow")

    assert (found["lines"], found["overTime"]) == ([], [])
    assert "No line says how long anything took" in found["notes"][0]


def test_patterns_come_with_counts_and_a_sample(cloud: Aws, run: FakeRun):
    """AWS, pattern: @pattern, @sampleCount, @ratio, @severityLabel; the rest of its fields is of no use here."""
    fill(cloud, *(event(f"job {number} done") for number in range(3)), event("an error"))

    found = search(run, "pattern")

    assert found["patterns"] == [
        {"pattern": "job <Token-1> done", "count": 3, "share": 0.75, "severity": "INFO", "sample": "job 0 done"},
        {"pattern": "an error", "count": 1, "share": 0.25, "severity": "ERROR", "sample": "an error"},
    ]


def test_diff_says_what_changed_most_against_the_day_before(cloud: Aws, run: FakeRun):
    """AWS, diff previousDay: the same time of the day before; ours: what grew or vanished most comes first."""
    day = timedelta(days=1, minutes=5)
    fill(
        cloud,
        *(event(f"job {number} done") for number in range(4)),
        *(event(f"job {number} done", ago=day) for number in range(3)),
        *(event(f"cache miss {number}") for number in range(5)),
        *(event("heartbeat", ago=day) for _ in range(2)),
    )

    found = search(run, "diff")

    rows = [(row["pattern"], row["dayBefore"], row["count"], row["change"]) for row in found["patterns"]]
    assert rows == [("cache miss <Token-1>", 0, 5, 5), ("heartbeat", 2, 0, -2), ("job <Token-1> done", 3, 4, 1)]
    assert found["patterns"][0]["difference"] == "New"


def test_lines_are_the_newest_and_stand_in_order(cloud: Aws, run: FakeRun):
    """Ours: of several groups, as many as were asked for, and it says that there may be more."""
    fill(cloud, *(event(f"line {number}", ago=timedelta(seconds=number)) for number in range(1, 9)))
    fill(cloud, event("other", ago=timedelta(seconds=2.5)), group="/app/other")

    found = search(run, "lines", logGroups=["/app/*"], limit=3)

    lines = [(line["logGroup"], line["message"]) for line in found["lines"]]
    assert lines == [("/app/other", "other"), (LOG_GROUP, "line 2"), (LOG_GROUP, "line 1")]
    assert found["logGroups"] == ["/app/other", LOG_GROUP]
    assert found["complete"] is False
    assert "Only the 3 newest lines" in found["notes"][0]


@pytest.mark.parametrize("preset", PRESETS)
def test_only_lines_with_a_text_are_looked_at(cloud: Aws, run: FakeRun, preset: str):
    """Ours: a request id narrows every preset."""
    fill(cloud, event("error req-1' took 2 s"), event("error req-2 took 2 s"))

    found = search(run, preset, contains="req-1'")

    assert found["matched"] == 1
    assert "req-2" not in json.dumps(found)


@pytest.mark.parametrize("preset", PRESETS)
def test_secrets_and_what_hides_do_not_leave(cloud: Aws, run: FakeRun, preset: str):
    """A57: whatever way a line takes into the answer."""
    fill(cloud, event("error password=hunter2 \x1b[31mAKIAABCDEFGHIJKLMNOP\u202e took 2 s"))

    text = json.dumps([search(run, preset), run.steps])

    assert "took 2 s" in text or preset == "pattern"
    for hidden in ("hunter2", "AKIAABCDEFGHIJKLMNOP", "\\u001b", "\\u202e"):
        assert hidden not in text


@pytest.mark.parametrize("preset", PRESETS)
def test_an_answer_fits_however_much_there_is(cloud: Aws, run: FakeRun, preset: str):
    """Ours: about 8,000 tokens; what is left out is counted."""
    words = [f"{chr(97 + number % 26)}{chr(97 + number // 26)}" * 9 for number in range(400)]
    fill(cloud, *(event(f"error {word} took 2 s {'ü<' * 2000}", stream=word * 10) for word in words))

    found = search(run, preset, limit=500)

    assert len(json.dumps(found, ensure_ascii=False).encode()) < 24_000
    assert found["complete"] is False
    assert found["notes"]


def test_a_group_that_is_not_there_is_named_with_its_neighbours(cloud: Aws, run: FakeRun):
    """Ours: a typing error is seen at once."""
    fill(cloud)

    with pytest.raises(ToolError, match=r"no log group '/app/wbe' in this account in us-east-1\. Near it: /app/web"):
        search(run, logGroups=[LOG_GROUP, "/app/wbe"])
    cloud.insights.denies.add("DescribeLogGroups")
    with pytest.raises(ToolError, match=r"AWS refused StartQuery \(ResourceNotFoundException\).*'/app/wbe'"):
        search(run, logGroups=["/app/wbe"])


@pytest.mark.parametrize("operation", ["StartQuery", "GetQueryResults", "DescribeLogGroups"])
def test_a_refusal_names_the_permission(cloud: Aws, run: FakeRun, operation: str):
    """Ours: whoever reads it knows what to ask for."""
    fill(cloud)
    cloud.insights.denies.add(operation)

    with pytest.raises(ToolError, match=f"needs the permission logs:{operation}"):
        search(run, logGroups=["/app/*"])


def test_diff_is_of_a_day_at_most_and_of_groups_that_have_patterns(cloud: Aws, run: FakeRun):
    """AWS, diff: two days that overlap say nothing. AWS, log classes: Infrequent Access has no patterns."""
    fill(cloud)
    with pytest.raises(ToolError, match=r"preset diff .* at most 24 hours apart"):
        search(run, "diff", windowMinutes=1441)

    cloud.insights.classes[LOG_GROUP] = "INFREQUENT_ACCESS"
    for preset in ("diff", "pattern"):
        with pytest.raises(
            ToolError, match=rf"preset {preset} needs log groups of the Standard class, and {LOG_GROUP}"
        ):
            search(run, preset)
    assert search(run, "errors")["complete"] is True
    assert len(cloud.insights.queries) == 1


def test_another_region_is_asked_there_if_it_is_allowed(cloud: Aws):
    """A54: MCP_AWS_REGIONS."""
    fill(cloud)

    assert search(FakeRun(), region="eu-west-1")["region"] == "eu-west-1"
    assert cloud.insights.regions == {"eu-west-1"}
    with pytest.raises(ToolError, match="'eu-west-1' is not allowed here: MCP_AWS_REGIONS lists us-east-1"):
        search(FakeRun(settings=ToolSettings(aws_regions=(REGION,))), region="eu-west-1")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({}, "logGroups is required"),
        ({"logGroups": []}, "logGroups"),
        ({"logGroups": ["x"] * 51}, "logGroups"),
        ({"logGroups": "x"}, "logGroups"),
        ({"logGroups": ["a b"]}, "logGroups.0"),
        ({"logGroups": ["x' | limit 1"]}, "logGroups.0"),
        ({"logGroups": ["x"], "preset": "everything"}, "preset"),
        ({"logGroups": ["x"], "query": "fields @message"}, "query is unknown"),
        ({"logGroups": ["x"], "contains": ""}, "contains"),
        ({"logGroups": ["x"], "contains": "a\n| b"}, "contains"),
        ({"logGroups": ["x"], "contains": "x" * 201}, "contains"),
        ({"logGroups": ["x"], "windowMinutes": 0}, "windowMinutes"),
        ({"logGroups": ["x"], "windowMinutes": 10_081}, "windowMinutes"),
        ({"logGroups": ["x"], "limit": 501}, "limit"),
        ({"logGroups": ["x"], "maxScanGb": 0}, "maxScanGb"),
        ({"logGroups": ["x"], "maxScanGb": 1_000_000}, "maxScanGb"),
        ({"logGroups": ["x"], "slowMs": "1s"}, "slowMs"),
        ({"logGroups": ["x"], "region": "evil.example/"}, "region"),
    ],
)
def test_bad_input_is_refused_by_name(arguments: object, words: str):
    """MCP, tools: input is validated."""
    with pytest.raises(InvalidArguments, match=words):
        search_logs.arguments.parse(json.dumps(arguments).encode())
