"""How fast an event reaches its client while so many streams live: from before it is published to its arrival.

One web process has a core; Redis, what publishes and what listens share the other. Every event must arrive, once.
"""

import asyncio
import re
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import psutil
from rich.console import Console
from rich.table import Table

from bench.calls import modern
from bench.contest import ROOT, ours, redis_beside_the_load
from bench.figures import percentile
from bench.load import CLIENT_CORE
from tests.servers import Stack

STREAMS: Final = (1, 100, 1000)
EVENTS: Final = 20
INTERVAL: Final = 1.0
AT_ONCE: Final = 50
_MADE: Final = re.compile(rb"at=(\d+)")


@dataclass
class Stream:
    """One call on a bare socket, listened to until its result: a thousand HTTP clients would measure themselves."""

    port: int
    delays: list[float] = field(default_factory=list[float])
    """Milliseconds from making to arrival."""

    async def open(self) -> None:
        request = modern("tools/call", {"name": "wait", "arguments": {}}, token=1)
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self.port)
        self._writer.write(request.raw(self.port))

    async def listen(self) -> None:
        while line := await self._reader.readline():
            if made := _MADE.search(line):
                self.delays.append((time.time_ns() - int(made[1])) / 1e6)
            elif b'"result"' in line:
                break
        self._writer.close()


@dataclass(frozen=True)
class Delivery:
    streams: int
    events: int
    lost: int
    p50: float
    p99: float
    worst: float
    rss: float
    """Megabytes of the web process with all streams open."""


async def deliver(stack: Stack, streams: int) -> Delivery:
    web = psutil.Process(stack.webs[0].process.pid)
    opened = [Stream(stack.port) for _ in range(streams)]
    for start in range(0, streams, AT_ONCE):
        await asyncio.gather(*(each.open() for each in opened[start : start + AT_ONCE]))
    listening = [asyncio.create_task(each.listen()) for each in opened]
    command = [sys.executable, "-m", "bench.publisher", str(streams), str(EVENTS), str(INTERVAL)]
    publisher = await asyncio.create_subprocess_exec(*command, env=stack.environment(), cwd=ROOT)
    assert await publisher.wait() == 0
    rss = web.memory_info().rss / 1e6
    async with asyncio.timeout(30):
        await asyncio.gather(*listening)
    found = sorted(delay for each in opened for delay in each.delays)
    lost = streams * EVENTS - len(found)
    return Delivery(streams, len(found), lost, percentile(found, 50), percentile(found, 99), found[-1], rss)


def measure() -> list[Delivery]:
    found: list[Delivery] = []
    psutil.Process().cpu_affinity([CLIENT_CORE])
    for streams in STREAMS:
        with redis_beside_the_load() as (folder, valkey):
            tool = str(ROOT / "bench" / "waiting.py")
            with ours(valkey, folder, "open", MCP_RATE_LIMIT="off", MCP_TOOL_MODULES=tool) as own:
                found.append(asyncio.run(deliver(own, streams)))
    return found


def table(delivered: Sequence[Delivery]) -> Table:
    made = Table("streams", "events", "lost", "p50 ms", "p99 ms", "worst ms", "web MB", title="published -> received")
    for each in delivered:
        figures = (f"{each.p50:.2f}", f"{each.p99:.2f}", f"{each.worst:.1f}", f"{each.rss:.0f}")
        made.add_row(str(each.streams), str(each.events), str(each.lost), *figures)
    return made


def main() -> None:
    Console(width=110).print(table(measure()))


if __name__ == "__main__":
    main()
