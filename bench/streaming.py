"""How fast an event reaches its client, and what a call costs: figures of one run, to be compared within it.

Starts a Valkey server, a web process and a worker on this machine. Latency is from the moment a data point says it was
made (the worker's clock) to its arrival at the client (the same machine's clock).
"""

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

import httpx2
from mcp import Client
from rich.console import Console
from rich.table import Table

from bench.figures import percentile
from tests.servers import Stack, ValkeyServer, running_stack

ERAS = {"2025-11-25": "legacy", "2026-07-28": "2026-07-28"}
STREAMS = (1, 10, 50)
POINTS = 20
CALLS = 400


async def latencies(url: str, mode: str, streams: int) -> list[float]:
    """Milliseconds from making to arrival, of every point of *streams* concurrent calls."""
    seen: list[float] = []

    async def on_progress(progress: float, total: float | None, message: str | None) -> None:
        arrived = time.time()
        made = (message or "").partition('"timestamp": "')[2].partition('"')[0]
        seen.append((arrived - datetime.fromisoformat(made).timestamp()) * 1000)

    async def one() -> None:
        async with Client(url, mode=mode) as client:
            arguments = {"count": POINTS, "intervalMs": 200}
            result = await client.call_tool("streaming", arguments, progress_callback=on_progress)
            assert not result.is_error

    await asyncio.gather(*(one() for _ in range(streams)))
    assert len(seen) == streams * POINTS, "an event was lost"
    return seen


async def rate(call: Callable[[], Awaitable[object]]) -> tuple[float, float]:
    """Calls per second one after another, and the 99th percentile of one call in milliseconds."""
    times: list[float] = []
    for _ in range(CALLS):
        started = time.perf_counter()
        await call()
        times.append((time.perf_counter() - started) * 1000)
    return CALLS / (sum(times) / 1000), percentile(times, 99)


async def measure(stack: Stack) -> tuple[Table, Table]:
    streams = Table(
        "era", "streams", "events", "p50 ms", "p99 ms", title="made on the worker -> received by the client"
    )
    for era, mode in ERAS.items():
        for count in STREAMS:
            found = await latencies(stack.mcp_url, mode, count)
            row = (f"{percentile(found, 50):.1f}", f"{percentile(found, 99):.1f}")
            streams.add_row(era, str(count), str(len(found)), *row)
    calls = Table("call", "per second", "p99 ms", "of the floor", title=f"{CALLS} calls, one after another")
    async with httpx2.AsyncClient() as http:
        floor, p99 = await rate(lambda: http.get(stack.url + "/ping"))
        calls.add_row("GET /ping (floor)", f"{floor:.0f}", f"{p99:.1f}", "1.00")
    for era, mode in ERAS.items():
        async with Client(stack.mcp_url, mode=mode) as client:
            for tool, arguments in (("echo", {"message": "hi"}), ("streaming", {"count": 1})):
                found, p99 = await rate(lambda t=tool, a=arguments, c=client: c.call_tool(t, a))
                where = "inline" if tool == "echo" else "on the worker"
                calls.add_row(f"{tool}, {where}, {era}", f"{found:.0f}", f"{p99:.1f}", f"{found / floor:.2f}")
    return streams, calls


def main() -> None:
    with ExitStack() as exit_stack:
        folder = Path(exit_stack.enter_context(tempfile.TemporaryDirectory()))
        valkey = exit_stack.enter_context(ValkeyServer(folder))
        settings = {"MCP_LOG_LEVEL": "warning", "MCP_WORKER_CONCURRENCY": "64"}
        stack = exit_stack.enter_context(running_stack(valkey.url(0), folder, settings=settings))
        for table in asyncio.run(measure(stack)):
            Console().print(table)


if __name__ == "__main__":
    main()
