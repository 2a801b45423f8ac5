"""Switches each control off, one after the other, and sees the tests that guard it turn red.

`python -m tests.attacks.prove [part of a name ...]`; exit status 1 when a test did not notice.
"""

import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final
from xml.etree import ElementTree as ET

from tests.attacks.control import Control
from tests.attacks.controls import CONTROLS
from tests.servers import CONTROL_OFF

AT_ONCE: Final = 3
"""Most of the time goes into starting processes and waiting for them."""
ROOT: Final = Path(__file__).parents[2]


def failed(report: Path) -> set[str]:
    """The functions of which a case failed (an error before the test is none)."""
    cases = ET.parse(report).iter("testcase")  # noqa: S314  # pytest wrote it
    return {case.attrib["name"].partition("[")[0] for case in cases if case.find("failure") is not None}


def unnoticed(name: str, control: Control) -> list[str]:
    """The tests that are green although the control is off."""
    with TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-q", f"--junitxml={report}", *_paths(control)]
        done = subprocess.run(
            command, cwd=ROOT, env=os.environ | {CONTROL_OFF: name}, capture_output=True, text=True, check=False
        )
        if not report.exists():
            sys.exit(done.stdout + done.stderr)
        red = failed(report)
    return [test for test in control.tests if test.rpartition("::")[2] not in red]


def _paths(control: Control) -> list[str]:
    return [f"tests/{test}" for test in control.tests]


def main(wanted: Sequence[str]) -> int:
    chosen = [name for name in CONTROLS if not wanted or any(part in name for part in wanted)]
    green = 0
    with ThreadPoolExecutor(AT_ONCE) as pool:
        running = {pool.submit(unnoticed, name, CONTROLS[name]): name for name in chosen}
        for done in as_completed(running):
            missed = done.result()
            green += len(missed)
            said = "red without it" if not missed else f"NOT NOTICED by {', '.join(missed)}"
            sys.stdout.write(f"{running[done]}: {said}\n")
            sys.stdout.flush()
    sys.stdout.write(f"{len(chosen)} controls switched off, {green} tests that did not notice\n")
    return 1 if green else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
