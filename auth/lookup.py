"""Names into addresses for strangers: in threads of their own, so that a name that answers slowly holds up nobody else.

The event loop's own lookups share a few threads with everything in the process that has a name to look up: Redis, the
identity provider. Whoever names a slow host must not have them.
"""

import asyncio
import socket
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

AT_ONCE: Final = 4
MOST: Final = 16
"""Lookups that are under way or wait for a thread; one more is refused at once."""

Resolve = Callable[[str], Sequence[str]]
"""May block. OSError or UnicodeError when there is no such name."""


class Busy(Exception):
    """Too many names are being looked up."""


def by_the_system(host: str) -> list[str]:
    # A dot at the end: the name as it stands, without the domains that are searched for short ones.
    found = socket.getaddrinfo(f"{host}.", 443, type=socket.SOCK_STREAM)
    return [str(each[4][0]) for each in found]


class Lookups:
    def __init__(self, resolve: Resolve | None = None) -> None:
        self._resolve = resolve or by_the_system
        self._threads = ThreadPoolExecutor(AT_ONCE, "lookup")
        self._busy = 0

    async def addresses(self, host: str) -> Sequence[str]:
        """Every address of *host*; Busy, OSError or UnicodeError. Giving up waiting does not free its thread."""
        if self._busy >= MOST:
            raise Busy
        loop = asyncio.get_running_loop()
        looking = self._threads.submit(self._resolve, host)
        self._busy += 1
        looking.add_done_callback(lambda done: self._over(done, loop))
        return await asyncio.wrap_future(looking)

    def _over(self, looked: Future[Sequence[str]], loop: asyncio.AbstractEventLoop) -> None:
        del looked

        def free() -> None:
            self._busy -= 1

        if not loop.is_closed():
            loop.call_soon_threadsafe(free)
