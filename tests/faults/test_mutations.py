"""An oracle that cannot see a fault proves nothing: with a safeguard broken, each run must be red."""

from pathlib import Path

import pytest

from tests.faults.conftest import Report
from tests.faults.load import submit_all
from tests.faults.oracle import Verdict, compare, judge
from tests.faults.site import running_site
from tests.faults.test_redis import heard
from tests.faults.test_streams import growth_under_slow_readers
from tests.faults.test_workers import frozen_and_thawed, frozen_in_its_pop, has_steps, poisoned
from tests.servers import until


def red(report: Report, what: str, verdict: Verdict) -> dict[str, int]:
    """Note in the report what the oracle saw; the numbers themselves would read like failures."""
    report(f"({what})", Verdict(note=f"red, as it must be: {verdict.violations}"))
    return verdict.violations


@pytest.mark.timeout(120)
def test_without_the_reaper_work_is_lost(tmp_path: Path, report: Report):
    """F7's oracle: what a dead consumer had popped is gone."""
    with running_site(tmp_path, mutation="reaper-off") as site:
        verdict = frozen_in_its_pop(site, 10, within=20)
        if not verdict.lost:
            # It was between two looks into the queue when it was stopped: another worker, once more.
            site.wait_for_workers()
            verdict = frozen_in_its_pop(site, 10, within=20)
        assert red(report, "reaper off", verdict).get("lost", 0) > 0


@pytest.mark.timeout(180)
def test_without_the_fence_an_attempt_that_is_over_is_believed(tmp_path: Path, report: Report):
    """F6's oracle: the worker that wakes up goes on writing, unless it looks at its clock first (so: twice)."""
    for turn in ("first", "second"):
        folder = tmp_path / turn
        folder.mkdir()
        with running_site(folder, mutation="fence-off") as site:
            verdict = frozen_and_thawed(site)
        if verdict.stale_writes:
            break
    assert red(report, "fence off", verdict).get("stale_writes", 0) > 0


@pytest.mark.timeout(120)
def test_without_a_limit_a_poison_tool_kills_on(tmp_path: Path, report: Report):
    """F21's oracle: more attempts than allowed."""
    with running_site(tmp_path, mutation="limit-off") as site:
        verdict, begun = poisoned(site, within=40)
        assert red(report, "attempts not limited", verdict).keys() & {"lost", "too_many_attempts"}
        assert len(begun) > 2


@pytest.mark.timeout(120)
def test_a_tool_that_must_not_run_twice_is_seen_when_it_does(tmp_path: Path, report: Report):
    """F3's oracle: its effect is there twice."""
    with running_site(tmp_path, mutation="rerun-all") as site:
        tasks = submit_all(site, "order", [{"folder": str(site.effects), "pause": 3.0}])
        until(has_steps(site, tasks), "the tool at work")
        site.kill(site.workers[0])
        site.start_worker()
        assert red(report, "everything run again", judge(site, tasks)).get("duplicate_effects", 0) > 0


@pytest.mark.timeout(120)
def test_without_publishing_and_without_the_tick_listeners_hear_nothing(tmp_path: Path, report: Report):
    """F17's oracle: what nobody fetches does not arrive."""
    with running_site(tmp_path, mutation="silent-and-tick-off") as site:
        listeners = heard(site, 20, 15, listeners=1)
        assert red(report, "nothing published, no tick", compare(site, listeners)).get("lost", 0) > 0


@pytest.mark.timeout(180)
def test_without_a_bound_slow_readers_cost_memory(tmp_path: Path, report: Report):
    """F11's oracle: what is not read waits in the web process."""
    with running_site(tmp_path, mutation="unbounded") as site:
        grown = growth_under_slow_readers(site, 5, 40)
    report("(no bound for readers)", Verdict(note=f"red, as it must be: grew by {grown:.0f} MB"))

    assert grown > 20


@pytest.mark.timeout(60)
def test_what_is_refused_and_runs_is_seen(tmp_path: Path, report: Report):
    """F8's oracle (I8): the client was told that its task is refused, and it leaves traces."""
    with running_site(tmp_path, mutation="refuse-and-run") as site:
        with pytest.raises(AssertionError):
            submit_all(site, "work", [{"folder": str(site.effects), "steps": 1, "pause": 0.0}])
        until(lambda: any(site.effects.iterdir()), "the refused task's trace")
        assert red(report, "refused and run", judge(site, [])).get("refused_and_run", 0) == 1
