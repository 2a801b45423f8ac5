"""What the runbook tells somebody to type at night can be typed."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from api.cli.main import main

DOCUMENT = Path(__file__).parent.parent / "docs" / "runbook.md"
TEXT = re.sub(r"\s*\n +", " ", DOCUMENT.read_text())
"""A command that is broken over two lines of a list is one."""

_COMMAND = re.compile(r"mcp-playground ([\w-]+(?: [\w-]+)*)")


def commands() -> Iterator[list[str]]:
    for found in _COMMAND.findall(TEXT):
        yield found.split()


def walk(words: list[str]) -> tuple[click.Command, list[str]]:
    """The command that the words name, and what is left of them."""
    command: click.Command = main
    context = click.Context(main)
    for position, word in enumerate(words):
        if not isinstance(command, click.Group):
            return command, words[position:]
        found = command.get_command(context, word)
        assert found, f"mcp-playground {' '.join(words)}"
        command = found
    return command, []


@pytest.mark.parametrize("words", list(commands()), ids=" ".join)
def test_every_command_of_ours_exists_with_its_options(words: list[str]):
    """Ours: neither renamed nor thought up."""
    command, rest = walk(words)

    options = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    assert not isinstance(command, click.Group)
    assert {word for word in rest if word.startswith("-")} <= options
