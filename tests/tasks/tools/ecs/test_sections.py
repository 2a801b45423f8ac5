"""Every part of the evidence is collected on its own, and what was collected is kept."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from tasks.tool import Cancelled, ToolError
from tasks.tools.ecs.facts import Cluster
from tasks.tools.ecs.scene import NotThere
from tasks.tools.ecs.sections import Kept, Sections
from tests.stand_ins.facts import cluster
from tests.stand_ins.run import FakeRun

NOW = datetime(2026, 11, 28, 3, tzinfo=UTC)
WINDOW = NOW - timedelta(hours=1), NOW


def refused(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no: password=hunter2"}}, "DescribeClusters")


class Part:
    """A section whose collection can be told what to do, and counts how often it was asked."""

    def __init__(self, run: FakeRun, outcome: Exception | Cluster) -> None:
        self.kept = Kept(run, WINDOW)
        self.sections = Sections(run, self.kept, 9)
        self.outcome = outcome
        self.asked = 0

    def work(self) -> Cluster:
        self.asked += 1
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome

    def collect(self) -> Cluster | None:
        return self.sections.collect("cluster", "describing it", Cluster, self.work)


def after_a_death(run: FakeRun) -> FakeRun:
    """The run of the next attempt: what was kept went through JSON."""
    return FakeRun(attempt=2, kept=json.loads(json.dumps(run.kept)))


OUTCOMES: list[tuple[Any, str, bool]] = [
    (cluster(), "ok", True),
    (NotThere("there is none"), "empty", True),
    (refused("AccessDeniedException"), "denied", True),
    (refused("ClusterNotFoundException"), "empty", True),
    (refused("ThrottlingException"), "throttled", False),
    (refused("InternalFailure"), "error", False),
    (EndpointConnectionError(endpoint_url="http://x"), "error", False),
    (ToolError("the query failed"), "error", False),
]


@pytest.mark.parametrize(("outcome", "status", "settled"), OUTCOMES)
def test_how_it_went_is_said_and_what_settles_is_not_asked_again(
    run: FakeRun,
    outcome: Exception | Cluster,
    status: str,
    settled: bool,  # noqa: FBT001  # of the table
):
    """Ours: a second attempt asks again only for what may have another answer by now."""
    first = Part(run, outcome)
    found = first.collect()
    assert first.sections.status("cluster") == status
    assert found == (outcome if status == "ok" else None)

    second = Part(after_a_death(run), cluster())
    again = second.collect()

    assert second.asked == (0 if settled else 1)
    assert again == (None if settled and status != "ok" else cluster())
    if settled:
        assert second.sections.all == first.sections.all


def test_no_secret_stands_in_what_a_section_says(run: FakeRun):
    """Ours: AWS's words are masked like all others."""
    part = Part(run, refused("InternalFailure"))
    part.collect()

    assert "hunter2" not in json.dumps(part.sections.all)
    assert "hunter2" not in json.dumps(run.kept)


def test_an_error_of_a_cancelled_run_is_no_fact_about_aws(run: FakeRun):
    """Ours: its connections were closed."""
    part = Part(run, EndpointConnectionError(endpoint_url="http://x"))

    def cut() -> Cluster:
        run.cancel()
        return part.work()

    with pytest.raises(Cancelled):
        part.sections.collect("cluster", "describing it", Cluster, cut)
    assert run.kept is None


def test_a_section_that_is_skipped_says_why(run: FakeRun):
    """Ours."""
    part = Part(run, cluster())
    part.sections.skip("trail", "not part of a quick look (depth)")

    assert part.sections.all["trail"]["status"] == "skipped"
    assert part.sections.status("logs") is None


def test_the_window_is_that_of_the_first_attempt(run: FakeRun):
    """Ours: its queries were asked for that time."""
    Part(run, cluster()).collect()

    later = Kept(after_a_death(run), (NOW, NOW + timedelta(hours=1)))

    assert later.window == WINDOW


def test_progress_goes_on_where_it_was(run: FakeRun):
    """MCP, progress: it must increase; a later attempt begins no new count."""
    first = Part(run, cluster())
    for _ in range(3):
        first.sections.say("still at it")
    first.collect()

    second = after_a_death(run)
    Sections(second, Kept(second, WINDOW), 9).say("once more")

    assert second.steps[0][0] == run.steps[-1][0] + 1


def test_progress_never_reaches_its_end_before_the_end(run: FakeRun):
    """Ours: more steps than were planned make the total grow."""
    sections = Sections(run, Kept(run, WINDOW), 3)
    for _ in range(9):
        sections.say("still at it")

    assert [done for done, *_ in run.steps] == list(range(1, 10))
    assert all(total and done < total for done, total, *_ in run.steps)


def test_sections_may_be_collected_by_many_threads(run: FakeRun):
    """Ours: no step is lost, no number is told twice, and all is kept."""
    kept = Kept(run, WINDOW)
    sections = Sections(run, kept, 9)

    def collect(number: int) -> None:
        sections.collect(f"part-{number}", f"part {number}", Cluster, cluster)

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(collect, range(200)))

    assert [done for done, *_ in run.steps] == list(range(1, 201))
    assert len(sections.all) == 200
    assert len(run.kept["sections"]) == 200
