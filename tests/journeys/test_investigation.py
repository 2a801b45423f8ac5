"""`investigate_ecs_service` as an engineer on call uses it: through the server, with workers that die."""

import os
import re
import signal
import time
from collections.abc import Generator
from threading import Thread
from typing import Any, Final

import pytest
from mcp import Client

from tests.clients import ERAS, Heard, wire
from tests.servers import Stack, ValkeyServer, running_stack, until
from tests.stand_ins.world.failures import memory_runs_out
from tests.stand_ins.world.names import LOG_GROUP, PERFORMANCE
from tests.stand_ins.world.performance import performance_log
from tests.stand_ins.world.shop import healthy_shop, quiet_log
from tests.stand_ins.world.trouble import said
from tests.stand_ins.world.world import World, serving_world

TOOL: Final = "investigate_ecs_service"
ARGUMENTS: Final = {"cluster": "shop", "service": "web", "analyze": False}
SLOW: Final = 5.0
"""Seconds that one section takes, while the others have been read."""


@pytest.fixture(scope="module")
def served() -> Generator[World]:
    with serving_world(healthy_shop()) as made:
        memory_runs_out(made)
        log = quiet_log(made.account)
        for minutes in (40.9, 21.9, 3.9):
            said(
                log,
                made.account.tasks[0],
                made.account.ago(minutes),
                "ERROR java.lang.OutOfMemoryError: Java heap space",
            )
        made.logs.groups |= {LOG_GROUP: log, PERFORMANCE: performance_log(made.account)}
        yield made


@pytest.fixture
def world(served: World) -> Generator[World]:
    """As new, whatever the test before did."""
    yield served
    served.weather.slow.clear()
    served.weather.calls.clear()
    served.logs.polls = 1
    served.logs.queries.clear()
    served.logs.stopped.clear()


@pytest.fixture(scope="module")
def watching(valkey: ValkeyServer, served: World, tmp_path_factory: pytest.TempPathFactory) -> Generator[Stack]:
    """A stack whose worker finds AWS where the world is."""
    with running_stack(valkey.url(25), tmp_path_factory.mktemp("shop"), settings=served.environment()) as running:
        yield running


@pytest.mark.parametrize("mode", ERAS.values())
async def test_the_first_finding_arrives_while_other_sections_are_still_read(watching: Stack, world: World, mode: str):
    """Ours: within a second of the answer that it rests on, and seconds before the last one; none is lost."""
    world.weather.slow = {"GetMetricData": SLOW}
    heard: list[tuple[float, str]] = []

    async def on_progress(progress: float, total: float | None, message: str | None) -> None:
        heard.append((time.time(), message or ""))

    async with Client(watching.mcp_url, mode=mode) as client:
        result = await client.call_tool(TOOL, ARGUMENTS, progress_callback=on_progress)

    found = [at for at, message in heard if re.search(r"(?i)^critical: .*memory", message)]
    tasks, metrics = world.weather.of("DescribeTasks"), world.weather.of("GetMetricData")
    assert result.structured_content is not None
    assert "memory" in result.structured_content["hypotheses"][0]["cause"].lower()
    assert tasks[-1].answered is not None
    assert metrics[0].answered is not None
    assert found[0] - tasks[-1].answered < 1.0
    assert found[0] < metrics[0].answered - 2.0
    said = [message for _, message in heard]
    concluded = [each["message"] for each in result.structured_content["findings"] if each["severity"] != "info"]
    assert concluded
    assert all(any(message in each for each in said) for message in concluded)


@pytest.mark.parametrize("mode", ERAS.values())
async def test_the_result_is_short_fits_its_schema_and_the_evidence_can_be_read(
    watching: Stack, world: World, mode: str
):
    """MCP, tools: the official client validates outputSchema; ours: 24,000 bytes, and all evidence one read away."""
    async with Client(watching.mcp_url, mode=mode) as client:
        await client.list_tools()
        result = await client.call_tool(TOOL, ARGUMENTS)
        found: dict[str, Any] = result.structured_content or {}
        document = await client.read_resource(found["evidenceUri"])

    text = str(getattr(document.contents[0], "text", ""))
    assert len(str(found).encode()) < 24_000
    assert found["evidence"]
    assert all(f'"{each["id"]}"' in text for each in found["evidence"])
    assert found["evidenceUri"].startswith("result://")


@pytest.mark.parametrize("era", list(ERAS))
def test_a_cancelled_investigation_stops_its_query_and_asks_no_more(watching: Stack, world: World, era: str):
    """Ours: a query that nobody waits for is stopped at AWS, for it is paid by what it scans."""
    world.logs.polls = -1
    here = wire(watching.mcp_url, era)

    with here.open("tools/call", {"name": TOOL, "arguments": ARGUMENTS}, request_id="leave"):
        until(lambda: world.weather.of("GetQueryResults"), "a query looked at")
        if era == "handshake":
            here.notify("notifications/cancelled", {"requestId": "leave"})
    until(lambda: set(world.logs.queries) == set(world.logs.stopped), "every query stopped")
    _silence(world)

    assert world.logs.queries


def _silence(world: World) -> None:
    """Nothing is asked for two polls' time."""
    asked = len(world.weather.calls)
    with pytest.raises(AssertionError, match="did not happen"):
        until(lambda: len(world.weather.calls) > asked, "another call", within=1.5)


@pytest.mark.parametrize("era", list(ERAS))
def test_a_killed_worker_costs_no_answer_that_was_there(
    valkey: ValkeyServer, world: World, tmp_path_factory: pytest.TempPathFactory, era: str
):
    """Ours: kill -9 in the middle; the next attempt asks for what was in flight, and pays for no query twice."""
    world.weather.slow = {"GetMetricData": SLOW}
    folder = tmp_path_factory.mktemp("killed")
    heard: list[Heard] = []
    with running_stack(valkey.url(26), folder, settings=world.environment()) as stack:
        call = Thread(target=lambda: heard.append(wire(stack.mcp_url, era).call(TOOL, ARGUMENTS, token=1)))
        call.start()
        until(lambda: _is_waiting_for_metrics(world), "all but the metrics answered")
        before = {name: len(world.weather.of(name)) for name in world.weather.operations}
        os.killpg(stack.programs[0].process.pid, signal.SIGKILL)
        world.weather.slow = {}
        stack.start_worker()
        call.join(60)

    after = {name: len(world.weather.of(name)) for name in world.weather.operations}
    assert heard[0].result["structuredContent"]["verdict"]["status"] in {"degraded", "broken"}
    again = {name for name, count in after.items() if count > before.get(name, 0)}
    assert "GetMetricData" in again
    assert not again & {"DescribeClusters", "DescribeServices", "ListTasks", "DescribeTasks"}
    texts = [(each.text, each.start, each.end) for each in world.logs.queries.values()]
    assert len(texts) == len(set(texts))


def _is_waiting_for_metrics(world: World) -> bool:
    """Whether nothing else is in flight any more, and the logs have been read."""
    calls = list(world.weather.calls)
    in_flight = {call.operation for call in calls if call.answered is None}
    has_ended = all(each.rows is not None for each in list(world.logs.queries.values()))
    return in_flight == {"GetMetricData"} and bool(world.logs.queries) and has_ended
