"""The command, as a person meets it."""

import subprocess
import sys

import pytest
from click.testing import CliRunner

from api.cli.main import main

COMMANDS = ["up", "serve", "worker", "flower", "doctor", "call", "tools"]


def test_help_lists_every_command_in_the_order_of_need():
    """Ours: --help is worth reading."""
    text = CliRunner().invoke(main, ["--help"]).output

    listed = text[text.index("Commands:") :]
    positions = [listed.index(f"\n  {command} ") for command in COMMANDS]
    assert positions == sorted(positions)
    assert "mcp-playground call streaming count=10 intervalMs=500" in text


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str):
    """Ours: what it does and what it needs."""
    result = CliRunner().invoke(main, [command, "--help"])

    assert result.exit_code == 0
    assert len(result.output) > 150


def test_the_version_is_the_packages():
    """Ours: one place."""
    done = subprocess.run(
        [sys.executable, "-m", "api.cli.main", "--version"], capture_output=True, text=True, timeout=30, check=True
    )

    assert done.stdout.strip() == "mcp-playground, version 0.1.0"


def test_flower_is_not_opened_to_strangers(monkeypatch: pytest.MonkeyPatch):
    """CVE-2022-30034 and its kind: beyond this machine only with a password."""
    monkeypatch.delenv("FLOWER_BASIC_AUTH", raising=False)

    result = CliRunner().invoke(main, ["flower", "--host", "0.0.0.0"])  # noqa: S104  # refused

    assert result.exit_code == 2
    assert "FLOWER_BASIC_AUTH" in result.output
