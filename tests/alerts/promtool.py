"""Prometheus' own judge of rules and configurations."""

import shutil
import subprocess
from pathlib import Path


def program(name: str) -> str:
    """Where it is; `.ci/prometheus` has seen to it that it is somewhere."""
    found = shutil.which(name)
    assert found
    return found


def promtool(*arguments: str, folder: Path) -> str:
    """What it says; AssertionError with that when it says no."""
    done = subprocess.run(
        [program("promtool"), *arguments], cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
