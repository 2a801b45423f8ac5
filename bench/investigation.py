"""What a million log lines cost `investigate_ecs_service` at depth deep, in a process of its own.

The world that it looks at, with its Insights, is this process; the investigation is another one, with the clients,
the threads and the limits that a worker gives it. Prints its peak of memory, which must stay under 300 MB, the seconds
it took, and of them its own: the rest is the stand-in's, which evaluates each query over a million events in Python.
"""

import json
import os
import resource
import subprocess
import sys
import time
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.stand_ins.run import FakeRun
from tests.stand_ins.world.failures import log_flood
from tests.stand_ins.world.names import PERFORMANCE
from tests.stand_ins.world.performance import performance_log
from tests.stand_ins.world.shop import healthy_shop
from tests.stand_ins.world.world import World, serving_world

EVENTS = 1_000_000
ROOM_MB = 300
LONGEST = 600
TOOL = "investigate_ecs_service"


def investigate(depth: str) -> dict[str, Any]:
    """In the process that is measured: one investigation, and what it took."""
    from tasks.tools import TOOLS  # noqa: PLC0415  # the other process needs no tools

    run, started = FakeRun(), (time.monotonic(), time.process_time())
    tool = next(each for each in TOOLS if each.name == TOOL)
    found = run.call(tool, cluster="shop", service="web", depth=depth, analyze=False)
    return {
        "seconds": time.monotonic() - started[0],
        "cpu": time.process_time() - started[1],
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "verdict": found["verdict"]["summary"],
        "scanned": found["usage"]["scannedBytes"],
        "patterns": {each["template"]: each["count"] for each in found["logPatterns"]},
        "bytes": len(json.dumps(found).encode()),
    }


def measure(world: World, depth: str, table: Table) -> None:
    command = [sys.executable, __file__, depth]
    done = subprocess.run(
        command, env=os.environ | world.environment(), capture_output=True, check=True, text=True, timeout=LONGEST
    )
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["peak"] < ROOM_MB, f"{found['peak']:.0f} MB at the peak"
    assert any("lost its lease" in template for template in found["patterns"]), "the flood was not seen"
    numbers = (
        f"{found['seconds']:.1f}",
        f"{found['cpu']:.1f}",
        f"{EVENTS / found['cpu']:,.0f}",
        f"{found['peak']:.0f}",
    )
    table.add_row(
        depth, f"{EVENTS:,}", *numbers, f"{found['scanned'] / 1e6:.0f}", str(found["bytes"]), found["verdict"]
    )


def main() -> None:
    heads = ("depth", "events", "s", "s of CPU", "events/s of CPU", "peak MB", "MB scanned", "bytes", "verdict")
    table = Table(*heads, title="one investigation of a flood")
    with serving_world(healthy_shop()) as world:
        log_flood(world, EVENTS)
        world.logs.groups[PERFORMANCE] = performance_log(world.account)
        for depth in ("standard", "deep"):
            measure(world, depth, table)
    Console(width=160).print(table)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(investigate(sys.argv[1])))
    else:
        main()
