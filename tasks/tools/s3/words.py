"""Keys and values that others wrote, as they may stand in a sentence."""

from typing import Final

from tasks.mining.clean import clean
from tasks.redact import redact

LONGEST: Final = 200
_UNITS: Final = ("bytes", "KiB", "MiB", "GiB", "TiB", "PiB")
_STEP: Final = 1024


def escaped(key: str) -> str:
    """*key* with everything escaped that cannot be seen, or that turns or hides what stands beside it."""
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in key)


def shown(key: str) -> str:
    """*key* as words mention it: quoted, escaped, masked and not too long."""
    text = redact(escaped(key))
    return f"'{text if len(text) <= LONGEST else text[:LONGEST] + '…'}'"


def plain(text: str) -> str:
    """A header's value: one clean line."""
    return " ".join(clean(text).split("\n"))


def measured(size: float) -> str:
    """Bytes, in the unit a person would choose."""
    unit = 0
    while size >= _STEP and unit < len(_UNITS) - 1:
        size, unit = size / _STEP, unit + 1
    return f"{size:.0f} {_UNITS[unit]}" if unit == 0 else f"{size:.1f} {_UNITS[unit]}"
