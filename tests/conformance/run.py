"""The official conformance suite against our server: each leg on one replica, and on two behind strict round-robin.

`make conformance` runs it. Red when a check fails or warns that is not listed here, when fewer pass than must, and when
one that is listed passes, so that the list cannot rot.
"""

import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Generator, Iterable
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from tests.node import FOLDER, Missing, module, node
from tests.servers import ValkeyServer, running_stack
from tests.stand_ins.round_robin import round_robin

FIXTURES = Path(__file__).parent / "fixtures.py"
LEG_WITHIN = 240
BARE = "bare"
EXPECTED = {"2025-06-18": 56, "2025-11-25": 84, "2026-07-28": 153, BARE: 234}
"""How many checks must pass outside of EXPECTED_FAILURES."""
EXPECTED_FAILURES: frozenset[str] = frozenset()
"""Scenarios that may fail, by name: none."""


@dataclass(frozen=True)
class Check:
    scenario: str
    name: str
    status: str
    message: str

    @property
    def is_note(self) -> bool:
        """Whether the suite only writes down what it saw, and checks nothing."""
        return self.name.startswith(("incoming-", "outgoing-", "stream-"))


@dataclass(frozen=True)
class Tally:
    """What one leg made of one number of replicas."""

    leg: str
    replicas: int
    checks: list[Check] = field(default_factory=list[Check])

    def count(self, *statuses: str) -> int:
        return sum(check.status in statuses for check in self.checks)

    def of(self, *statuses: str) -> list[Check]:
        return [check for check in self.checks if check.status in statuses]

    def problems(self) -> Generator[str]:
        """What makes this leg red, one sentence each."""
        failed = {check.scenario for check in self.of("FAILURE")}
        for check in self.of("FAILURE", "WARNING"):
            if check.scenario not in EXPECTED_FAILURES:
                yield f"{check.scenario}, {check.name}: {check.message}"
        if self.leg == BARE:
            yield from (f"{name} passes now: take it off the list" for name in sorted(EXPECTED_FAILURES - failed))
        good = [check for check in self.of("SUCCESS") if check.scenario not in EXPECTED_FAILURES]
        if (passed := len(good)) < EXPECTED[self.leg]:
            yield f"only {passed} checks passed, {EXPECTED[self.leg]} must"


def run_leg(leg: str, replicas: int, port: int, scenario: str | None) -> Tally:
    out = FOLDER / "out" / f"{leg}-{replicas}"
    shutil.rmtree(out, ignore_errors=True)
    suite = module("@modelcontextprotocol/conformance") / "dist" / "index.js"
    which = ["--scenario", scenario, "--verbose"] if scenario else ["--suite", "all"]
    version = [] if leg == BARE else ["--spec-version", leg]
    url = f"http://localhost:{port}/mcp"
    command = [str(node()), str(suite), "server", "--url", url, *which, *version, "-o", str(out)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=LEG_WITHIN, check=False)
    except subprocess.TimeoutExpired:
        raise Missing(f"{leg} on {replicas} did not end within {LEG_WITHIN} s") from None
    if scenario:
        click.echo(done.stdout)
    checks = [check for path in sorted(out.rglob("checks.json")) for check in _checks(path)]
    if not checks:
        raise Missing(f"the suite reported nothing for {leg}: {(done.stderr or done.stdout)[-500:]}")
    return Tally(leg, replicas, checks)


def _checks(path: Path) -> Generator[Check]:
    """Folders are called `server-<scenario>-<time>`."""
    scenario = re.sub(r"-\d{4}-\d\d-\d\dT.*", "", path.parent.name.removeprefix("server-"))
    found: list[dict[str, Any]] = json.loads(path.read_text())
    for check in found:
        words = " ".join(str(check.get("errorMessage") or check.get("description") or "").split())
        yield Check(scenario, str(check["id"]), str(check["status"]), words[:120])


@contextmanager
def serving(replicas: int) -> Generator[int]:
    """A worker and so many replicas; the answer is the port to talk to."""
    with ExitStack() as exit_stack:
        folder = Path(exit_stack.enter_context(tempfile.TemporaryDirectory()))
        valkey = exit_stack.enter_context(ValkeyServer(folder))
        settings = {"MCP_TOOL_MODULES": str(FIXTURES)}
        stack = running_stack(valkey.url(0), folder, replicas=replicas, settings=settings)
        running = exit_stack.enter_context(stack)
        yield running.port if replicas == 1 else exit_stack.enter_context(round_robin(running.ports)).port


def show(tallies: Iterable[Tally]) -> None:
    console = Console(width=120)
    table = Table("leg", "replicas", "passed", "failed", "warnings", "skipped", "info", title="conformance")
    for tally in tallies:
        counts = (tally.count(status) for status in ("SUCCESS", "FAILURE", "WARNING", "SKIPPED", "INFO"))
        table.add_row(tally.leg, str(tally.replicas), *map(str, counts))
    console.print(table)
    for tally in tallies:
        for check in tally.of("FAILURE", "WARNING", "INFO"):
            if not check.is_note:
                where = f"{tally.leg} on {tally.replicas}, {check.status.lower()}"
                line = f"{where}: {check.scenario}, {check.name}: {check.message}"
                console.print(line, markup=False, highlight=False, soft_wrap=True)


@click.command()
@click.option("--leg", "legs", multiple=True, type=click.Choice(list(EXPECTED)), help="Only these legs.")
@click.option("--replicas", type=click.Choice(["1", "2"]), help="Only with so many replicas.")
@click.option("--scenario", help="Only this scenario, with all that it says.")
def main(legs: tuple[str, ...], replicas: str | None, scenario: str | None) -> None:
    """Run the suite; exit with 1 unless all is as it must be."""
    try:
        tallies = list(_run(legs or tuple(EXPECTED), (int(replicas),) if replicas else (1, 2), scenario))
    except Missing as error:
        raise click.ClickException(str(error)) from None
    show(tallies)
    problems = [f"{tally.leg} on {tally.replicas}: {problem}" for tally in tallies for problem in tally.problems()]
    if scenario:
        return
    for problem in problems:
        click.echo(problem, err=True)
    click.echo(f"{len(problems)} problems" if problems else "conformance: as it must be")
    sys.exit(1 if problems else 0)


def _run(legs: Iterable[str], counts: Iterable[int], scenario: str | None) -> Generator[Tally]:
    for replicas in counts:
        with serving(replicas) as port:
            for leg in legs:
                yield run_leg(leg, replicas, port, scenario)


if __name__ == "__main__":
    main()
