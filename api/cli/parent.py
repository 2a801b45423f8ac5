"""A child of `up` ends when its launcher does, however that ended."""

import os
import signal
import sys
import threading
from typing import Final

VARIABLE: Final = "MCP_PARENT"
"""Set to `stdin` when standard input is a pipe that the launcher holds open."""


def watch_parent() -> None:
    """Send SIGTERM to this process once the launcher's end of the pipe is closed; does nothing without a launcher."""
    if os.environ.get(VARIABLE) == "stdin":
        threading.Thread(target=_wait, name="watch-parent", daemon=True).start()


def _wait() -> None:
    # Read the descriptor itself: the buffered object cannot be left by a daemon thread at exit.
    while os.read(sys.stdin.fileno(), 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
