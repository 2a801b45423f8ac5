"""From the first SIGTERM or SIGINT to the end: not ready, listeners end, running calls get their time."""

import asyncio
import contextlib
import signal
from datetime import timedelta
from types import FrameType
from typing import Any, Final

from api.health import Health
from api.mcp.inflight import InFlight
from api.mcp.listen import Listen

LAST_WORDS: Final = 1.0
"""Seconds to say why, once the time is over."""


class Drain:
    def __init__(self, health: Health, in_flight: InFlight, listen: Listen, patience: timedelta) -> None:
        self._health = health
        self._in_flight = in_flight
        self._listen = listen
        self._patience = patience
        self._task: asyncio.Task[None] | None = None

    def chain(self) -> None:
        """Act before the server's own handlers: uvicorn waits for open streams before it tells the application.

        A second signal ends what the first left its time.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            previous = signal.getsignal(number)
            if not callable(previous):
                continue

            def handle(caught: int, frame: FrameType | None, then: Any = previous) -> None:  # noqa: ANN401
                loop.call_soon_threadsafe(self._signal)
                then(caught, frame)

            signal.signal(number, handle)

    async def wait(self) -> None:
        """Return when the last response has been written, or its time was over."""
        self._begin()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._patience.total_seconds() + LAST_WORDS):
                await self._in_flight.idle()
        if self._task:
            self._task.cancel()

    def _signal(self) -> None:
        if self._task is None:
            self._begin()
        else:
            self._in_flight.stop_all()

    def _begin(self) -> None:
        if self._task is None:
            self._health.draining = True
            self._listen.close()
            self._task = asyncio.create_task(self._in_flight.drain(self._patience))
