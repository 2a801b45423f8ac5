"""The key ring in a file: one key a line, newest first, read again whenever the file changes.

A line is a key, or a key and `from=` with a time: until then the key only opens, so that every process has it before
the first one seals with it. That is how a key is rotated while everything runs. `#` begins a comment.
"""

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

import structlog

from storage.errors import SettingsError
from storage.files import place
from storage.seal import RingKey, decode_key, new_key

log = structlog.get_logger(__name__)


def parse(text: str) -> list[RingKey]:
    """The keys of a file; ValueError naming the line that is none."""
    found: list[RingKey] = []
    for number, line in enumerate(text.splitlines(), 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        try:
            found.append(RingKey(decode_key(words[0]), _since(words[1:])))
        except ValueError as error:
            raise ValueError(f"line {number} is {error}") from None
    if not found:
        raise ValueError("there is no key in it")
    if found[-1].since > time.time():
        raise ValueError("none of its keys may seal yet: the last one needs no from=")
    return found


def _since(words: Sequence[str]) -> float:
    if not words:
        return 0
    name, _, value = words[0].partition("=")
    if name != "from" or len(words) > 1:
        raise ValueError("neither a key nor a key and from=TIME")
    moment = datetime.fromisoformat(value)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


class KeyFile:
    """Told apart by what `stat` says of it: Kubernetes replaces a mounted file by another one."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._seen: tuple[int, int, int] | None = None

    @classmethod
    def of_machine(cls, path: Path) -> Self:
        """A ring for one machine, made with a key of its own on first use, readable by its owner only."""
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not path.exists():
            place(path, f"{new_key()}\n")
        return cls(path)

    def read(self) -> list[RingKey]:
        """The keys; SettingsError when the file is not there or holds something else."""
        try:
            self._seen = self._stat()
            return parse(self.path.read_text())
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"the key ring {self.path} cannot be read: {error}") from None
        except ValueError as error:
            raise SettingsError(f"the key ring {self.path} is not good: {error}") from None

    def changed(self) -> list[RingKey] | None:
        """The keys, when the file is another one than last time; a broken one is complained of and not used."""
        try:
            if self._stat() == self._seen:
                return None
            return self.read()
        except (OSError, SettingsError) as error:
            log.warning("key ring not read again", error=str(error))
            return None

    def rotate(self, *, after: timedelta) -> RingKey:
        """Put a new key in front, which seals once *after* has passed."""
        moment = (datetime.now(UTC) + after).replace(microsecond=0)
        self.read()
        line = f"{new_key()} from={moment.isoformat()}"
        place(self.path, f"{line}\n{self.path.read_text()}", replace=True)
        return self.read()[0]

    def drop(self, key_id: str) -> None:
        """Take a key out; SettingsError when it is not there, or nothing would seal without it."""
        lines = self.path.read_text().splitlines()
        kept = [line for line in lines if not _is(line, key_id)]
        if kept == lines:
            raise SettingsError(f"{self.path} has no key {key_id}: `mcp-playground keys list` shows those it has")
        text = "\n".join([*kept, ""])
        try:
            parse(text)
        except ValueError as error:
            raise SettingsError(f"the key {key_id} must stay: without it, {error}") from None
        place(self.path, text, replace=True)

    def _stat(self) -> tuple[int, int, int]:
        found = self.path.stat()
        return found.st_ino, found.st_mtime_ns, found.st_size


def _is(line: str, key_id: str) -> bool:
    words = line.partition("#")[0].split()
    return bool(words) and RingKey(decode_key(words[0])).id.hex() == key_id
