"""Ending what runs behind a request's back."""

import asyncio
import contextlib

from storage.background import cancel_all


async def test_what_drops_one_cancellation_is_ended_by_the_next() -> None:
    dropped = 0

    async def deaf() -> None:
        nonlocal dropped
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        dropped += 1
        await asyncio.Event().wait()

    tasks = [asyncio.create_task(deaf()), asyncio.create_task(asyncio.Event().wait())]
    await asyncio.sleep(0)

    await asyncio.wait_for(cancel_all(tasks), 20)

    assert [task.cancelled() for task in tasks] == [True, True]
    assert dropped == 1


async def test_there_may_be_nothing_to_end() -> None:
    await cancel_all([])
