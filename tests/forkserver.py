"""Programs under test, forked from a process that has imported them: each is a process of its own, ready in a tenth of
the time.

`python -m tests.forkserver <socket> <folder>` is that process. It takes one JSON request a line, answers with the new
process's id, and leaves how it ended in a file of that name. What is imported reads nothing of the environment (ADR
0001), so a program cannot tell; that it starts by itself too is what `tests/journeys/test_up.py` and every test of a
command line show.
"""

import atexit
import functools
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from api.cli.main import LAZY

PRELOADED: Final = (
    "api.cli.main",
    *LAZY.values(),
    "api.serve",
    "api.app",
    "tasks.worker",
    "tasks.flower.program",
    "celery.apps.worker",
    "kombu.transport.redis",
)
LOOK_EVERY: Final = 0.02
"""Seconds between two looks at who has ended."""
IS_POSSIBLE: Final = hasattr(os, "pidfd_open")
"""Linux, where a process that is not one's own child can be waited for."""


class Forked:
    """As much of `subprocess.Popen` as tests use."""

    def __init__(self, args: Sequence[str], pid: int, folder: Path) -> None:
        self.args = list(args)
        self.pid = pid
        self.returncode: int | None = None
        self._ending = folder / str(pid)
        self._handle = os.pidfd_open(pid)

    def poll(self) -> int | None:
        if self.returncode is None and select.select([self._handle], [], [], 0)[0]:
            self.returncode = self._status()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        if self.returncode is None and not select.select([self._handle], [], [], timeout)[0]:
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        status = self.poll()
        assert status is not None
        return status

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            signal.pidfd_send_signal(self._handle, signal.Signals(number))

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _status(self) -> int:
        deadline = time.monotonic() + 20
        while not self._ending.exists():
            assert time.monotonic() < deadline, f"nobody said how {self.pid} ended"
            time.sleep(LOOK_EVERY)
        os.close(self._handle)
        return int(self._ending.read_text())


class ForkServer:
    """One for each process that runs tests."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="forkserver-")
        ours, theirs = socket.socketpair()
        command = [sys.executable, "-m", "tests.forkserver", str(theirs.fileno()), self._folder.name]
        self._process = subprocess.Popen(command, pass_fds=[theirs.fileno()], start_new_session=True)
        theirs.close()
        self._socket, self._answers = ours, ours.makefile("rb")
        atexit.register(self._close)

    def start(self, module: str, arguments: Sequence[str], environment: Mapping[str, str], log: Path) -> Forked:
        """Run *module* as a program, with its output in *log*."""
        request = {"module": module, "argv": list(arguments), "environ": dict(environment), "log": str(log)}
        self._socket.sendall(json.dumps(request).encode() + b"\n")
        pid = int(self._answers.readline())
        return Forked([sys.executable, "-m", module, *arguments], pid, Path(self._folder.name))

    def _close(self) -> None:
        self._answers.close()
        # It hears that, ends what is left, and ends.
        self._socket.close()
        self._process.wait(20)
        self._folder.cleanup()


@functools.cache
def fork_server() -> ForkServer:
    return ForkServer()


def serve(connection: socket.socket, folder: Path) -> dict[str, Any] | None:
    """Fork for each request. The answer is None when nobody asks any more, and in each child what it is to run."""
    requests = connection.makefile("rb")
    children: set[int] = set()
    while True:
        ready = select.select([connection], [], [], LOOK_EVERY)[0]
        if ready:
            line = requests.readline()
            if not line:
                for pid in children:
                    os.kill(pid, signal.SIGKILL)
                return None
            pid = os.fork()
            if not pid:
                requests.close()
                connection.close()
                return json.loads(line)
            children.add(pid)
            connection.sendall(f"{pid}\n".encode())
        for pid in list(children):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                children.discard(pid)
                partial = folder / f"{pid}.partial"
                partial.write_text(str(os.waitstatus_to_exitcode(status)))
                partial.rename(folder / str(pid))


def become(request: Mapping[str, Any]) -> None:
    """Be the program that was asked for, in a session, an environment and with an output of its own."""
    os.setsid()
    log, nothing = os.open(request["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC), os.open(os.devnull, os.O_RDONLY)
    for target, source in ((0, nothing), (1, log), (2, log)):
        os.dup2(source, target)
    os.environ.clear()
    os.environ.update(request["environ"])
    sys.argv[:] = [request["module"], *request["argv"]]
    if request["module"] == "api.cli.main":
        importlib.import_module("api.cli.main").main(prog_name="mcp-playground")
    else:
        runpy.run_module(request["module"], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    for name in PRELOADED:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()
    wanted = serve(socket.socket(fileno=int(sys.argv[1])), Path(sys.argv[2]))
    if wanted is not None:
        become(wanted)
