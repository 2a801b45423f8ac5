"""Clients we did not write, through what we promise: the TypeScript SDK, from npm."""

import json
import queue
import subprocess
import threading
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from tests.node import FOLDER, module, node
from tests.servers import Stack, ValkeyServer, running_stack

SCRIPT = Path(__file__).parent / "resume.mjs"


@pytest.fixture
def pair(valkey: ValkeyServer, tmp_path: Path) -> Generator[Stack]:
    with running_stack(valkey.url(14), tmp_path, replicas=2) as running:
        yield running


class Program:
    """A node program that says JSON, line by line."""

    def __init__(self, *arguments: str) -> None:
        # Modules are looked for beside the script: it has to stand where they are installed.
        copy = FOLDER / SCRIPT.name
        copy.write_text(SCRIPT.read_text())
        self.process = subprocess.Popen(
            [str(node()), str(copy), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def next(self, within: float = 20) -> dict[str, Any]:
        return json.loads(self._lines.get(timeout=within))

    def go_on(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line)

    def close(self) -> None:
        self.process.kill()
        self.process.communicate(timeout=10)


@pytest.fixture
def client(pair: Stack) -> Generator[Program]:
    module("@modelcontextprotocol/sdk")
    program = Program(*pair.mcp_urls)
    yield program
    program.close()


def test_the_typescript_client_goes_on_with_another_replica(pair: Stack, client: Program):
    """MCP 2025-11-25, transports: the replica that streams is killed; every later event comes once, and the result."""
    assert client.next()["session"]
    seen = [client.next()["progress"] for _ in range(4)]

    pair.webs[0].process.kill()
    pair.webs[0].process.wait(10)
    client.go_on()

    # What the first had sent before it died may still be on its way.
    while "progress" in (said := client.next()):
        seen.append(said["progress"])
    assert said["token"]
    while "progress" in (said := client.next()):
        seen.append(said["progress"])
    assert seen == [float(step) for step in range(1, 11)]
    assert said == {"points": 10}
