"""Which files of a directory tree may be read: not hidden, not ignored, not linked from elsewhere."""

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pathspec import GitIgnoreSpec
from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

SKIPPED: Final = frozenset({"node_modules", "__pycache__"})
"""Beside all names that begin with a dot: those hold secrets (.env), histories (.git) and caches."""
MAX_DEPTH: Final = 20
LARGEST_RULES: Final = 256 * 1024
"""Bytes of a .gitignore."""


@dataclass(frozen=True)
class Folder:
    """One directory: its path below the root (POSIX, empty for the root) and the files to read in it."""

    path: str
    files: tuple[Path, ...]
    too_deep: bool = False
    """Whether it has directories that were not entered."""


@dataclass(frozen=True)
class _Rules:
    """The patterns of one .gitignore, which count from its own directory down."""

    base: str
    spec: GitIgnoreSpec

    def ignore(self, path: str) -> bool | None:
        """Whether the patterns exclude *path*; None when they do not mention it."""
        below = path[len(self.base) + 1 :] if self.base else path
        return self.spec.check_file(below).include


def walk(root: Path, path: str = "", rules: tuple[_Rules, ...] = (), depth: int = 0) -> Iterator[Folder]:
    """Every directory below *root*, parents first, names in order. Symbolic links are never followed."""
    rules = (*rules, *_rules(root, path))
    entries = _entries(root / path)
    files = [Path(entry.path) for entry in entries if entry.is_file(follow_symlinks=False)]
    folders = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
    allowed = [name for name in folders if not _ignored(rules, f"{_join(path, name)}/")]
    readable = tuple(file for file in files if not _ignored(rules, _join(path, file.name)))
    yield Folder(path, readable, too_deep=depth >= MAX_DEPTH and bool(allowed))
    if depth < MAX_DEPTH:
        for name in allowed:
            yield from walk(root, _join(path, name), rules, depth + 1)


def _entries(folder: Path) -> "list[os.DirEntry[str]]":
    """What is in *folder* and not hidden; nothing when it may not be read or went away."""
    try:
        with os.scandir(folder) as found:
            kept = [entry for entry in found if not entry.name.startswith(".") and entry.name not in SKIPPED]
    except OSError:
        return []
    return sorted(kept, key=lambda entry: entry.name)


def _rules(root: Path, path: str) -> tuple[_Rules, ...]:
    file = root / path / ".gitignore"
    try:
        if not stat.S_ISREG(file.lstat().st_mode) or file.stat().st_size > LARGEST_RULES:
            return ()
        lines = file.read_text(errors="replace").splitlines()
    except OSError:
        return ()
    return (_Rules(path, GitIgnoreSpec([pattern for line in lines if (pattern := _pattern(line))])),)


def _pattern(line: str) -> GitIgnoreSpecPattern | None:
    """A line of a .gitignore; None for one that means nothing, which git passes over too."""
    try:
        return GitIgnoreSpecPattern(line)
    except (ValueError, re.error):
        return None


def _ignored(rules: tuple[_Rules, ...], path: str) -> bool:
    """The innermost .gitignore that mentions a path decides."""
    verdicts = (rule.ignore(path) for rule in reversed(rules))
    return next((verdict for verdict in verdicts if verdict is not None), False)


def printable(path: str) -> str:
    """A path that can be sent: bytes of a name that are not UTF-8 are replaced."""
    return os.fsencode(path).decode(errors="replace")


def _join(path: str, name: str) -> str:
    return f"{path}/{name}" if path else name
