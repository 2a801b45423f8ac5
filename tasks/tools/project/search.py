"""The lines of files that contain keywords, and what has been found so far."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Annotated, Final

from pydantic import Field
from typing_extensions import TypedDict

from tasks.tools.project.tree import printable

SNIFFED: Final = 8192
"""Bytes in which a NUL marks a file as binary."""
LARGEST_FILE: Final = 2 * 1024 * 1024
"""Bytes. A line is not read further than this either, whatever the file grows to meanwhile."""
SNIPPET: Final = 200
MOST_MATCHES: Final = 500
MOST_OF_FILE: Final = 20
ENOUGH: Final = f"the search stopped after {MOST_MATCHES} matches"

Keywords = Mapping[str, str]
"""As given -> folded."""


class Match(TypedDict):
    line: int
    text: str
    keywords: list[str]


class FileMatches(TypedDict):
    path: Annotated[str, Field(description="relative to the project, with forward slashes")]
    matches: list[Match]
    truncated: Annotated[bool, Field(description="whether the file has more matching lines than are listed")]


@dataclass
class Search:
    """What has been found so far; its fields survive in a checkpoint."""

    files: list[FileMatches] = field(default_factory=list[FileMatches])
    total: int = 0
    searched: int = 0
    too_large: int = 0
    unreadable: int = 0
    last: str | None = None
    """The last directory that was searched to its end."""
    limits: list[str] = field(default_factory=list[str])

    @property
    def is_full(self) -> bool:
        return self.total >= MOST_MATCHES

    def limit(self, sentence: str) -> None:
        """Name a limit that was hit, once."""
        if sentence not in self.limits:
            self.limits.append(sentence)

    def add(self, root: Path, file: Path, keywords: Keywords) -> None:
        """Search one file below *root*."""
        try:
            if file.stat().st_size > LARGEST_FILE:
                self.too_large += 1
                return
            wanted = min(MOST_OF_FILE, MOST_MATCHES - self.total)
            found = list(islice(matches(file, keywords), wanted + 1))
        except OSError:
            self.unreadable += 1
            return
        self.searched += 1
        if found:
            path = printable(file.relative_to(root).as_posix())
            self.files.append({"path": path, "matches": found[:wanted], "truncated": len(found) > wanted})
            self.total += len(found[:wanted])
            if self.is_full and len(found) > wanted:
                self.limit(ENOUGH)


def matches(file: Path, keywords: Keywords) -> Iterator[Match]:
    """Lines of a text file with any of *keywords*. Nothing for a binary file; OSError for a symbolic link."""
    with os.fdopen(_opened(file), "rb") as stream:
        if b"\0" in stream.read(SNIFFED):
            return
        stream.seek(0)
        number = 1
        while chunk := stream.readline(LARGEST_FILE):
            text = chunk.decode(errors="replace")
            folded = text.casefold()
            if found := [keyword for keyword, fold in keywords.items() if fold in folded]:
                yield {"line": number, "text": _snippet(text, folded, keywords[found[0]]), "keywords": found}
            number += chunk.endswith(b"\n")


def _opened(file: Path) -> int:
    """Not through a link, nor waiting for a pipe's writer: either may have come since the directory was read."""
    return os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)


def _snippet(text: str, folded: str, first: str) -> str:
    """The line, or the part of a long one around the first keyword."""
    plain = text.strip()
    if len(plain) <= SNIPPET:
        return plain
    start = max(0, min(folded.find(first) - SNIPPET // 4, len(text) - SNIPPET))
    end = start + SNIPPET
    return f"{'…' if start else ''}{text[start:end].strip()}{'…' if end < len(text) else ''}"
