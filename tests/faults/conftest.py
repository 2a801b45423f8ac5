"""The report: one row for each fault, printed when all is done."""

import io
from collections.abc import Callable

import pytest
from rich.console import Console
from rich.table import Table

from tests.faults.oracle import Verdict

_ROWS: list[tuple[str, Verdict]] = []
Report = Callable[[str, Verdict], Verdict]


@pytest.fixture
def report() -> Report:
    """Add a row and hand the verdict back."""

    def add(fault: str, verdict: Verdict) -> Verdict:
        _ROWS.append((fault, verdict))
        return verdict

    return add


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not _ROWS:
        return
    table = Table(title="faults")
    for column in ("fault", "accepted", "lost", "ended twice", "duplicate effects", "out of order", "stale writes"):
        table.add_column(column, justify="left" if column == "fault" else "right")
    table.add_column("slowest recovery", justify="right")
    table.add_column("seen")
    for fault, verdict in _ROWS:
        counts = (
            verdict.accepted,
            verdict.lost,
            verdict.ended_twice,
            verdict.duplicate_effects,
            verdict.out_of_order,
            verdict.stale_writes,
        )
        recovery = f"{verdict.slowest_recovery:.1f} s" if verdict.slowest_recovery else "-"
        table.add_row(fault, *(str(count) for count in counts), recovery, verdict.note)
    terminalreporter.write_line("")
    page = io.StringIO()
    Console(file=page, width=180).print(table)
    terminalreporter.write(page.getvalue())
