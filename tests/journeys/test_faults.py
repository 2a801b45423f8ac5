"""What is not there, and what dies."""

import json
import os
import signal
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import httpx2
import pytest

from tests.clients import ERAS, Arrived, Heard, listen, wire
from tests.journeys.conftest import OWN_TOOLS
from tests.servers import ValkeyServer, running_stack, until


@pytest.mark.parametrize("era", ERAS)
def test_a_call_that_no_worker_takes_says_so_and_then_ends(valkey: ValkeyServer, tmp_path: Path, era: str):
    """Ours: told within seconds, and not left hanging."""
    with running_stack(valkey.url(4), tmp_path, worker=False, MCP_NO_WORKER_TIMEOUT="3") as stack:
        began = time.time()
        heard = wire(stack.mcp_url, era).call("streaming", {}, token=1)

    assert heard.progress[0].at - began < 5
    assert heard.progress[0].message["params"]["message"] == "queued, no worker is running"
    assert heard.result["isError"] is True
    assert "mcp-playground worker" in heard.result["content"][0]["text"]


def test_a_worker_that_comes_later_takes_what_waits(valkey: ValkeyServer, tmp_path: Path):
    """Ours: accepted work is not lost because the workers start last."""
    with running_stack(valkey.url(5), tmp_path, worker=False, MCP_NO_WORKER_TIMEOUT="0") as stack:
        asked = wire(stack.mcp_url, "stateless")
        with asked.open(
            "tools/call", {"name": "streaming", "arguments": {"count": 1}}, meta={"progressToken": 1}
        ) as open_:
            events = listen(open_)
            first = next(each for each in events if isinstance(each, Arrived))
            stack.start_worker()
            rest = [each for each in events if isinstance(each, Arrived)]

    assert "no worker" in first.message["params"]["message"]
    assert rest[-1].message["result"]["structuredContent"]["count"] == 1


def test_a_killed_worker_costs_seconds_and_no_progress_goes_back(valkey: ValkeyServer, tmp_path: Path):
    """Ours: the lease runs out, another worker goes on, the client sees one growing series and one result."""
    with running_stack(valkey.url(6), tmp_path, MCP_TOOL_MODULES=str(OWN_TOOLS)) as stack:
        worker = stack.programs[0]
        with wire(stack.mcp_url, "stateless").open(
            "tools/call", {"name": "streaming", "arguments": {"count": 8, "intervalMs": 300}}, meta={"progressToken": 1}
        ) as response:
            events = (each for each in listen(response) if isinstance(each, Arrived))
            seen = [next(events), next(events)]
            os.killpg(worker.process.pid, signal.SIGKILL)
            stack.start_worker()
            seen += list(events)

    values = [each.message["params"]["progress"] for each in seen[:-1]]
    assert values == [float(step) for step in range(1, 9)]
    assert seen[-1].message["result"]["structuredContent"]["count"] == 8


def test_a_stopped_worker_hands_its_job_to_another(valkey: ValkeyServer, tmp_path: Path):
    """Ours: SIGTERM gives a job its time, then the task goes back to the queue, and nothing of it is lost."""
    with running_stack(valkey.url(7), tmp_path, MCP_DRAIN_TIMEOUT="1") as stack:
        with wire(stack.mcp_url, "stateless").open(
            "tools/call", {"name": "streaming", "arguments": {"count": 8, "intervalMs": 500}}, meta={"progressToken": 1}
        ) as response:
            events = (each for each in listen(response) if isinstance(each, Arrived))
            next(events)
            first = stack.programs[0]
            stack.start_worker()
            first.process.terminate()
            rest = list(events)
        first.process.wait(20)

    assert rest[-1].message["result"]["structuredContent"]["count"] == 8
    assert '"status": "released"' in first.output()


def test_a_tool_that_must_not_run_twice_ends_interrupted(valkey: ValkeyServer, tmp_path: Path):
    """Ours: without readOnlyHint or idempotentHint a run is not started again, and the caller is told."""
    with running_stack(valkey.url(8), tmp_path, MCP_TOOL_MODULES=str(OWN_TOOLS)) as stack:
        file = tmp_path / "ticks"
        heard: list[Heard] = []
        asked = wire(stack.mcp_url, "handshake")
        call = threading.Thread(target=lambda: heard.append(asked.call("nap", {"file": str(file)})))
        call.start()
        until(file.exists, "the tool at work")
        os.killpg(stack.programs[0].process.pid, signal.SIGKILL)
        stack.start_worker()
        call.join(30)

    assert heard[0].result["isError"] is True
    assert "must not run twice" in heard[0].result["content"][0]["text"]


def test_without_redis_the_server_says_so_and_recovers(tmp_path: Path):
    """Ours: alive, not ready, clear answers; and back without a restart."""
    folder = tmp_path / "valkey"
    folder.mkdir()
    with ValkeyServer(folder) as server, running_stack(server.url(0), tmp_path) as stack:
        server.stop()
        not_ready = httpx2.get(f"{stack.url}/health/ready", timeout=20)
        alive = (stack.get("/ping"), stack.get("/health/live"))
        refused = wire(stack.mcp_url, "stateless").send("tools/call", {"name": "echo", "arguments": {"message": "x"}})
        called = wire(stack.mcp_url, "stateless").send("tools/call", {"name": "streaming", "arguments": {}})
        server.start()
        stack.wait_ready()
        recovered = wire(stack.mcp_url, "stateless").call("streaming", {"count": 1})

    assert not_ready.status_code == 503
    assert not_ready.json()["problems"] == {"redis": "does not answer"}
    assert alive == (200, 200)
    assert [each.error["code"] for each in (refused, called)] == [-31003, -31003]
    assert called.error["message"].startswith("The server cannot reach its store")
    assert recovered.result["structuredContent"]["count"] == 1


def test_processes_may_start_before_their_redis(tmp_path: Path):
    """Ours: in a cluster things start in any order; without Redis they wait, not ready, and then they are."""
    folder = tmp_path / "valkey"
    folder.mkdir()
    server = ValkeyServer(folder)
    with running_stack(server.url(0), tmp_path, worker=False) as stack, ExitStack() as later:
        worker = stack.start_worker()
        until(lambda: stack.get("/health/ready") == 503, "not being ready")
        later.enter_context(server)
        stack.wait_ready()
        answered = wire(stack.mcp_url, "stateless").call("streaming", {"count": 1})

    assert answered.result["structuredContent"]["count"] == 1
    assert "Traceback" not in worker.output()


def test_a_web_process_that_is_stopped_lets_its_calls_end(valkey: ValkeyServer, tmp_path: Path):
    """Ours: SIGTERM; a call that ends in time is answered, one that does not is told why, and its job stops."""
    with running_stack(valkey.url(9), tmp_path, MCP_DRAIN_TIMEOUT="2", MCP_TOOL_MODULES=str(OWN_TOOLS)) as stack:
        file = tmp_path / "ticks"
        heard: list[Heard] = []
        short, long = wire(stack.mcp_url, "stateless"), wire(stack.mcp_url, "stateless")
        call = threading.Thread(target=lambda: heard.append(long.call("tick", {"file": str(file)})))
        call.start()
        until(file.exists, "the tool at work")
        # The response begins after a second of silence: from here on the call is certainly running.
        with short.open("tools/call", {"name": "silent", "arguments": {"seconds": 2.0}}) as response:
            web = stack.programs[-1]
            web.process.terminate()
            answered = [each for each in listen(response) if isinstance(each, Arrived)]
        call.join(15)
        web.process.wait(15)

    assert answered[-1].message["result"]["content"][0]["text"] == "at last"
    assert heard[0].error["code"] == -31001
    assert "Traceback" not in web.output()


def test_a_second_signal_ends_at_once(valkey: ValkeyServer, tmp_path: Path):
    """Ours: whoever asks twice does not want to wait for the drain period."""
    silent = {"name": "silent", "arguments": {"seconds": 30.0}}
    settings = {"MCP_DRAIN_TIMEOUT": "60", "MCP_TOOL_MODULES": str(OWN_TOOLS)}
    with (
        running_stack(valkey.url(9), tmp_path, settings=settings) as stack,
        wire(stack.mcp_url, "stateless").open("tools/call", silent) as response,
    ):
        web = stack.webs[0]
        web.process.terminate()
        until(lambda: stack.get("/health/ready") != 200, "the drain")
        web.process.terminate()
        answered = [each for each in listen(response) if isinstance(each, Arrived)]
        status = web.process.wait(10)

    assert answered[-1].message["error"]["code"] == -31001
    assert status == 0


def test_bursts_of_one_address_are_told_to_wait(valkey: ValkeyServer, tmp_path: Path):
    """RFC 6585 section 4: 429 with Retry-After, shared by the replicas."""
    with running_stack(valkey.url(10), tmp_path, worker=False, MCP_RATE_LIMIT="5/minute") as stack:
        answers = [wire(stack.mcp_url, "stateless").send("server/discover") for _ in range(7)]

    assert [each.status for each in answers] == [200] * 5 + [429] * 2
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 60
    assert json.dumps(answers[-1].error).count("try again") == 1
