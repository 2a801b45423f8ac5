"""The lines of one file that contain keywords."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from typing_extensions import TypedDict

SNIFFED: Final = 8192
"""Bytes in which a NUL marks a file as binary."""
LONGEST_LINE: Final = 64 * 1024
"""Bytes read of one line at a time: a file without line ends does not fill the memory."""
SNIPPET: Final = 200


class Match(TypedDict):
    line: int
    text: str
    keywords: list[str]


def matches(file: Path, keywords: dict[str, str]) -> Iterator[Match]:
    """Lines of a text file with any of *keywords* (as given -> folded). Nothing for a binary file."""
    with file.open("rb") as stream:
        if b"\0" in stream.read(SNIFFED):
            return
        stream.seek(0)
        number, fresh = 1, True
        while chunk := stream.readline(LONGEST_LINE):
            text = chunk.decode(errors="replace")
            folded = text.casefold()
            found = [keyword for keyword, fold in keywords.items() if fold in folded]
            if found and fresh:
                yield {"line": number, "text": _snippet(text, folded, keywords[found[0]]), "keywords": found}
            fresh = chunk.endswith(b"\n")
            number += fresh


def _snippet(text: str, folded: str, first: str) -> str:
    """The line, or the part of a long one around the first keyword."""
    text = text.strip() if len(text) <= SNIPPET else text.rstrip()
    if len(text) <= SNIPPET:
        return text
    start = max(0, min(folded.find(first) - SNIPPET // 4, len(text) - SNIPPET))
    end = start + SNIPPET
    return f"{'…' if start else ''}{text[start:end]}{'…' if end < len(text) else ''}"
