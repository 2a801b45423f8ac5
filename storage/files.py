"""Files that only their owner may read, written whole or not at all."""

import contextlib
import os
from pathlib import Path


def place(path: Path, text: str, *, replace: bool = False) -> None:
    """Write a private file whole or not at all; unless it may *replace*, the first of two writers wins."""
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_text(text)
    if replace:
        draft.replace(path)
        return
    with contextlib.suppress(FileExistsError):
        os.link(draft, path)
    draft.unlink()
