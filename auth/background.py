"""Work behind a request's back: nobody waits for it but a process that ends."""

import asyncio
from collections.abc import Coroutine
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
