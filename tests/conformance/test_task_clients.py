"""Other people's clients, each through a task to its end, a question inside a task, and a cancellation."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest

from tests.clients import Wire
from tests.journeys.conftest import OWN_TOOLS
from tests.node import FOLDER, ROOT, module, node
from tests.servers import Stack, ValkeyServer, running_stack

DECLARED: dict[str, Any] = {
    "io.modelcontextprotocol/clientCapabilities": {"extensions": {"io.modelcontextprotocol/tasks": {}}}
}
FASTMCP = FOLDER / "fastmcp"
LOCK = ROOT / "requirements" / "fastmcp.lock"

Mcpdo = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def pair(valkey: ValkeyServer, tmp_path_factory: pytest.TempPathFactory) -> Generator[Stack]:
    settings = {"MCP_TOOL_MODULES": str(OWN_TOOLS), "MCP_TASK_AFTER": "0.5"}
    folder = tmp_path_factory.mktemp("tasks")
    with running_stack(valkey.url(18), folder, replicas=2, settings=settings) as running:
        yield running


@pytest.fixture(scope="module")
def fastmcp() -> Path:
    """An interpreter that has FastMCP, which pins other versions of what we use."""
    python = FASTMCP / "bin" / "python"
    stamp = FASTMCP / "lock"
    if not stamp.exists() or stamp.read_text() != LOCK.read_text():
        uv = Path(sys.executable).parent / "uv"
        subprocess.run([sys.executable, "-m", "venv", "--clear", FASTMCP], check=True, timeout=120)
        install = [uv, "pip", "sync", "--quiet", "--python", python, "--require-hashes", LOCK]
        subprocess.run(install, check=True, timeout=300)
        stamp.write_text(LOCK.read_text())
    return python


def test_fastmcps_client(pair: Stack, fastmcp: Path, tmp_path: Path):
    """Fastmcp 4.1 with fastmcp-tasks: the caller never learns that the call was a task."""
    script = Path(__file__).parent / "fastmcp_client.py"
    done = subprocess.run(
        [fastmcp, script, pair.mcp_url, tmp_path], capture_output=True, text=True, timeout=90, check=False
    )

    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads(done.stdout.splitlines()[-1]) == {
        "ended": "6 steps",
        "asked": "hello Ada",
        "cancelled": "cancelled",
    }


def run_node(script: str, *arguments: str, home: Path) -> dict[str, Any]:
    """What a program of the Inspector's package prints."""
    manifest = module("@modelcontextprotocol/inspector") / "package.json"
    entry = manifest.parent / json.loads(manifest.read_text())["bin"][script]
    environment = {**os.environ, "HOME": str(home), "MCP_INSPECTOR_SECRET_STORE": "file"}
    environment["PATH"] = f"{node().parent}:{environment['PATH']}"
    done = subprocess.run(
        [str(node()), str(entry), *arguments],
        capture_output=True,
        text=True,
        timeout=90,
        env=environment,
        cwd=home,
        check=False,
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-2000:]
    return json.loads(done.stdout or "{}")


def test_the_inspectors_command_line(pair: Stack, tmp_path: Path):
    """Inspector 2.12: it takes the handle and waits for the result."""
    arguments = ("--tool-name", "steps", "--tool-arg", f"file={tmp_path}/steps", "--tool-arg", "count=6")
    said = run_node(
        "mcp-inspector",
        *("--cli", "--transport", "http", "--server-url", pair.mcp_url, "--format", "json"),
        *("--protocol-era", "modern", "--method", "tools/call"),
        *arguments,
        home=tmp_path,
    )

    assert said["result"]["content"][0]["text"] == "6 steps"


@pytest.fixture
def mcpdo(pair: Stack, tmp_path: Path) -> Generator[Mcpdo]:
    """The Inspector's other command line, which keeps a connection."""

    def do(*arguments: str) -> dict[str, Any]:
        return run_node("mcpdo", "--format", "json", "--connection", "pair", *arguments, home=tmp_path)

    do("connect", "--transport", "http", "--server-url", pair.mcp_url, "--era", "modern")
    yield do
    do("daemon", "stop")


def test_the_inspector_answers_inside_a_task(mcpdo: Mcpdo):
    """Inspector 2.12, mcpdo: what a task asks is shown, and answered by tasks/update."""
    pending = mcpdo("tools/call", "always_a_task")["elicitationPending"]
    answered = mcpdo("elicitation/respond", pending["elicitationId"], "name:=Ada")

    assert pending["origin"] == "task-input-required"
    assert "hello Ada" in json.dumps(answered)


def test_the_inspector_cancels_a_task(pair: Stack, mcpdo: Mcpdo, tmp_path: Path):
    """Inspector 2.12, mcpdo: tasks/cancel, and the task says so."""
    task_id = Wire(pair.mcp_urls[1]).call("tick", {"file": f"{tmp_path}/ticks"}, meta=DECLARED).result["taskId"]
    mcpdo("tasks/cancel", task_id)
    deadline = time.monotonic() + 20
    while "cancelled" not in json.dumps(mcpdo("tasks/get", task_id)):
        assert time.monotonic() < deadline
