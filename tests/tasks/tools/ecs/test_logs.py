"""The lines and samples that belong to the task, and no others."""

from datetime import UTC, datetime, timedelta

import pytest

from tasks.tool import ToolError
from tasks.tools.ecs.describe import Destination
from tasks.tools.ecs.logs import LINES, LONGEST_LINE, application, utilisation
from tasks.tools.ecs.section import NotThere
from tests.stand_ins.aws import LOG_GROUP, REGION, Aws, BrokenService
from tests.stand_ins.insights_language import printed
from tests.stand_ins.run import FakeRun

NOW = datetime.now(UTC)
WINDOW = (NOW - timedelta(minutes=30), NOW)


def test_lines_are_the_newest_of_the_tasks_streams_oldest_first(cloud: Aws, run: FakeRun):
    """Ours: cut at a bound, which is said."""
    cloud.insights.groups[LOG_GROUP] = [
        {"@timestamp": printed(NOW - timedelta(seconds=number)), "@message": f"line {number}", "@logStream": stream}
        for number in range(LINES + 50)
        for stream in ("ecs/web/abc", "ecs/web/other")
    ]

    found = application(run, Destination(LOG_GROUP, REGION, ("ecs/web/abc",)), WINDOW)

    assert [line["message"] for line in found["lines"]] == [f"line {number}" for number in reversed(range(LINES))]
    assert {line.get("stream") for line in found["lines"]} == {"ecs/web/abc"}
    assert found["truncated"] is True


def test_a_long_line_is_masked_and_cut(cloud: Aws, run: FakeRun):
    """Ours: masked first, so that no half of a secret is left at the cut."""
    text = "x" * (LONGEST_LINE - 10) + " password=hunter2 " + "y" * 5000
    cloud.insights.groups[LOG_GROUP] = [{"@timestamp": printed(NOW), "@message": text, "@logStream": "s"}]

    line = application(run, Destination(LOG_GROUP, None, ()), WINDOW)["lines"][0]["message"]

    assert len(line) == LONGEST_LINE + 1
    assert "hunter" not in line


def test_a_group_of_another_region_is_not_taken_for_an_empty_one(cloud: Aws, run: FakeRun):
    """AWS, awslogs-region: a task may log elsewhere."""
    with pytest.raises(ToolError, match="is in eu-west-1"):
        application(run, Destination(LOG_GROUP, "eu-west-1", ()), WINDOW)
    assert cloud.insights.queries == {}


def test_a_window_without_lines_is_empty(cloud: Aws, run: FakeRun):
    """Ours."""
    cloud.insights.groups[LOG_GROUP] = []

    with pytest.raises(NotThere, match=LOG_GROUP):
        application(run, Destination(LOG_GROUP, REGION, ()), WINDOW)


def test_samples_carry_percentages_of_what_was_reserved(broken: BrokenService, run: FakeRun):
    """The predecessor's table: CPU and memory, reserved, used and in per cent."""
    # The samples are as old as the fixture, not as this module.
    end = datetime.now(UTC)
    found = utilisation(run, "shop", ("TaskId", broken.task_id), (end - timedelta(minutes=30), end))

    assert [sample["timestamp"] for sample in found] == sorted(sample["timestamp"] for sample in found)
    assert {name: value for name, value in found[-1].items() if name != "timestamp"} == {
        "cpuReserved": 256.0,
        "cpuUtilized": 64.0,
        "cpuPercent": 25.0,
        "memoryReserved": 512.0,
        "memoryUtilized": 492.0,
        "memoryPercent": 96.1,
    }


def test_a_name_stays_data_in_the_query(cloud: Aws, run: FakeRun):
    """Ours: a quote in a name does not end the string it stands in."""
    cloud.insights.groups[LOG_GROUP] = []

    with pytest.raises(NotThere):
        application(run, Destination(LOG_GROUP, REGION, (r"a'] | display @message \ ",)), WINDOW)

    asked = next(iter(cloud.insights.queries.values()))["queryString"]
    assert r"['a\'] | display @message \\ ']" in asked
