"""Redis is killed, filled, and loses what is published (security.md F8, F17, F23)."""

import asyncio
import threading
from collections.abc import Mapping
from pathlib import Path

import pytest

from api.errors import UNAVAILABLE
from tests.faults.conftest import Report
from tests.faults.load import Listener, Submitted, client, listen, submit, submit_all
from tests.faults.oracle import Verdict, compare, judge
from tests.faults.site import Site, running_site
from tests.servers import until


@pytest.mark.timeout(180)
@pytest.mark.parametrize("kills", [2, pytest.param(5, marks=pytest.mark.full)])
def test_f8_redis_is_killed_while_tasks_are_submitted(tmp_path: Path, report: Report, kills: int):
    """I1 and I8: what was accepted ends, what was refused was told to try again, and never ran."""
    with running_site(tmp_path, concurrency=10) as site:
        verdict, into = submitted_through_kills(site, kills)
        verdict.note = f"{kills} kills, {len(into.refused)} refused: {sorted(set(into.refused))}"
        report("F8", verdict)

    assert verdict.violations == {}
    assert verdict.accepted >= 100
    assert set(into.refused) <= {UNAVAILABLE}


def submitted_through_kills(site: Site, kills: int) -> tuple[Verdict, Submitted]:
    into, over = Submitted(), threading.Event()

    def submitting() -> None:
        async def run() -> None:
            async with client() as http, asyncio.TaskGroup() as group:
                while not over.is_set():
                    arguments = {"folder": str(site.effects), "steps": 1, "pause": 0.01}
                    group.create_task(submit(http, site.stack.mcp_url, "work", arguments, into))
                    await asyncio.sleep(0.02)

        asyncio.run(run())

    thread = threading.Thread(target=submitting)
    thread.start()
    for _ in range(kills):
        accepted = len(into.accepted)
        until(lambda: len(into.accepted) >= accepted + 60, "tasks accepted again", within=40)  # noqa: B023  # called at once
        site.valkey.kill()
        threading.Event().wait(1)
        site.restart_redis()
    over.set()
    thread.join(60)
    return judge(site, into.accepted, within=90), into


@pytest.mark.timeout(90)
def test_a_task_that_redis_took_is_not_refused(tmp_path: Path, report: Report):
    """I8: the answer to its acceptance was lost, which says nothing of the task; so is asked again."""
    with running_site(tmp_path, mutation="answers-lost") as site:
        tasks = submit_all(site, "work", [{"folder": str(site.effects), "steps": 1, "pause": 0.01}] * 5)
        verdict = report("F8 answers lost", judge(site, tasks))

    assert verdict.violations == {}


def heard(site: Site, count: int, within: float, listeners: int = 5) -> list[Listener]:
    async def run() -> list[Listener]:
        async with client() as http:
            arguments = {"count": count, "pause": 0.1}
            calls = [listen(http, site.stack.mcp_urls, 0, arguments, within) for _ in range(listeners)]
            return await asyncio.gather(*calls)

    return asyncio.run(run())


@pytest.mark.timeout(120)
def test_f17_pub_sub_connections_are_killed_all_the_time(tmp_path: Path, report: Report):
    """Ours: complete and in order; the log is read again after every reconnection."""
    over, killed = threading.Event(), 0

    with running_site(tmp_path) as site:

        def killing() -> None:
            nonlocal killed
            while not over.wait(0.5):
                killed += site.valkey.kill_subscribers()

        site.valkey.assert_ours()
        thread = threading.Thread(target=killing)
        thread.start()
        listeners = heard(site, 60, 60)
        over.set()
        thread.join(10)
        verdict = report("F17 connections killed", compare(site, listeners, f"{killed} killed"))

    assert verdict.violations == {}
    assert killed >= 10


@pytest.mark.timeout(120)
def test_f17_nothing_that_is_published_arrives(tmp_path: Path, report: Report):
    """Ours: complete and in order all the same; the tick finds it within two seconds."""
    with running_site(tmp_path, workers=0) as site:
        site.start_worker(mutation="silent")
        site.wait_for_workers()
        verdict = report("F17 nothing published", compare(site, heard(site, 40, 60), "every publish dropped"))

    assert verdict.violations == {}


@pytest.mark.timeout(120)
def test_f23_a_full_redis_refuses_and_lets_what_runs_end(tmp_path: Path, report: Report):
    """Ours: new work is refused; running jobs end although nothing more fits; all is well once there is room again."""
    with running_site(tmp_path) as site:
        call = {"folder": str(site.effects), "steps": 20, "pause": 0.2}
        running = submit_all(site, "work", [call] * 5)
        site.valkey.assert_ours()
        site.valkey.limit_memory("1000")
        during = Submitted()
        asyncio.run(_submit_some(site, during, call, 10))
        verdict = judge(site, running, within=40)
        site.valkey.limit_memory("0")
        recovered = submit_all(site, "work", [call | {"steps": 2}] * 5)
        after = judge(site, [*running, *recovered], within=40)
        after.note = f"refused while full: {sorted(set(during.refused))}"
        report("F23", after)

    assert during.accepted == []
    assert set(during.refused) == {UNAVAILABLE}
    assert verdict.violations == {}
    assert after.violations == {}


async def _submit_some(site: Site, into: Submitted, arguments: Mapping[str, object], count: int) -> None:
    async with client() as http:
        for _ in range(count):
            await submit(http, site.stack.mcp_url, "work", arguments, into)
