"""Workers are killed, frozen, restarted and lied to about the time (security.md F3, F5, F6, F7, F20, F21, F22)."""

import asyncio
import random
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.conftest import Report
from tests.faults.load import Listener, Submitted, client, listen, submit, submit_all
from tests.faults.oracle import Verdict, compare, judge
from tests.faults.site import Site, running_site
from tests.servers import until

RECOVERED_WITHIN = 15.0


def has_steps(site: Site, tasks: list[str], at_least: int = 1) -> Callable[[], bool]:
    """Whether each of the tasks has left so many lines."""

    def check() -> bool:
        files = [site.effects / task for task in tasks]
        return all(file.exists() and len(file.read_text().splitlines()) >= at_least for file in files)

    return check


def chaos(site: Site, rng: random.Random, *, jobs: int, seconds: float) -> tuple[Submitted, dict[int, float]]:
    """Submit *jobs* at even distances while workers and Redis are killed at random.

    The answer is what was accepted, and when each worker was killed.
    """
    into, kills, end = Submitted(), dict[int, float](), time.monotonic() + seconds

    def submitting() -> None:
        async def run() -> None:
            async with client() as http:
                for _ in range(jobs):
                    tool = "order" if rng.random() < 0.2 else "work"
                    arguments = {"folder": str(site.effects), "pause": 0.15}
                    await submit(
                        http, site.stack.mcp_url, tool, arguments | ({"steps": 6} if tool == "work" else {}), into
                    )
                    await asyncio.sleep(seconds / jobs)

        asyncio.run(run())

    thread = threading.Thread(target=submitting)
    thread.start()
    while time.monotonic() < end:
        alive = [worker for worker in site.workers if worker.process.poll() is None]
        what = rng.choice(["kill", "kill", "term", "redis"])
        if what == "redis":
            site.valkey.kill()
            site.restart_redis()
        elif alive:
            victim = rng.choice(alive)
            if what == "kill":
                kills[victim.process.pid] = time.time()
                site.kill(victim)
            else:
                victim.process.send_signal(signal.SIGTERM)
            site.start_worker(concurrency=2)
        threading.Event().wait(rng.uniform(1, 2))
    thread.join(60)
    return into, kills


@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    ("seed", "jobs", "seconds"),
    [
        pytest.param(1, 100, 20.0, id="seed 1, short"),
        *(pytest.param(seed, 300, 60.0, marks=pytest.mark.full, id=f"seed {seed}") for seed in range(1, 6)),
    ],
)
def test_f3_random_kills_of_workers_and_redis(tmp_path: Path, report: Report, seed: int, jobs: int, seconds: float):
    """I1 to I4: every accepted task ends once, whatever is killed; a tool that must not run twice does not."""
    with running_site(tmp_path, workers=3, concurrency=2) as site:
        into, kills = chaos(site, random.Random(seed), jobs=jobs, seconds=seconds)  # noqa: S311  # repeatable
        site.wait_for_workers(1)
        verdict = report(f"F3 seed {seed}", judge(site, into.accepted, kills=kills, within=120))
        verdict.note = f"{len(kills)} kills, beside SIGTERM and Redis; {len(into.refused)} refused"

    assert verdict.accepted >= jobs / 2
    assert verdict.violations == {}


@pytest.mark.timeout(240)
@pytest.mark.parametrize("rounds", [1, pytest.param(4, marks=pytest.mark.full)])
def test_f5_a_killed_worker_is_recovered_from_in_seconds(tmp_path: Path, report: Report, rounds: int):
    """Ours: within 15 s of kill -9 the work goes on where it was; five workers at a time."""
    verdicts: list[Verdict] = []
    # What one round accepted is a stranger to the next: each has a site of its own.
    for turn in range(rounds):
        folder = tmp_path / str(turn)
        folder.mkdir()
        with running_site(folder, workers=0) as site:
            victims = [site.start_worker(concurrency=2) for _ in range(5)]
            site.wait_for_workers(5)
            calls = [{"folder": str(site.effects), "steps": 40, "pause": 0.5}] * 5
            tasks = submit_all(site, "work", calls)
            until(has_steps(site, tasks, 2), "every task at work")
            site.start_worker()
            site.wait_for_workers(6)
            kills: dict[int, float] = {}
            for worker in victims:
                kills[worker.process.pid] = time.time()
                site.kill(worker)
            verdicts.append(judge(site, tasks, kills=kills))
    worst = max(verdicts, key=lambda each: each.slowest_recovery)
    worst.note = f"{rounds} x 5 workers; attempts: {[len(story.claims) for story in worst.stories]}"
    report("F5", worst)

    assert [verdict.violations for verdict in verdicts] == [{}] * rounds
    assert max(len(story.claims) for story in worst.stories) > 1, "no task was interrupted"
    assert 0 < worst.slowest_recovery <= RECOVERED_WITHIN


def frozen_and_thawed(site: Site) -> Verdict:
    """A worker stands still until another has taken over and is at work, and then goes on."""
    tasks = submit_all(site, "work", [{"folder": str(site.effects), "steps": 60, "pause": 0.2}])
    until(has_steps(site, tasks, 3), "the task at work")
    first = site.workers[0]
    frozen = time.time()
    site.freeze(first)
    site.start_worker()
    seen = len((site.effects / tasks[0]).read_text().splitlines())
    until(has_steps(site, tasks, seen + 3), "another worker at work", within=40)
    site.thaw(first)
    return judge(site, tasks, kills={first.process.pid: frozen})


@pytest.mark.timeout(120)
def test_f6_a_frozen_worker_that_wakes_up_changes_nothing(tmp_path: Path, report: Report):
    """I4: the fence refuses every write of an attempt that is over."""
    with running_site(tmp_path) as site:
        verdict = report("F6", frozen_and_thawed(site))
        verdict.note = f"attempts: {len(verdict.stories[0].claims)}"

    assert verdict.violations == {}
    assert len(verdict.stories[0].claims) == 2


def frozen_in_its_pop(site: Site, jobs: int, within: float = 40.0) -> Verdict:
    """A worker is stopped while it waits for messages, gets some into its socket, and never reads them."""
    consumer = site.workers[-1]
    site.freeze(consumer)
    tasks = submit_all(site, "work", [{"folder": str(site.effects), "steps": 2, "pause": 0.05}] * jobs)
    killed = time.time()
    site.kill(consumer)
    site.start_worker()
    verdict = judge(site, tasks, within=within)
    verdict.slowest_recovery = max((story.claims[0] - killed for story in verdict.stories if story.claims), default=0.0)
    return verdict


@pytest.mark.timeout(120)
def test_f7_what_a_dead_consumer_had_popped_is_sent_again(tmp_path: Path, report: Report):
    """Ours: Celery alone loses it (5 of 5); the reaper sends what nobody claimed."""
    with running_site(tmp_path) as site:
        verdict = report("F7", frozen_in_its_pop(site, 50))

    assert verdict.violations == {}
    assert verdict.accepted == 50


@pytest.mark.timeout(180)
def test_f20_everything_is_restarted_under_load(tmp_path: Path, report: Report):
    """I1 to I5: web and workers one by one, by SIGTERM; listeners go on elsewhere, tasks end once."""
    listeners: list[Listener] = []
    with running_site(tmp_path, workers=2, replicas=2, concurrency=40) as site:

        def listening() -> None:
            async def run() -> None:
                async with client() as http:
                    arguments = {"count": 60, "pause": 0.25}
                    calls = [listen(http, site.stack.mcp_urls, index, arguments, 90) for index in range(20)]
                    listeners.extend(await asyncio.gather(*calls))

            asyncio.run(run())

        thread = threading.Thread(target=listening)
        thread.start()
        tasks = submit_all(site, "work", [{"folder": str(site.effects), "steps": 30, "pause": 0.2}] * 20)
        for index in range(2):
            web = site.stack.webs[index]
            assert web.stop(20) == 0
            site.stack.restart_web(index)
            worker = site.workers[index]
            site.start_worker(concurrency=40)
            assert worker.stop(30) == 0
        tasks += submit_all(site, "work", [{"folder": str(site.effects), "steps": 2, "pause": 0.1}] * 5)
        thread.join(100)
        verdict = report("F20", judge(site, tasks))
        heard = compare(site, listeners)
        resumed = sum(len(each.resumed) for each in listeners)
        verdict.note = f"{len(listeners)} listeners, {heard.out_of_order} gaps, {resumed} resumes"

    assert verdict.violations == {}
    assert heard.violations == {}
    assert len({listener.task for listener in listeners}) == 20


@pytest.mark.timeout(60)
def test_a_worker_that_takes_no_more_jobs_ends(tmp_path: Path):
    """Ours: a process that lives and consumes nothing would be trusted for ever; whoever started it starts another."""
    with running_site(tmp_path) as site:
        worker = site.start_worker(mutation="consumer-gone")

        assert worker.process.wait(40) == 70
        assert "takes no more jobs" in worker.output()


def poisoned(site: Site, within: float = 60.0) -> tuple[Verdict, list[str]]:
    """A tool that kills its worker, beside work that is none of its business; workers are started as they die."""
    [task] = submit_all(site, "poison", [{"folder": str(site.effects)}])
    others = submit_all(site, "work", [{"folder": str(site.effects), "steps": 20, "pause": 0.1}] * 5)
    done = threading.Event()

    def supervise() -> None:
        while not done.wait(0.2):
            if all(worker.process.poll() is not None for worker in site.workers):
                site.start_worker()

    supervisor = threading.Thread(target=supervise)
    supervisor.start()
    try:
        verdict = judge(site, [task, *others], within=within)
    finally:
        done.set()
        supervisor.join(30)
    file = site.effects / task
    return verdict, file.read_text().splitlines()


@pytest.mark.timeout(180)
def test_f21_a_tool_that_kills_its_worker_ends_failed_after_its_attempts(tmp_path: Path, report: Report):
    """I4: two attempts, then the end; what else runs there is finished by others."""
    with running_site(tmp_path) as site:
        verdict, begun = poisoned(site)
        verdict.duplicate_effects = 0  # Its only trace is how often it began.
        report("F21", verdict).note = f"begun {len(begun)} times"

    assert verdict.violations == {}
    assert len(begun) == 2
    [poison] = [story for story in verdict.stories if story.tool == "poison"]
    assert poison.endings[0].status == "failed"
    assert "2 attempts" in poison.endings[0].message


@pytest.mark.timeout(120)
def test_f22_workers_whose_clocks_are_wrong_steal_nothing(tmp_path: Path, report: Report):
    """Ours: leases are judged by Redis's clock; one worker 90 s ahead, one as much behind, one right."""
    with running_site(tmp_path) as site:
        for skew in ("ahead", "behind"):
            site.start_worker(mutation=skew)
        site.wait_for_workers(3)
        calls = [{"folder": str(site.effects), "steps": 30, "pause": 0.4}] * 10
        verdict = report("F22", judge(site, submit_all(site, "work", calls)))
        attempts = sum(len(story.claims) for story in verdict.stories)
        verdict.note = f"{attempts} attempts at 10 tasks"

    assert verdict.violations == {}
    assert attempts == 10


@pytest.mark.timeout(120)
def test_a_job_longer_than_every_timeout_of_the_broker_runs_once(tmp_path: Path, report: Report):
    """Ours: redelivery after 2 s does not touch a job that is well; a worker's duplicate delivery is dropped."""
    with running_site(tmp_path, workers=2, mutation="impatient") as site:
        verdict = report(
            "a job 15 times the visibility timeout",
            judge(site, submit_all(site, "order", [{"folder": str(site.effects), "pause": 30.0}])),
        )
        dropped = sum(worker.output().count("delivery dropped") for worker in site.workers)
        verdict.note = f"delivered {dropped + 1} times"

    assert verdict.violations == {}
    assert verdict.stories[0].effects == ["begun", "done"]
    assert len(verdict.stories[0].claims) == 1
    assert dropped > 0, "nothing was delivered again, so nothing was shown"
