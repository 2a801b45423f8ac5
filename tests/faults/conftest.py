"""The report: one row for each fault, printed when all is done, however many processes ran them."""

import io
import os
from collections.abc import Callable, Generator
from pathlib import Path

import msgspec
import pytest
from rich.console import Console
from rich.table import Table

from tests.faults.oracle import Verdict

Report = Callable[[str, Verdict], Verdict]
PATH = "FAULTS_REPORT"
COLUMNS = ("accepted", "lost", "ended_twice", "duplicate_effects", "out_of_order", "stale_writes")


class Row(msgspec.Struct):
    fault: str
    counts: list[int]
    recovery: float
    note: str


def pytest_configure(config: pytest.Config) -> None:
    """The process that was started first says where the rows go; those it starts inherit that."""
    os.environ.setdefault(PATH, str(Path(os.environ.get("TMPDIR", "/tmp")) / f"faults-{os.getpid()}"))  # noqa: S108


@pytest.fixture
def report() -> Generator[Report]:
    """Add a row and hand the verdict back; what is noted on it before the test ends is in the row."""
    verdicts: list[tuple[str, Verdict]] = []

    def add(fault: str, verdict: Verdict) -> Verdict:
        verdicts.append((fault, verdict))
        return verdict

    yield add
    with Path(os.environ[PATH]).open("ab") as out:
        for fault, verdict in verdicts:
            counts = [getattr(verdict, name) for name in COLUMNS]
            out.write(msgspec.json.encode(Row(fault, counts, verdict.slowest_recovery, verdict.note)) + b"\n")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    path = Path(os.environ[PATH])
    if hasattr(terminalreporter.config, "workerinput") or not path.exists():
        return
    rows = [msgspec.json.decode(line, type=Row) for line in path.read_bytes().splitlines()]
    path.unlink()
    table = Table(title="faults")
    for column in ("fault", *COLUMNS, "slowest recovery", "seen"):
        table.add_column(column.replace("_", " "), justify="left" if column in ("fault", "seen") else "right")
    for row in sorted(rows, key=lambda each: each.fault.lower()):
        recovery = f"{row.recovery:.1f} s" if row.recovery else "-"
        table.add_row(row.fault, *(str(count) for count in row.counts), recovery, row.note)
    page = io.StringIO()
    Console(file=page, width=180).print(table)
    terminalreporter.write_line("")
    terminalreporter.write(page.getvalue())
