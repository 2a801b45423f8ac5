"""`aws_ecs` as those use it who knew it before: through the server, its analysis streaming."""

import json
import time
from collections.abc import Generator
from typing import Any

import pytest
from mcp import Client

from tests.clients import ERAS
from tests.servers import Stack, ValkeyServer, running_stack
from tests.stand_ins.world.failures import memory_runs_out
from tests.stand_ins.world.names import PERFORMANCE
from tests.stand_ins.world.performance import performance_log
from tests.stand_ins.world.shop import healthy_shop
from tests.stand_ins.world.world import World, serving_world

SENTENCES = ("Container web was killed at its limit [task:1].", "Its memory grew before that [metric:2].")
ANSWER = json.dumps({"narrative": " ".join(SENTENCES), "hypotheses": []})
PIECES = tuple(ANSWER[start : start + 24] for start in range(0, len(ANSWER), 24))


@pytest.fixture(scope="module")
def world() -> Generator[World]:
    with serving_world(healthy_shop(), pieces=PIECES, pause=0.3) as made:
        memory_runs_out(made)
        made.logs.groups[PERFORMANCE] = performance_log(made.account)
        yield made


@pytest.fixture(scope="module")
def watching(valkey: ValkeyServer, world: World, tmp_path_factory: pytest.TempPathFactory) -> Generator[Stack]:
    """A stack whose worker finds AWS where the stand-in is."""
    with running_stack(valkey.url(11), tmp_path_factory.mktemp("ecs"), settings=world.environment()) as running:
        yield running


@pytest.mark.parametrize("mode", ERAS.values())
async def test_the_analysis_streams_while_the_model_writes_it(watching: Stack, world: World, mode: str):
    """Ours: the first sentence arrives before the last is made; the result has what it always had."""
    world.bedrock.sent.clear()
    heard: list[tuple[float, str]] = []

    async def on_progress(progress: float, total: float | None, message: str | None) -> None:
        heard.append((time.time(), message or ""))

    async with Client(watching.mcp_url, mode=mode) as client:
        await client.list_tools()
        arguments = {"ecsCluster": "shop", "ecsService": "web"}
        result = await client.call_tool("aws_ecs", arguments, progress_callback=on_progress)

    first = next(at for at, message in heard if SENTENCES[0] in message)
    found: dict[str, Any] = result.structured_content or {}
    assert first < world.bedrock.sent[-1]
    assert heard[0][1] == "describing the cluster shop"
    assert found["analysis"] == " ".join(SENTENCES)
    assert found["investigation"]["usage"]["outputTokens"] == 30
    assert found["task"]["stopCode"] == "EssentialContainerExited"
    assert found["task"]["containers"][0]["exitCode"] == 137
    assert found["service"]["serviceName"] == "web"
    assert [sample["memoryReserved"] for sample in found["cloudwatchLogs"]][:1] == [512.0]
