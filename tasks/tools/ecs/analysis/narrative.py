"""The narrative out of a JSON text that is still being written, sentence by sentence."""

import json
import re
from collections.abc import Iterator
from typing import Final

_OPENS: Final = re.compile(r'"narrative"\s*:\s*"')
_UNIT: Final = re.compile(
    r'\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\.|[^"\\]', re.DOTALL
)
_PARTIAL: Final = re.compile(r"\\(?:u[0-9a-fA-F]{0,4})?\Z")
_HIGH: Final = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}(?:\\(?:u[0-9a-fA-F]{0,3})?)?\Z")
_CITES: Final = r"\s*\[[^\]\n.!?]{1,200}\]"
_ENDS: Final = re.compile(
    # A full stop and the brackets behind it; what stands behind those must be seen, for brackets can also begin the
    # next sentence. Nothing is decided that more text could change.
    rf"(?<!\b[iI]\.e)(?<!\b[eE]\.g)(?<!\bvs)(?<!\bcf)(?<!\bapprox)[.!?]+[\"')\u201d\u2019]*"
    rf"(?:(?:{_CITES})+\.?(?=\s+[^\s\[a-z])|(?=\s+[^\s\[])|(?=\s+\[[^\]\n.!?]{{1,200}}\]\s+[a-z]))"
    # No space is needed between sentences behind what cites, and in scripts that have none.
    rf"|(?<=\d\])[.!?]+(?=[A-Z])|[\u3002\uff01\uff1f]+(?:{_CITES})*(?=\s*[^\s\[\u3002\uff01\uff1f])"
    r"|\n\s*(?=[^\s\[])"
)


class Narrative:
    """Fed with pieces of the text; `feed` gives the characters of the narrative that are new."""

    def __init__(self) -> None:
        self._text = ""
        self._at: int | None = None
        self._closed = False

    @property
    def is_whole(self) -> bool:
        return self._closed

    def feed(self, piece: str) -> str:
        self._text += piece
        if self._at is None:
            if (found := _OPENS.search(self._text)) is None:
                return ""
            self._at = found.end()
        return "".join(self._characters())

    def _characters(self) -> Iterator[str]:
        while not self._closed and self._at is not None and self._at < len(self._text):
            rest = self._text[self._at : self._at + 12]
            if rest.startswith('"'):
                self._closed = True
                return
            if _PARTIAL.fullmatch(rest) or _HIGH.fullmatch(rest):
                # An escape that is not whole yet.
                return
            found = _UNIT.match(rest)
            if found is None:
                self._closed = True
                return
            self._at += found.end()
            yield _plain(found[0])


def _plain(unit: str) -> str:
    try:
        return json.loads(f'"{unit}"', strict=False)
    except ValueError:
        return "\ufffd"


class Sentences:
    """Whole sentences of a text that comes in pieces; the brackets after a full stop belong to it."""

    def __init__(self) -> None:
        self._rest = ""

    def feed(self, text: str) -> list[str]:
        self._rest += text
        found: list[str] = []
        while match := _ENDS.search(self._rest):
            found.append(self._rest[: match.end()].strip())
            self._rest = self._rest[match.end() :]
        return [each for each in found if each]

    def end(self) -> list[str]:
        rest, self._rest = self._rest.strip(), ""
        return [rest] if rest else []


def sentences(text: str) -> list[str]:
    whole = Sentences()
    return [*whole.feed(text), *whole.end()]
