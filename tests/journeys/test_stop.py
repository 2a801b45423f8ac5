"""Stopping means that the work stops."""

import threading
from pathlib import Path

import pytest

from tests.clients import ERAS, Heard, wire
from tests.servers import Stack, until


def growing(file: Path) -> bool:
    """Whether the tool still writes: looked at over a quarter of a second."""
    before = file.stat().st_size
    try:
        until(lambda: file.stat().st_size > before, "growth", within=0.25)
    except AssertionError:
        return False
    return True


def started(file: Path) -> None:
    until(lambda: file.exists() and file.stat().st_size > 2, "the tool at work")


@pytest.mark.parametrize("tool", ["tick", "deaf", "nap"])
def test_leaving_a_stateless_call_stops_the_job(own: Stack, tmp_path: Path, tool: str):
    """MCP 2026-07-28, cancellation: closing the response cancels; the work stops even if it does not listen."""
    file = tmp_path / "ticks"

    with wire(own.mcp_url, "stateless").open("tools/call", {"name": tool, "arguments": {"file": str(file)}}):
        started(file)

    until(lambda: not growing(file), "the job's end", within=8)


def test_leaving_a_handshake_call_does_not_stop_the_job(own: Stack, tmp_path: Path):
    """MCP 2025-11-25, transports: disconnection is not cancellation; notifications/cancelled is."""
    file = tmp_path / "ticks"
    session = wire(own.mcp_url, "handshake")

    with session.open("tools/call", {"name": "tick", "arguments": {"file": str(file)}}, request_id="leave"):
        started(file)

    assert growing(file)
    assert session.notify("notifications/cancelled", {"requestId": "leave"}) == 202
    until(lambda: not growing(file), "the job's end", within=8)


def test_cancelling_a_handshake_call_stops_the_job_and_ends_the_response(own: Stack, tmp_path: Path):
    """MCP, cancellation: the request ends; the SDK answers it with -32800, and so do we."""
    file = tmp_path / "ticks"
    session = wire(own.mcp_url, "handshake")
    heard: list[Heard] = []
    call = threading.Thread(target=lambda: heard.append(session.call("tick", {"file": str(file)}, request_id=77)))
    call.start()
    started(file)

    other = wire(own.mcp_url, "handshake")
    other.notify("notifications/cancelled", {"requestId": 77})
    still = growing(file)
    session.notify("notifications/cancelled", {"requestId": 77})
    call.join(10)

    assert still, "another session's id must not stop this one's call"
    assert heard[0].error["code"] == -32800
    until(lambda: not growing(file), "the job's end", within=8)


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("tool", ["slow", "slow_and_deaf", "slow_coroutine"])
def test_a_time_limit_is_enforced(own: Stack, era: str, tool: str):
    """The predecessor let a run outlive its timeout; ours ends whether the tool listens or not."""
    heard = wire(own.mcp_url, era).call(tool, {})

    assert heard.result["isError"] is True
    assert "took longer than its 1 s" in heard.result["content"][0]["text"]
