"""`aws_ecs` as an engineer on call uses it: through the server, its analysis streaming."""

import time
from collections.abc import Generator
from typing import Any

import pytest
from mcp import Client

from tests.clients import ERAS
from tests.servers import Stack, ValkeyServer, running_stack
from tests.stand_ins.aws import Aws, BrokenService, aws, broken_service

PIECES = ("The container ", "web was ", "killed ", "for using ", "more memory ", "than it may.")


@pytest.fixture(scope="module")
def cloud() -> Generator[Aws]:
    with aws(pieces=PIECES, pause=0.2) as made:
        yield made


@pytest.fixture(scope="module")
def broken(cloud: Aws) -> BrokenService:
    return broken_service(cloud)


@pytest.fixture(scope="module")
def watching(valkey: ValkeyServer, cloud: Aws, tmp_path_factory: pytest.TempPathFactory) -> Generator[Stack]:
    """A stack whose worker finds AWS where the stand-ins are."""
    with running_stack(valkey.url(11), tmp_path_factory.mktemp("ecs"), settings=cloud.environment()) as running:
        yield running


@pytest.mark.parametrize("mode", ERAS.values())
async def test_the_analysis_streams_while_the_model_writes_it(
    watching: Stack, cloud: Aws, broken: BrokenService, mode: str
):
    """Ours: the first words arrive before the last are made."""
    cloud.bedrock.sent.clear()
    heard: list[tuple[float, str]] = []

    async def on_progress(progress: float, total: float | None, message: str | None) -> None:
        heard.append((time.time(), message or ""))

    async with Client(watching.mcp_url, mode=mode) as client:
        arguments = {"ecsCluster": "shop", "ecsTaskArn": broken.task_arn}
        result = await client.call_tool("aws_ecs", arguments, progress_callback=on_progress)

    words = [(at, message) for at, message in heard if message in "".join(PIECES) and message]
    assert words[0][0] < cloud.bedrock.sent[-1]
    assert "".join(message for _, message in words) == "".join(PIECES)
    assert result.structured_content is not None
    assert result.structured_content["analysis"] == "".join(PIECES)
    assert result.structured_content["analyst"]["outputTokens"] == 30
    assert heard[0][1] == "describing the cluster shop"


async def test_the_result_fits_the_schema_the_client_was_given(watching: Stack, broken: BrokenService):
    """MCP, tools: structured output matches outputSchema; the official client validates it."""
    async with Client(watching.mcp_url, mode="legacy") as client:
        await client.list_tools()
        result = await client.call_tool("aws_ecs", {"ecsCluster": "shop", "ecsService": "web", "analyze": False})

    found: dict[str, Any] = result.structured_content or {}
    assert found["task"]["taskArn"] == broken.task_arn
    assert found["analyst"]["source"] == "rules"
    assert {"out-of-memory", "not-placed"} <= {finding["rule"] for finding in found["findings"]}


async def test_no_secret_of_the_logs_reaches_client_or_model(watching: Stack, cloud: Aws, broken: BrokenService):
    """Ours: what the application should not have logged goes no further."""
    async with Client(watching.mcp_url, mode="2026-07-28") as client:
        result = await client.call_tool("aws_ecs", {"ecsCluster": "shop", "ecsTaskArn": broken.task_arn})

    for text in (result.model_dump_json(), str(cloud.bedrock.requests)):
        assert "hunter2" not in text
        assert "AKIAABCDEFGHIJKLMNOP" not in text
    assert "heap is full" in str(cloud.bedrock.requests)
