"""`io.modelcontextprotocol/tasks` over two replicas (SEP-2663; MCP 2026-07-28)."""

import threading
import time
from pathlib import Path
from typing import Any

import pytest

from tests.clients import Arrived, Heard, Wire, listen
from tests.servers import Stack, until

EXTENSION = "io.modelcontextprotocol/tasks"
CAPABILITIES = "io.modelcontextprotocol/clientCapabilities"
DECLARED: dict[str, Any] = {CAPABILITIES: {"extensions": {EXTENSION: {}}, "elicitation": {}}}
ADA = {"action": "accept", "content": {"name": "Ada"}}
PROGRESS = "mcp-server-playground/progress"


def call(url: str, tool: str, meta: dict[str, Any] | None = None, **arguments: Any) -> Heard:
    return Wire(url).call(tool, arguments, meta=DECLARED | (meta or {}))


def ask(url: str, method: str, task_id: str, **more: Any) -> Heard:
    return Wire(url).send(f"tasks/{method}", {"taskId": task_id, **more}, meta=DECLARED)


def at_its_end(url: str, task_id: str) -> dict[str, Any]:
    """The task once it has ended."""
    found: list[dict[str, Any]] = []

    def ended() -> bool:
        found.append(ask(url, "get", task_id).result)
        return found[-1]["status"] not in ("working", "input_required")

    until(ended, "the end of the task")
    return found[-1]


def test_a_call_that_is_slow_becomes_a_task_that_any_replica_knows(hasty: Stack, tmp_path: Path):
    """SEP-2663: the handle comes only when the task is durable, flat, and with the progress that was made."""
    here, there = hasty.mcp_urls
    handle = call(here, "steps", file=str(tmp_path / "begun"), count=8).result
    running = ask(there, "get", handle["taskId"]).result
    done = at_its_end(there, handle["taskId"])

    assert handle["resultType"] == "task"
    assert handle["status"] == "working"
    assert handle.keys().isdisjoint({"result", "error", "inputRequests", "task", "requestState"})
    assert running["resultType"] == "complete"
    assert running["_meta"][PROGRESS]["total"] == 8
    assert " of 8: step " in running["statusMessage"]
    assert done["result"]["content"][0]["text"] == "8 steps"
    assert done["ttlMs"] == handle["ttlMs"]
    assert handle["createdAt"] == done["createdAt"] < done["lastUpdatedAt"]
    assert (tmp_path / "begun").read_text() == "begun\n"


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [("steps", {"count": 0}), ("never_a_task", {"seconds": 0.8}), ("echo", {"message": "x"})],
)
def test_what_is_quick_or_never_a_task_is_answered_as_ever(
    hasty: Stack, tmp_path: Path, tool: str, arguments: dict[str, Any]
):
    """SEP-2663: the server alone decides, call by call."""
    if tool == "steps":
        arguments = {**arguments, "file": str(tmp_path / "begun")}

    assert call(hasty.mcp_urls[0], tool, **arguments).result["resultType"] == "complete"


def test_a_client_that_does_not_declare_the_extension_gets_no_task_and_no_task_methods(hasty: Stack):
    """SEP-2663: per request; -32021 names what is missing; the handshake eras know no such method."""
    wire = Wire(hasty.mcp_urls[0])
    task_id = call(hasty.mcp_urls[0], "always_a_task").result["taskId"]
    refused = [
        wire.call("only_a_task", {}),
        wire.send("tasks/get", {"taskId": task_id}),
        wire.send("tasks/update", {"taskId": task_id, "inputResponses": {}}),
        wire.send("tasks/cancel", {"taskId": task_id}),
        wire.send("subscriptions/listen", {"notifications": {"taskIds": [task_id]}}),
    ]
    # 2025-11-25 knows an experimental method of this name, which this stack has switched on.
    with_session = Wire.handshake(hasty.mcp_urls[0], "2025-06-18").send("tasks/get", {"taskId": task_id})
    ask(hasty.mcp_urls[1], "cancel", task_id)

    assert [each.error["code"] for each in refused] == [-32021] * 5
    assert {str(each.error["data"]) for each in refused} == {
        str({"requiredCapabilities": {"extensions": {EXTENSION: {}}}})
    }
    assert with_session.error["code"] == -32601


def test_an_elicitation_inside_a_task_is_answered_at_another_replica(hasty: Stack):
    """SEP-2663: input_required with all that is open; tasks/update; answers to nothing are ignored."""
    here, there = hasty.mcp_urls
    task_id = call(here, "always_a_task").result["taskId"]
    until(lambda: ask(there, "get", task_id).result["status"] == "input_required", "the question")
    asked = ask(here, "get", task_id).result
    updated = [
        ask(there, "update", task_id, inputResponses=given)
        for given in ({"other": ADA}, {"name": {"action": "accept", "content": {"name": 7}}}, {"name": ADA})
    ]
    done = at_its_end(here, task_id)

    assert asked["inputRequests"]["name"]["method"] == "elicitation/create"
    assert [each.result["resultType"] for each in updated] == ["complete"] * 3
    assert done["result"]["content"][0]["text"] == "hello Ada"
    assert "inputRequests" not in done


def test_a_cancelled_task_stops_working_and_stays_cancelled(hasty: Stack, tmp_path: Path):
    """SEP-2663: an acknowledgement, on a task that ended too; the work stops within two seconds."""
    here, there = hasty.mcp_urls
    ticks = tmp_path / "ticks"
    task_id = call(here, "tick", file=str(ticks)).result["taskId"]
    acknowledged = ask(there, "cancel", task_id).result
    done = at_its_end(here, task_id)
    size = ticks.stat().st_size
    again = ask(here, "cancel", task_id).result

    assert acknowledged["resultType"] == again["resultType"] == "complete"
    assert done["status"] == "cancelled"
    assert "result" not in done
    assert ask(there, "get", task_id).result["status"] == "cancelled"
    assert ticks.stat().st_size == size


def test_a_protocol_error_is_a_failed_task_and_a_tools_own_is_not(hasty: Stack):
    """SEP-2663: failed is for JSON-RPC errors; a result with isError is completed."""
    failed = at_its_end(hasty.mcp_urls[0], call(hasty.mcp_urls[0], "fails_as_protocol").result["taskId"])
    own = call(hasty.mcp_urls[0], "broken").result

    assert failed["status"] == "failed"
    assert failed["error"] == {"code": -32000, "message": "the warehouse is closed", "data": {"until": "Monday"}}
    assert own["isError"] is True


@pytest.mark.parametrize("method", ["get", "update", "cancel"])
def test_an_unknown_task_and_a_wrong_name_are_refused(hasty: Stack, method: str):
    """SEP-2663: -32602; `Mcp-Name` that names another task is -32020, and may be left out."""
    params: dict[str, Any] = {"taskId": "0" * 32, "inputResponses": {}}
    unknown = Wire(hasty.mcp_urls[0]).send(f"tasks/{method}", params, meta=DECLARED)
    wrong = Wire(hasty.mcp_urls[0]).send(f"tasks/{method}", params, meta=DECLARED, headers={"mcp-name": "another"})
    without = Wire(hasty.mcp_urls[0]).send(f"tasks/{method}", {}, meta=DECLARED)

    assert unknown.error["code"] == -32602
    assert "Unknown task" in unknown.error["message"]
    assert wrong.error["code"] == -32020
    assert without.error["code"] == -32602
    assert "taskId" in without.error["message"]


def test_a_listener_is_told_of_its_tasks_as_the_worker_makes_them_change(hasty: Stack, tmp_path: Path):
    """SEP-2663: `notifications/tasks` with the whole task, on a replica that did not accept it."""
    here, there = hasty.mcp_urls
    task_id = call(here, "steps", file=str(tmp_path / "begun"), count=10).result["taskId"]
    wire = Wire(there)
    wanted = {"notifications": {"taskIds": [task_id, "0" * 32]}}
    heard: list[Arrived] = []

    def hear() -> None:
        with wire.open("subscriptions/listen", wanted, meta=DECLARED, request_id="mine") as response:
            for each in listen(response):
                if isinstance(each, Arrived):
                    heard.append(each)
                    if each.message.get("params", {}).get("status") == "completed":
                        return

    listener = threading.Thread(target=hear, daemon=True)
    listener.start()
    listener.join(15)

    acknowledged, *told = [each.message["params"] for each in heard]
    assert acknowledged["notifications"]["taskIds"] == [task_id]
    assert {params["_meta"]["io.modelcontextprotocol/subscriptionId"] for params in told} == {"mine"}
    steps = [params["_meta"][PROGRESS]["progress"] for params in told if PROGRESS in params["_meta"]]
    assert steps == sorted(steps)
    assert len(set(steps)) >= 5
    assert told[-1]["result"]["content"][0]["text"] == "10 steps"


def test_questions_before_the_task_are_asked_by_the_call(hasty: Stack):
    """SEP-2663: round trips come before the task; once it waits for the client the call says so."""
    here, there = hasty.mcp_urls
    params: dict[str, Any] = {"name": "ask_name", "arguments": {}}
    asked = Wire(here).send("tools/call", params, meta=DECLARED).result
    answered = Wire(there).send(
        "tools/call", {**params, "inputResponses": {"name": ADA}, "requestState": asked["requestState"]}, meta=DECLARED
    )

    assert asked["resultType"] == "input_required"
    assert answered.result["content"][0]["text"] == "hello Ada"


def test_a_task_outlives_the_connection_that_made_it(hasty: Stack, tmp_path: Path):
    """MCP 2026-07-28: closing the response cancels a call, unless it has become a task."""
    task_id = call(hasty.mcp_urls[0], "steps", file=str(tmp_path / "begun"), count=6).result["taskId"]
    began = time.time()

    assert at_its_end(hasty.mcp_urls[1], task_id)["status"] == "completed"
    assert time.time() - began < 10
