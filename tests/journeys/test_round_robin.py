"""The official Python client behind a load balancer that sends every request to the other replica."""

import asyncio
from collections.abc import Generator
from typing import Any

import pytest
from mcp import Client
from mcp.client.session import ClientRequestContext
from mcp.types import (
    CallToolResult,
    CreateMessageRequestParams,
    CreateMessageResult,
    ElicitRequestFormParams,
    ElicitRequestParams,
    ElicitResult,
    ListRootsResult,
    LoggingMessageNotificationParams,
    Root,
    TextContent,
)
from pydantic import FileUrl

from tests.clients import ERAS
from tests.servers import Stack
from tests.stand_ins.round_robin import RoundRobin, round_robin


@pytest.fixture
def balancer(pair: Stack) -> Generator[RoundRobin]:
    with round_robin(pair.ports) as running:
        yield running


def url(balancer: RoundRobin) -> str:
    return f"http://127.0.0.1:{balancer.port}/mcp"


async def elicit(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
    assert isinstance(params, ElicitRequestFormParams)
    names: dict[str, Any] = params.requested_schema["properties"]
    return ElicitResult(action="accept", content={name: f"my {name}" for name in names})


async def sample(context: ClientRequestContext, params: CreateMessageRequestParams) -> CreateMessageResult:
    return CreateMessageResult(role="assistant", content=TextContent(type="text", text="Paris"), model="test")


async def roots(context: ClientRequestContext) -> ListRootsResult:
    return ListRootsResult(roots=[Root(uri=FileUrl("file:///work"))])


def words(result: Any) -> str:
    assert isinstance(result, CallToolResult)
    assert isinstance(result.content[0], TextContent)
    return result.content[0].text


@pytest.mark.parametrize("mode", ERAS.values(), ids=ERAS)
async def test_every_request_may_land_anywhere(balancer: RoundRobin, mode: str):
    """Ours: calls, progress, questions of every kind, from inline tools and from workers, with no affinity."""
    steps: list[float] = []

    async def on_progress(progress: float, total: float | None, message: str | None) -> None:
        steps.append(progress)

    async with (
        asyncio.timeout(40),
        Client(
            url(balancer), mode=mode, elicitation_callback=elicit, sampling_callback=sample, list_roots_callback=roots
        ) as client,
    ):
        for _ in range(3):
            assert len((await client.list_tools()).tools) > 6
        await client.call_tool("streaming", {"count": 4, "intervalMs": 100}, progress_callback=on_progress)
        said = [
            words(await client.call_tool(name, {})) for name in ("ask_name", "ask_twice", "ask_inline", "ask_model")
        ]

    assert steps == [1.0, 2.0, 3.0, 4.0]
    assert said == [
        "hello my name",
        "my value and my value",
        "hello my name, from the web process",
        "Paris in file:///work",
    ]
    assert abs(balancer.requests.count(0) - balancer.requests.count(1)) <= 1


@pytest.mark.filterwarnings("ignore::mcp.shared.exceptions.MCPDeprecationWarning")
async def test_log_messages_pass_from_the_level_the_session_asked_for(balancer: RoundRobin):
    """MCP, logging: setLevel on one replica filters on the other."""
    heard: list[str] = []

    async def on_log(params: LoggingMessageNotificationParams) -> None:
        heard.append(params.level)

    async with asyncio.timeout(20), Client(url(balancer), mode="legacy", logging_callback=on_log) as client:
        await client.set_logging_level("error")  # pyright: ignore[reportDeprecated]  # the handshake eras have it
        await client.call_tool("say", {})
        await client.set_logging_level("debug")  # pyright: ignore[reportDeprecated]
        await client.call_tool("say", {})

    assert heard == ["error", "debug", "info", "error"]
