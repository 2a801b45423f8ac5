"""One line of a log made harmless: valid text, nothing that steers a terminal or hides, no secret, not too long."""

import re
from typing import Final

from tasks.redact import UNSEEN, redact

LONGEST: Final = 8_000
"""Characters of a clean line, the note about the cut included."""
_READ: Final = 4 * LONGEST
"""Characters that are looked at for secrets: one that begins before the cut is still whole."""
_ROUNDS: Final = 4

# CSI and OSC sequences (ECMA-48 5.4, 8.3.89), the other strings (DCS, SOS, PM, APC), then two-character escapes.
_ESCAPES: Final = re.compile(
    r"\x1b\[[0-?]*+[ -/]*+[@-~]|\x1b[\]PX^_][^\x07\x1b]{0,2000}+(?:\x07|\x1b\\)|\x1b[ -/]*+[0-~]"
    r"|\x9b[0-?]*+[ -/]*+[@-~]"
)
_BREAKS: Final = re.compile(r"\r\n?|[\u2028\u2029]")
_UNSEEN: Final = re.compile(UNSEEN)
_SURROGATES: Final = re.compile(r"[\ud800-\udfff]")
_WORD: Final = 4_000


def clean(line: bytes | str) -> str:
    """*line* as it may be kept, shown and given to a model. Cleaning twice changes nothing."""
    text = line.decode("utf-8", "replace") if isinstance(line, bytes) else line
    text = visible(text)
    given = len(text)
    if given > _READ:
        text = _whole_words(text[:_READ])
    # A cut, or what a mask took away, can leave something that reads as a secret by its name.
    for _ in range(_ROUNDS):
        before, text = text, _cut(redact(text), given)
        if text == before:
            break
    return text


def visible(text: str) -> str:
    """*text*, of any length, without what steers a terminal or hides. Its secrets are still there."""
    if text.isascii() and text.isprintable():
        return text
    text = _BREAKS.sub("\n", _ESCAPES.sub("", text))
    return _SURROGATES.sub("\ufffd", _UNSEEN.sub("", text))


def _whole_words(text: str) -> str:
    """Without the last word: the end of what is read may go through a secret."""
    end = max(text.rfind(space) for space in " \n\t")
    return text[: max(end, len(text) - _WORD)]


def _cut(text: str, given: int) -> str:
    if len(text) <= LONGEST:
        return text
    kept = LONGEST - 60
    return f"{text[:kept]} [cut here: the line has {given} characters]"
