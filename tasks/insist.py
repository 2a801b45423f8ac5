"""What must reach Redis is said until Redis hears it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import structlog

from storage.connection import Unavailable, Unsure

PAUSE: Final = 0.5

log = structlog.get_logger(__name__)
T = TypeVar("T")


async def insist(call: Callable[[], Awaitable[T]], what: str, *, until: Callable[[], bool]) -> T | None:
    """What *call* returns once Redis can be reached; None when *until* comes true before."""
    while True:
        try:
            return await call()
        except Unavailable as error:
            if until():
                return None
            log.warning("waiting for Redis", what=what, error=str(error))
            await asyncio.sleep(PAUSE)


async def make_sure(call: Callable[[], Awaitable[T]], what: str, *, within: float) -> T:
    """What *call* returns, which may be said twice; a lost answer is asked for again for so many seconds.

    Raises what Redis raised at last, or at once when it is sure that nothing was done.
    """
    loop = asyncio.get_running_loop()
    end = loop.time() + within
    while True:
        try:
            return await call()
        except Unsure as error:
            if loop.time() >= end:
                raise
            log.warning("not sure that Redis heard", what=what, error=str(error))
            await asyncio.sleep(PAUSE)


def never() -> bool:
    """For what has to be said whatever happens meanwhile."""
    return False
