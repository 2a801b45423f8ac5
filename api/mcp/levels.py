"""The log levels, lowest first."""

from typing import Final, get_args

from storage.states import Level

LEVELS: Final[tuple[Level, ...]] = get_args(Level)
