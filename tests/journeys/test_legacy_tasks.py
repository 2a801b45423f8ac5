"""The experimental tasks of 2025-11-25, over two replicas."""

from pathlib import Path
from typing import Any

import pytest

from tests.clients import ACCEPT, Heard, Wire, request
from tests.servers import Stack, until
from tests.sse import Stream, answer, session

RELATED = "io.modelcontextprotocol/related-task"


def create(wire: Wire, tool: str, **arguments: Any) -> Heard:
    return wire.send("tools/call", {"name": tool, "arguments": arguments, "task": {"ttl": 60_000}})


def test_it_is_offered_to_that_version_only_and_tool_by_tool(hasty: Stack):
    """MCP 2025-11-25, tasks: capabilities and execution.taskSupport."""
    offered: dict[str, Any] = {}
    for version in ("2025-06-18", "2025-11-25"):
        params = {"protocolVersion": version, "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
        said = Wire(hasty.mcp_url).http.post(hasty.mcp_url, json=request("initialize", params), headers=ACCEPT).json()
        offered[version] = said["result"]["capabilities"].get("tasks")
    listed = Wire.handshake(hasty.mcp_url).send("tools/list").result["tools"]
    support = {tool["name"]: tool["execution"]["taskSupport"] for tool in listed}
    modern = Wire(hasty.mcp_url).send("tools/list").result["tools"]

    assert offered["2025-06-18"] is None
    assert offered["2025-11-25"] == {"list": {}, "cancel": {}, "requests": {"tools": {"call": {}}}}
    assert (support["echo"], support["never_a_task"]) == ("forbidden", "forbidden")
    assert (support["steps"], support["always_a_task"], support["only_a_task"]) == ("optional", "optional", "required")
    assert not any("execution" in tool for tool in modern)


def test_a_task_is_created_seen_and_its_result_waited_for_elsewhere(hasty: Stack, tmp_path: Path):
    """MCP 2025-11-25, tasks: create, get, list, result; the result names its task."""
    here, there = (Wire.handshake(url) for url in hasty.mcp_urls)
    task = create(here, "steps", file=str(tmp_path / "b"), count=5).result["task"]
    got = there.send("tasks/get", {"taskId": task["taskId"]}).result
    listed = there.send("tasks/list").result["tasks"]
    result = there.send("tasks/result", {"taskId": task["taskId"]}).result
    ended = here.send("tasks/get", {"taskId": task["taskId"]}).result

    assert task["status"] == "working"
    assert {"createdAt", "lastUpdatedAt", "ttl", "pollInterval"} <= got.keys()
    assert got.keys().isdisjoint({"ttlMs", "pollIntervalMs", "resultType"})
    assert task["taskId"] in [each["taskId"] for each in listed]
    assert result["content"][0]["text"] == "5 steps"
    assert result["_meta"][RELATED] == {"taskId": task["taskId"]}
    assert ended["status"] == "completed"


def test_a_task_is_cancelled_once(hasty: Stack, tmp_path: Path):
    """MCP 2025-11-25, tasks: the cancelled task; -32602 for one that has ended."""
    here, there = (Wire.handshake(url) for url in hasty.mcp_urls)
    task = create(here, "tick", file=str(tmp_path / "ticks")).result["task"]
    until((tmp_path / "ticks").exists, "the tool at work")
    cancelled = there.send("tasks/cancel", {"taskId": task["taskId"]}).result
    again = here.send("tasks/cancel", {"taskId": task["taskId"]})

    assert cancelled["status"] == "cancelled"
    assert again.error["code"] == -32602


def test_what_a_task_asks_is_asked_where_its_result_is_waited_for(hasty: Stack):
    """MCP 2025-11-25, tasks: input_required, and the question on the stream of tasks/result."""
    wire = session(hasty.mcp_urls[0], {"elicitation": {}})
    task_id = create(wire, "always_a_task").result["task"]["taskId"]
    until(lambda: wire.send("tasks/get", {"taskId": task_id}).result["status"] == "input_required", "the question")
    body = request("tasks/result", {"taskId": task_id}, 7)

    with wire.http.stream("POST", wire.url, json=body, headers=wire.headers("", {}), timeout=60) as response:
        stream = Stream(response)
        answer(wire, stream.message(), name="Ada")
        said = stream.message()

    assert said.text == "hello Ada"


@pytest.mark.parametrize(
    ("method", "params", "code"),
    [
        ("tasks/get", {"taskId": "0" * 32}, -32602),
        ("tasks/result", {"taskId": "0" * 32}, -32602),
        ("tasks/cancel", {"taskId": "0" * 32}, -32602),
        ("tasks/list", {"cursor": "more"}, -32602),
        ("tools/call", {"name": "echo", "arguments": {"message": "x"}, "task": {}}, -32601),
        ("tools/call", {"name": "nope", "arguments": {}, "task": {}}, -32602),
        ("tools/call", {"name": "steps", "arguments": {"count": "many"}, "task": {}}, -32602),
        ("tools/call", {"name": "only_a_task", "arguments": {}}, -32601),
    ],
)
def test_what_cannot_be_is_refused(hasty: Stack, method: str, params: dict[str, Any], code: int):
    """MCP 2025-11-25, tasks: error handling."""
    assert Wire.handshake(hasty.mcp_url).send(method, params).error["code"] == code
