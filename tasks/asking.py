"""Questions of one attempt at a task: put to the client, waited for, taken back."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any, Final

import msgspec

from storage.connection import Unavailable
from storage.records import Claim
from storage.tasks import Standing, TaskStore
from tasks.ask import Question
from tasks.insist import insist

LOOK_EVERY: Final = 2.0
"""Seconds until the answers are looked for without having been told of one: a publish can be lost."""


class Asking:
    """Lives in the worker's loop; only `wake` may be called from elsewhere."""

    def __init__(
        self,
        claim: Claim,
        tasks: TaskStore,
        *,
        loop: asyncio.AbstractEventLoop,
        timeout: timedelta,
        stopped: Callable[[], bool],
    ) -> None:
        self._claim = claim
        self._tasks = tasks
        self._loop = loop
        self._timeout = timeout.total_seconds()
        self._stopped = stopped
        self._wake = asyncio.Event()
        self._waited = 0.0
        self._since: float | None = None

    @property
    def waited(self) -> float:
        """Seconds the run has spent waiting for answers; they do not count as its own."""
        return self._waited + (0.0 if self._since is None else self._loop.time() - self._since)

    def wake(self) -> None:
        """An answer came, or the run must end."""
        self._loop.call_soon_threadsafe(self._wake.set)

    async def put(self, questions: Mapping[str, Question]) -> tuple[Standing, dict[str, bytes]]:
        """Ask and wait; the answers may be fewer than the questions when time is over or the run must end."""
        self._since = self._loop.time()
        try:
            plain: dict[str, Any] = {key: msgspec.to_builtins(question) for key, question in questions.items()}
            standing = await self._insist(lambda: self._tasks.ask(self._claim, plain))
            if standing != "held":
                return standing, {}
            found = await self._collect(list(questions))
            if len(found) < len(questions) and not self._stopped():
                standing = await self._insist(lambda: self._tasks.withdraw(self._claim, list(questions)))
                found = await self._tasks.answers(self._claim.record, list(questions))
            return standing, found
        finally:
            self._waited, self._since = self.waited, None

    async def _collect(self, keys: list[str]) -> dict[str, bytes]:
        deadline = self._loop.time() + self._timeout
        found: dict[str, bytes] = {}
        while not self._stopped() and self._loop.time() < deadline:
            self._wake.clear()
            with contextlib.suppress(*Unavailable):
                found = await self._tasks.answers(self._claim.record, keys)
            if len(found) == len(keys):
                break
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(LOOK_EVERY, deadline - self._loop.time())):
                    await self._wake.wait()
        return found

    async def _insist(self, call: Callable[[], Awaitable[Standing]]) -> Standing:
        """Whether it was still ours to say, which the lease decides."""
        return await insist(call, "a question", until=self._stopped) or "lost"
