"""What a job costs beside raw Celery: the same worker pool, the same Redis, the same number of callers in flight.

Ours is a `tools/call` over HTTP whose tool runs on a worker: accepted, claimed, logged, streamed back. Raw Celery is
`delay` and `get` in the caller's own process, its result kept in Redis.
"""

import asyncio
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

import psutil
from rich.console import Console
from rich.table import Table

from bench.calls import modern
from bench.contest import ROOT, ours, pin, redis_beside_the_load
from bench.load import CLIENT_CORE
from tests.servers import Stack, ValkeyServer, until

IN_FLIGHT: Final = (1, 16)
JOBS: Final = 400
CONCURRENCY: Final = 16

Pairs = dict[int, list[tuple[float, float]]]
"""For so many in flight, of each round: milliseconds of a job of ours, and of a raw one."""


class Caller:
    """One kept connection that calls the tool `job`, again and again."""

    def __init__(self, port: int) -> None:
        self._sent = modern("tools/call", {"name": "job", "arguments": {"message": "hi"}}).raw(port)
        self._port = port

    async def run(self, turns: "asyncio.Queue[None]") -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        while not turns.empty():
            turns.get_nowait()
            writer.write(self._sent)
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            assert b" 200 " in head.partition(b"\r\n")[0], head
            if b"content-length: " in head:
                size = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
                answer = await reader.readexactly(size)
            else:
                answer = await reader.readuntil(b"0\r\n\r\n")
            assert b'"hi"' in answer, answer
        writer.close()


async def _call(port: int, jobs: int, in_flight: int) -> float:
    turns: asyncio.Queue[None] = asyncio.Queue()
    for _ in range(jobs):
        turns.put_nowait(None)
    began = time.perf_counter()
    await asyncio.gather(*(Caller(port).run(turns) for _ in range(in_flight)))
    return (time.perf_counter() - began) / jobs * 1000


def raw(task: Any, jobs: int, in_flight: int) -> float:  # noqa: ANN401  # Celery has no types
    """Milliseconds for each job."""
    left = iter(range(jobs))
    taking = threading.Lock()

    def caller() -> None:
        while True:
            with taking:
                if next(left, None) is None:
                    return
            assert task.delay("hi").get(timeout=30) == "hi"

    threads = [threading.Thread(target=caller) for _ in range(in_flight)]
    began = time.perf_counter()
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    return (time.perf_counter() - began) / jobs * 1000


@contextmanager
def celery(valkey: ValkeyServer, folder: Path) -> Generator[Any]:
    """The raw task, with a worker for it on the server's core."""
    os.environ["BENCH_REDIS"] = valkey.url(40)
    command = [sys.executable, "-m", "celery", "--app", "bench.contenders.raw", "worker", "--pool=threads"]
    options = [f"--concurrency={CONCURRENCY}", "--loglevel=warning", "--without-gossip", "--without-mingle"]
    with (folder / "raw.log").open("wb") as log:
        process = subprocess.Popen([*command, *options], cwd=ROOT, stdout=log, stderr=log)
    try:
        from bench.contenders import raw as program  # noqa: PLC0415  # reads where Redis is

        until(lambda: bool(program.app.control.ping(timeout=1)), "the raw worker", within=60)
        pin(process.pid)
        yield program.echo
    finally:
        process.terminate()
        process.wait(30)


def measure(rounds: int) -> Pairs:
    psutil.Process().cpu_affinity([CLIENT_CORE])
    with ExitStack() as stack:
        folder, valkey = stack.enter_context(redis_beside_the_load())
        tools = str(ROOT / "bench" / "waiting.py")
        settings = {"MCP_RATE_LIMIT": "off", "MCP_TOOL_MODULES": tools, "MCP_WORKER_CONCURRENCY": str(CONCURRENCY)}
        own: Stack = stack.enter_context(ours(valkey, folder, "own", **settings))
        worker = own.start_worker("--queues", "default,bench")
        own.wait_ready()
        pin(worker.process.pid)
        task = stack.enter_context(celery(valkey, folder))
        sides: tuple[Callable[[int, int], float], ...] = (
            lambda jobs, n: asyncio.run(_call(own.port, jobs, n)),
            lambda jobs, n: raw(task, jobs, n),
        )
        for side in sides:
            side(JOBS // 4, 16)
        found: Pairs = {count: [] for count in IN_FLIGHT}
        for _ in range(rounds):
            for count in IN_FLIGHT:
                ours_ms, raw_ms = (side(JOBS, count) for side in sides)
                found[count].append((ours_ms, raw_ms))
    return found


def table(measured: Pairs) -> Table:
    made = Table("in flight", "ours ms/job", "raw Celery ms/job", "overhead", title="a job that does nothing")
    for count, pairs in measured.items():
        own, other = (statistics.median(each) for each in zip(*pairs, strict=True))
        overhead = statistics.median(a / b - 1 for a, b in pairs)
        made.add_row(str(count), f"{own:.2f}", f"{other:.2f}", f"{overhead:+.0%}")
    return made


def main() -> None:
    Console(width=110).print(table(measure(int(sys.argv[1]) if len(sys.argv) > 1 else 5)))


if __name__ == "__main__":
    main()
