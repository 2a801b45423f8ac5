"""Several programs as one: their output with a name in front, restarted when they die, stopped in order."""

import asyncio
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from api.cli.parent import VARIABLE

FIRST_PAUSE: Final = 0.5
LONGEST_PAUSE: Final = 10.0
STEADY: Final = 30.0
"""Seconds after which a program counts as healthy again, and its next death as its first."""
HOPELESS: Final = 5
"""Deaths in a row after which there is no point in going on."""
REFUSED: Final = 2
"""The exit status of a program that was told something wrong: starting it again tells it the same."""


@dataclass(frozen=True, kw_only=True)
class Child:
    """A program to keep running. *patience* is what it gets to end after SIGTERM."""

    name: str
    command: Sequence[str]
    env: Mapping[str, str]
    patience: timedelta


@dataclass
class _Running:
    child: Child
    process: asyncio.subprocess.Process | None = None
    deaths: int = 0
    kept: asyncio.Task[None] | None = None


@dataclass
class Supervisor:
    """Starts its children in order and stops them in order. *say* gets a name and a line of output."""

    children: Sequence[Child]
    say: Callable[[str, str], None]
    _running: list[_Running] = field(default_factory=list[_Running])
    _stopping: bool = False
    _failed: "asyncio.Future[int] | None" = None

    def start(self) -> None:
        self._failed = asyncio.get_running_loop().create_future()
        self._running = [_Running(child) for child in self.children]
        for running in self._running:
            running.kept = asyncio.create_task(self._keep(running))

    async def failed(self) -> int:
        """Return the exit status of a child that cannot be kept running; waits for ever while all is well."""
        if self._failed is None:
            raise RuntimeError("not started")
        return await asyncio.shield(self._failed)

    async def stop(self) -> None:
        """SIGTERM to one after the other, each given its time to drain; SIGKILL to what is left after that."""
        self._stopping = True
        for running in self._running:
            await self._end(running)

    def kill(self) -> None:
        """End all of them now."""
        self._stopping = True
        for running in self._running:
            _signal(running.process, signal.SIGKILL)

    async def _end(self, running: _Running) -> None:
        _signal(running.process, signal.SIGTERM)
        if running.kept is None:
            return
        if running.process is None or running.process.returncode is not None:
            running.kept.cancel()
        _, late = await asyncio.wait([running.kept], timeout=running.child.patience.total_seconds())
        if late:
            self.say(running.child.name, "did not end in time, killed")
            _signal(running.process, signal.SIGKILL)
            await asyncio.wait([running.kept])

    async def _keep(self, running: _Running) -> None:
        """Run the child, and again when it dies, until it is to stop or there is no hope."""
        name, loop = running.child.name, asyncio.get_running_loop()
        while not self._stopping:
            started = loop.time()
            status = await self._run(running)
            if self._stopping:
                return
            running.deaths = 1 if loop.time() - started >= STEADY else running.deaths + 1
            if running.deaths >= HOPELESS or (status == REFUSED and loop.time() - started < STEADY):
                self.say(name, f"ended with status {status}, given up")
                self._give_up(status)
                return
            pause = min(FIRST_PAUSE * 2 ** (running.deaths - 1), LONGEST_PAUSE)
            self.say(name, f"ended with {_words(status)}, starting it again in {pause:g} s")
            await asyncio.sleep(pause)

    async def _run(self, running: _Running) -> int:
        child = running.child
        running.process = await asyncio.create_subprocess_exec(
            *child.command,
            env={**child.env, VARIABLE: "stdin", "PYTHONUNBUFFERED": "1"},
            # The child reads to the end of this pipe to learn that we are gone.
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            # In a session of its own, Ctrl-C reaches the launcher alone, which stops the children in order.
            start_new_session=True,
            limit=1024 * 1024,
        )
        await self._copy(child.name, running.process)
        return await running.process.wait()

    async def _copy(self, name: str, process: asyncio.subprocess.Process) -> None:
        """Pass the output on line by line, the last even when no newline ends it."""
        if process.stdout is None:
            return
        while True:
            try:
                line = await process.stdout.readline()
            except ValueError:
                self.say(name, "(a line of more than 1 MB was left out)")
                continue
            if not line:
                return
            self.say(name, line.decode(errors="replace").rstrip("\r\n"))

    def _give_up(self, status: int) -> None:
        if self._failed is not None and not self._failed.done():
            self._failed.set_result(status or 1)


def _signal(process: asyncio.subprocess.Process | None, number: signal.Signals) -> None:
    if process is not None and process.returncode is None:
        with suppress(ProcessLookupError):
            # The whole group: what the child started goes with it.
            os.killpg(process.pid, number) if number == signal.SIGKILL else process.send_signal(number)


def _words(status: int) -> str:
    return f"signal {signal.Signals(-status).name}" if status < 0 else f"status {status}"
