"""`search_logs` as an engineer on call uses it: through the server, while the query runs."""

import os
import signal
import time
from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import anyio
import pytest
from mcp import Client

from tests.clients import ERAS, Arrived, listen, wire
from tests.servers import Stack, ValkeyServer, running_stack, until
from tests.stand_ins.aws import LOG_GROUP, Aws, aws
from tests.stand_ins.insights_language import printed

SEARCH = {"logGroups": [LOG_GROUP], "preset": "errors"}


@pytest.fixture(scope="module")
def servers() -> Generator[Aws]:
    with aws() as made:
        yield made


@pytest.fixture
def cloud(servers: Aws) -> Aws:
    """With a log group in which something is wrong."""
    servers.forget()
    now = datetime.now(UTC)
    servers.insights.groups[LOG_GROUP] = [
        {
            "@timestamp": printed(now - timedelta(seconds=number)),
            "@message": f"ERROR order {number} has no price, password=hunter2",
            "@logStream": "web/1",
        }
        for number in range(1, 31)
    ]
    return servers


@pytest.fixture(scope="module")
def searching(valkey: ValkeyServer, servers: Aws, tmp_path_factory: pytest.TempPathFactory) -> Generator[Stack]:
    """A stack whose worker finds AWS where the stand-ins are."""
    with running_stack(valkey.url(11), tmp_path_factory.mktemp("search"), settings=servers.environment()) as running:
        yield running


@pytest.mark.parametrize("mode", ERAS.values())
async def test_how_far_it_is_arrives_while_the_query_runs(searching: Stack, cloud: Aws, mode: str):
    """Ours: the first words are there before the answer; the official client holds the result against its schema."""
    cloud.insights.polls = 3
    cloud.insights.scanning = 120_000_000
    heard: list[tuple[float, float, str]] = []

    async def on_progress(progress: float, total: float | None, message: str | None) -> None:
        heard.append((time.monotonic(), progress, message or ""))

    async with Client(searching.mcp_url, mode=mode) as client:
        await client.list_tools()
        with anyio.fail_after(60):
            result = await client.call_tool("search_logs", SEARCH, progress_callback=on_progress)
    ended = time.monotonic()

    assert result.structured_content is not None
    (pattern,) = result.structured_content["errors"]["patterns"]
    assert (pattern["template"], pattern["count"]) == ("ERROR order * has no price, password=[secret]", 30)
    assert "hunter2" not in result.model_dump_json()
    words = [message for _, _, message in heard]
    assert words[:2] == [
        "looking for error lines",
        "looking for error lines: scanned 120 MB, 30 matching events",
    ]
    numbers = [progress for _, progress, _ in heard]
    assert numbers == sorted(set(numbers))
    # Three polls, half a second apart, come after the first.
    assert ended - heard[1][0] > 1


@pytest.mark.parametrize("mode", ERAS.values())
async def test_a_search_that_its_caller_leaves_is_stopped_at_aws(searching: Stack, cloud: Aws, mode: str):
    """Ours: what nobody waits for must not be paid for."""
    cloud.insights.polls = -1

    async with Client(searching.mcp_url, mode=mode) as client:
        with anyio.move_on_after(60) as scope:

            async def on_progress(progress: float, total: float | None, message: str | None) -> None:
                if message and "scanned" in message:
                    scope.cancel()

            await client.call_tool("search_logs", SEARCH, progress_callback=on_progress)

    assert scope.cancelled_caught
    await anyio.to_thread.run_sync(lambda: until(lambda: cloud.insights.stopped, "the end of the query"))
    assert cloud.insights.stopped == list(cloud.insights.queries) == ["q-0"]


def test_a_killed_worker_does_not_make_anybody_pay_twice(valkey: ValkeyServer, cloud: Aws, tmp_path: Path):
    """Ours: the next attempt waits for the query that the dead worker started."""
    cloud.insights.polls = -1
    with running_stack(valkey.url(6), tmp_path, settings=cloud.environment()) as stack:
        asked = {"name": "search_logs", "arguments": SEARCH}
        with wire(stack.mcp_url, "stateless").open("tools/call", asked, meta={"progressToken": 1}) as response:
            events = (each for each in listen(response) if isinstance(each, Arrived))
            next(each for each in events if "scanned" in each.message["params"]["message"])
            os.killpg(stack.programs[0].process.pid, signal.SIGKILL)
            cloud.insights.queries["q-0"]["left"] = 0
            stack.start_worker()
            rest = list(events)

    assert rest[-1].message["result"]["structuredContent"]["errors"]["lines"] == 30
    assert list(cloud.insights.queries) == ["q-0"]
    assert cloud.insights.stopped == []
