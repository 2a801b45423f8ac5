"""The queries of one search: within a budget, stopped with it, and taken up by a later attempt."""

import threading
from datetime import timedelta

import pytest

from tasks.tool import Cancelled
from tests.stand_ins.aws import Aws
from tests.stand_ins.logs import PRESETS, event, fill, search
from tests.stand_ins.run import FakeRun


def test_a_search_ends_at_its_budget_and_says_so(cloud: Aws, run: FakeRun):
    """Ours: AWS charges for what is read."""
    fill(cloud, event("error took 2 s"))
    cloud.insights.polls = -1
    cloud.insights.scanning = 400_000_000

    found = search(run, "slow", maxScanGb=0.5)

    assert found["scanned"]["bytes"] == 800_000_000
    assert found["scanned"]["words"] == "800 MB and 1 events were read by 1 query"
    assert found["notes"][0].startswith("Stopped at the budget, after 800 MB: raise maxScanGb")
    assert "over time were left out" in found["notes"][1]
    assert found["complete"] is False
    assert cloud.insights.stopped == list(cloud.insights.queries) == ["q-0"]


def test_the_budget_is_of_the_search_and_not_of_each_query(cloud: Aws, run: FakeRun):
    """Ours: the parts of a long list of errors share it."""
    step = timedelta(milliseconds=150)
    fill(cloud, *(event(f"ERROR number {number}", ago=number * step) for number in range(1, 23_457)))
    cloud.insights.page = 10_000
    cloud.insights.scanning = 600_000_000

    found = search(run, maxScanGb=1)

    assert len(cloud.insights.queries) == 2
    assert found["scanned"]["bytes"] == 1_200_000_000
    assert 10_000 < found["errors"]["lines"] <= 20_000
    assert "error lines were read, back to" in found["notes"][0]


def test_progress_is_in_words_with_numbers_and_grows(cloud: Aws, run: FakeRun):
    """MCP, progress: it must increase; ours: what is read and found so far."""
    fill(cloud, *(event(f"error {number} took 2 s") for number in range(1_500)))
    cloud.insights.polls = 1
    cloud.insights.scanning = 170_000_000

    search(run, "slow")

    numbers = [done for done, _, _, _ in run.steps]
    assert numbers == sorted(set(numbers))
    words = [message for _, _, message, _ in run.steps]
    assert words[:3] == [
        "looking for what took 1,000 ms and more",
        "looking for what took 1,000 ms and more: scanned 170 MB, 1,500 matching events",
        "looking for what took 1,000 ms and more: scanned 340 MB, 1,500 matching events",
    ]
    assert words[-1] == "measuring durations over time: scanned 680 MB, 1,500 matching events"


@pytest.mark.parametrize("preset", PRESETS)
def test_a_search_that_nobody_waits_for_is_stopped_at_aws(cloud: Aws, run: FakeRun, preset: str):
    """Ours: what nobody waits for must not be paid for."""
    fill(cloud, event("error"))
    cloud.insights.polls = -1
    canceller = threading.Thread(target=lambda: cloud.insights.polled.wait(10) and run.cancel())
    canceller.start()

    with pytest.raises(Cancelled):
        search(run, preset)

    canceller.join(10)
    assert cloud.insights.stopped == list(cloud.insights.queries) == ["q-0"]


@pytest.mark.parametrize("preset", PRESETS)
def test_a_later_attempt_takes_up_the_queries_there_are(cloud: Aws, run: FakeRun, preset: str):
    """Ours: a worker's death does not make anybody pay twice, and the answer is of the same time and groups."""
    fill(cloud, *(event(f"error {number} took 2 s") for number in range(3)))
    first = search(run, preset, logGroups=["/app/*"])
    asked = list(cloud.insights.queries)
    fill(cloud, event("error"), group="/app/newer")

    second = search(FakeRun(kept=run.kept, attempt=2), preset, logGroups=["/app/*"])

    assert list(cloud.insights.queries) == asked
    assert {**second, "scanned": 0} == {**first, "scanned": 0}


def test_a_later_attempt_goes_on_where_the_earlier_one_died(cloud: Aws, run: FakeRun):
    """Ours: of two queries the first had been asked."""
    fill(cloud, event("took 2 s"))
    search(run, "slow")
    kept = {**run.kept, "queries": run.kept["queries"][:1]}
    later = FakeRun(kept=kept, attempt=2)

    found = search(later, "slow")

    assert [line["durationMs"] for line in found["lines"]] == [2000]
    assert list(cloud.insights.queries) == ["q-0", "q-1", "q-2"]
    assert later.kept["queries"] == ["q-0", "q-2"]
