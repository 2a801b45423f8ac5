"""The official Python client with an extension of twenty lines, behind a balancer without affinity."""

import asyncio
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

import pytest
from mcp import Client
from mcp.client import ClaimContext, ClientExtension, ResultClaim
from mcp.client.session import ClientRequestContext, ClientSession
from mcp.types import (
    CallToolResult,
    ElicitRequestParams,
    ElicitResult,
    Request,
    RequestParams,
    Result,
    TextContent,
)
from pydantic import Field

from api.mcp.durable import EXTENSION
from tests.servers import Stack
from tests.stand_ins.round_robin import RoundRobin, round_robin


class Handle(Result):
    """What tools/call answers instead of a result."""

    result_type: Literal["task"] = Field(alias="resultType")
    task_id: str = Field(alias="taskId")


class Task(Result):
    status: str = ""
    result: dict[str, Any] | None = None
    input_requests: dict[str, Any] | None = Field(default=None, alias="inputRequests")


class Params(RequestParams):
    task_id: str = Field(serialization_alias="taskId")
    input_responses: dict[str, Any] | None = Field(default=None, serialization_alias="inputResponses")


class OfTask(Request[Params, str]):
    """The SDK puts the task's id into `Mcp-Name` by itself."""

    name_param: ClassVar[str | None] = "taskId"


async def ask(session: ClientSession, method: str, task_id: str, **more: Any) -> Task:
    return await session.send_request(OfTask(method=f"tasks/{method}", params=Params(task_id=task_id, **more)), Task)


class Tasks(ClientExtension):
    """Waits for the task and answers what it asks; with *cancel* it cancels what it is given instead."""

    identifier = EXTENSION

    def __init__(self, *, cancel: bool = False) -> None:
        self.cancel = cancel
        self.seen: list[str] = []

    def claims(self) -> Sequence[ResultClaim[Any]]:
        return [ResultClaim(result_type="task", model=Handle, resolve=self.resolve)]

    async def resolve(self, handle: Handle, context: ClaimContext) -> CallToolResult:
        if self.cancel:
            await ask(context.session, "cancel", handle.task_id)
        async with asyncio.timeout(20):
            while (task := await ask(context.session, "get", handle.task_id)).status in ("working", "input_required"):
                self.seen.append(task.status)
                if task.input_requests:
                    given = {key: {"action": "accept", "content": {"name": "Ada"}} for key in task.input_requests}
                    await ask(context.session, "update", handle.task_id, input_responses=given)
                await asyncio.sleep(0.05)
        self.seen.append(task.status)
        return CallToolResult.model_validate(task.result or {"content": []}, by_name=False)


@pytest.fixture
def balancer(hasty: Stack) -> Generator[RoundRobin]:
    with round_robin(hasty.ports) as running:
        yield running


async def elicit(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
    """Makes the client say that it can be asked; what a task asks is answered by the extension."""
    raise NotImplementedError


async def call(balancer: RoundRobin, extension: Tasks, tool: str, **arguments: Any) -> str:
    async with Client(
        f"http://127.0.0.1:{balancer.port}/mcp", extensions=[extension], elicitation_callback=elicit
    ) as client:
        result = await client.call_tool(tool, arguments)
    return result.content[0].text if result.content and isinstance(result.content[0], TextContent) else ""


async def test_a_task_to_its_end(balancer: RoundRobin, tmp_path: Path):
    """SEP-2663: the caller gets the result and need not know that the call was a task."""
    extension = Tasks()

    assert await call(balancer, extension, "steps", file=str(tmp_path / "steps"), count=8) == "8 steps"
    assert set(extension.seen) == {"working", "completed"}
    assert set(balancer.requests) == {0, 1}


async def test_a_question_inside_a_task(balancer: RoundRobin):
    """SEP-2663: input_required, tasks/update, and on."""
    extension = Tasks()

    assert await call(balancer, extension, "always_a_task") == "hello Ada"
    assert "input_required" in extension.seen


async def test_a_task_is_cancelled(balancer: RoundRobin, tmp_path: Path):
    """SEP-2663: and has no result."""
    extension = Tasks(cancel=True)

    assert await call(balancer, extension, "tick", file=str(tmp_path / "ticks")) == ""
    assert extension.seen[-1] == "cancelled"
