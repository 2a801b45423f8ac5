"""Servers to be measured side by side: each fresh, on the server's core, on a port of its own."""

import itertools
import os
import subprocess
import tempfile
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from bench.load import CLIENT_CORE, SERVER_CORE
from tests.servers import Stack, ValkeyServer, free_port, new_key, until

ROOT: Final = Path(__file__).parent.parent
PYTHON: Final = ROOT / ".venv-bench" / "bin" / "python"
"""Has the contenders, which pin other versions of what we use."""
CONTENDERS: Final = {"sdk": "MCP SDK MCPServer", "fast": "FastMCP", "plugin": "litestar-mcp", "floor": "bare Litestar"}

DATABASES: Final = itertools.count(1)


@dataclass(frozen=True)
class Server:
    name: str
    ports: Sequence[int]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.ports[0]}/mcp"


@contextmanager
def redis_beside_the_load() -> Generator[tuple[Path, ValkeyServer]]:
    """An empty folder, and a Valkey server on the core of the load, which keeps what it has to in there."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "valkey").mkdir()
        with ValkeyServer(folder / "valkey") as valkey:
            assert valkey.process
            pin(valkey.process.pid, CLIENT_CORE)
            yield folder, valkey


@contextmanager
def contender(module: str, folder: Path) -> Generator[Server]:
    """One of bench/contenders, under the uvicorn that all of them share."""
    port = free_port()
    command = [str(PYTHON), "-m", "uvicorn", f"{module}:app", "--app-dir", str(ROOT / "bench" / "contenders")]
    options = [
        "--port",
        str(port),
        "--log-level",
        "warning",
        "--no-access-log",
        "--loop",
        "uvloop",
        "--http",
        "httptools",
    ]
    with (folder / f"{module}.log").open("wb") as log:
        process = subprocess.Popen([*command, *options], stdout=log, stderr=log)
    try:
        pin(process.pid)
        until(lambda: _listens(process, port), f"{module} listening", within=60)
        yield Server(CONTENDERS[module], (port,))
    finally:
        process.terminate()
        process.wait(10)


def pin(pid: int, core: int = SERVER_CORE) -> None:
    """All of a process's threads on one core."""
    for thread in psutil.Process(pid).threads():
        os.sched_setaffinity(thread.id, {core})


def _listens(process: subprocess.Popen[bytes], port: int) -> bool:
    assert process.poll() is None, "it ended"
    return any(
        each.laddr.port == port for each in psutil.Process(process.pid).net_connections() if each.status == "LISTEN"
    )


@contextmanager
def ours(
    valkey: ValkeyServer, folder: Path, name: str, *, replicas: int = 1, port: int | None = None, **settings: str
) -> Generator[Stack]:
    """Our own server as an operator starts it, its web processes on the server's core."""
    folder = folder / name
    folder.mkdir()
    stack = Stack(
        valkey.url(next(DATABASES)),
        folder,
        {"MCP_SECRET_KEYS": new_key(), "MCP_LOG_LEVEL": "warning", **settings},
        port or free_port(),
    )
    stack.is_forked = False
    try:
        for _ in range(replicas):
            pin(stack.start_web().process.pid)
        yield stack
    finally:
        stack.stop()
