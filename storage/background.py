"""Work behind a request's back, and its end: nobody waits for it but a process that stops."""

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any


class Background:
    def __init__(self) -> None:
        # The event loop itself holds tasks weakly (asyncio.create_task).
        self._working: set[asyncio.Task[None]] = set()

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._working.add(task)
        task.add_done_callback(self._working.discard)
        return task

    async def flush(self) -> None:
        """Wait for what has been started; how it ends is its own business."""
        if self._working:
            await asyncio.wait(self._working)


async def cancel_all(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel them until they have ended.

    One cancellation can be lost: `asyncio.wait_for` of Python 3.11, under every Redis command, drops one that comes
    together with its answer, and a loop that was cancelled only once would go on for ever.
    """
    working = set(tasks)
    while working:
        for task in working:
            task.cancel()
        _, working = await asyncio.wait(working, timeout=1)
