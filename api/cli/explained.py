"""A wrong setting ends a command with one sentence, not a traceback."""

import sys
from collections.abc import Callable
from functools import wraps
from typing import Any, Final

import click

from storage.errors import SettingsError

STATUS: Final = 2


def explained(command: Callable[..., None]) -> Callable[..., None]:
    """End with one sentence and status 2 when a setting is wrong."""

    @wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:  # noqa: ANN401  # click passes the options of whichever command
        try:
            command(*args, **kwargs)
        except SettingsError as error:
            click.echo(f"mcp-playground: {error}", err=True)
            sys.exit(STATUS)

    return run
