"""The table of controls follows the code and the tests."""

import subprocess
import sys
from pathlib import Path

from tests.attacks.controls import CONTROLS

ROOT = Path(__file__).parents[2]


def test_every_control_can_be_switched_off():
    """Ours: what an edit takes away is there, so that a proof proves something."""
    command = (
        "import os, sys\nfrom tests.attacks import mutant\nmutant.loaded()\n"
        "from tests.attacks.controls import CONTROLS\n"
        "for name in CONTROLS:\n"
        "    child = os.fork()\n"
        "    if not child:\n"
        "        try:\n"
        "            mutant.switch_off(name)\n"
        "        except Exception as error:\n"
        "            print(name, error, flush=True)\n"
        "        os._exit(0)\n"
        "    os.waitpid(child, 0)\n"
    )

    done = subprocess.run([sys.executable, "-c", command], cwd=ROOT, capture_output=True, text=True, check=False)

    assert (done.stdout, done.returncode) == ("", 0), done.stdout + done.stderr


def test_every_guarding_test_is_there():
    """Ours: a test that was renamed guards nothing here."""
    named = {test for control in CONTROLS.values() for test in control.tests}
    missing = [
        test
        for test in sorted(named)
        if f"def {test.rpartition('::')[2]}(" not in (ROOT / "tests" / test.partition("::")[0]).read_text()
    ]

    assert missing == []
