"""What an open stream costs: sessions with a standalone GET stream each, all on one web process, and a broadcast.

Prints the memory of the web process per stream, how long a change takes to reach every client, and whether all came.
"""

import asyncio
import json
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from pydantic import SecretStr
from rich.console import Console
from rich.table import Table

from bench.figures import percentile
from storage.changes import Change, ChangeLog
from storage.connection import connect
from storage.settings import StorageSettings
from tests.servers import Stack, ValkeyServer, running_stack

SESSIONS = 1_000
BROADCASTS = 20
AT_ONCE = 50
VERSION = "2025-11-25"
INITIALIZE = json.dumps(
    {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "initialize",
        "params": {"protocolVersion": VERSION, "capabilities": {}, "clientInfo": {"name": "bench", "version": "1"}},
    }
)


@dataclass
class Client:
    """One session and its stream, on a bare socket: a thousand HTTP clients would measure themselves."""

    port: int
    arrived: list[float] = field(default_factory=list[float])
    reading: asyncio.Task[None] | None = None

    async def open(self) -> None:
        session = await self._head(await self._send("POST", INITIALIZE, ""))
        reader = await self._send("GET", "", f"mcp-session-id: {session}\r\nmcp-protocol-version: {VERSION}\r\n")
        await self._head(reader)
        await reader.readuntil(b"retry: ")
        self.reading = asyncio.create_task(self._read(reader))

    async def _send(self, method: str, body: str, headers: str) -> asyncio.StreamReader:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        self._writer = writer
        accept = "accept: application/json, text/event-stream\r\ncontent-type: application/json\r\n"
        head = f"{method} /mcp HTTP/1.1\r\nhost: 127.0.0.1:{self.port}\r\ncontent-length: {len(body)}\r\n"
        writer.write(f"{head}{accept}{headers}\r\n{body}".encode())
        return reader

    async def _head(self, reader: asyncio.StreamReader) -> str:
        """The session id, if the response names one."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        assert " 200 " in head, head
        lines = (line.partition(": ") for line in head.split("\r\n"))
        return next((value for name, _, value in lines if name.lower() == "mcp-session-id"), "")

    async def _read(self, reader: asyncio.StreamReader) -> None:
        while line := await reader.readline():
            if b"list_changed" in line:
                self.arrived.append(time.perf_counter())

    async def close(self) -> None:
        if self.reading:
            self.reading.cancel()
        self._writer.close()


async def measure(stack: Stack) -> Table:
    web = psutil.Process(stack.webs[0].process.pid)
    clients = [Client(stack.port) for _ in range(SESSIONS)]
    await clients[0].open()
    before = web.memory_info().rss
    for start in range(1, SESSIONS, AT_ONCE):
        await asyncio.gather(*(client.open() for client in clients[start : start + AT_ONCE]))
    after = web.memory_info().rss
    keys = (SecretStr(stack.settings["MCP_SECRET_KEYS"]),)
    storage = StorageSettings(redis_url=SecretStr(stack.redis_url), secret_keys=keys)
    redis = connect(storage)
    changes = ChangeLog(redis, storage.key_ring())
    made: list[float] = []
    for number in range(1, BROADCASTS + 1):
        made.append(time.perf_counter())
        await changes.add(Change("tools"))
        async with asyncio.timeout(30):
            while any(len(client.arrived) < number for client in clients):
                await asyncio.sleep(0.005)
    delays = [(at - made[n]) * 1000 for client in clients for n, at in enumerate(client.arrived)]
    await asyncio.gather(*(client.close() for client in clients))
    await redis.aclose()
    table = Table("sessions", "KB per stream", "RSS MB", "events", "lost", "p50 ms", "p99 ms", title="open GET streams")
    table.add_row(
        str(SESSIONS),
        f"{(after - before) / 1024 / (SESSIONS - 1):.1f}",
        f"{after / 1024**2:.0f}",
        str(len(delays)),
        str(SESSIONS * BROADCASTS - len(delays)),
        f"{percentile(delays, 50):.0f}",
        f"{percentile(delays, 99):.0f}",
    )
    return table


def main() -> None:
    with ExitStack() as exit_stack:
        folder = Path(exit_stack.enter_context(tempfile.TemporaryDirectory()))
        valkey = exit_stack.enter_context(ValkeyServer(folder))
        settings = {"MCP_LOG_LEVEL": "warning"}
        stack = exit_stack.enter_context(running_stack(valkey.url(0), folder, worker=False, settings=settings))
        Console().print(asyncio.run(measure(stack)))


if __name__ == "__main__":
    main()
