"""Looking up names that strangers choose."""

import asyncio
import socket
import threading
from collections.abc import Generator
from contextlib import contextmanager

import pytest

from auth.lookup import AT_ONCE, MOST, Busy, Lookups


@contextmanager
def slow() -> Generator[tuple[Lookups, threading.Event]]:
    """Lookups that take until the event is set."""
    answer = threading.Event()

    def resolve(host: str) -> list[str]:
        answer.wait(30)
        return [host]

    try:
        yield Lookups(resolve), answer
    finally:
        answer.set()


async def test_slow_names_hold_up_neither_the_loops_lookups_nor_more_than_a_few_threads():
    """Ours: Redis and the provider have names, too; and one more stranger is refused at once."""
    with slow() as (lookups, answer):
        waiting = [asyncio.create_task(lookups.addresses(f"slow-{number}")) for number in range(MOST)]
        await asyncio.sleep(0)

        async with asyncio.timeout(10):
            local = await asyncio.get_running_loop().getaddrinfo("localhost", 1)
        threads = [thread for thread in threading.enumerate() if thread.name.startswith("lookup")]
        with pytest.raises(Busy):
            await lookups.addresses("one-more")
        answer.set()
        found = await asyncio.gather(*waiting)

    assert local
    assert len(threads) <= AT_ONCE
    assert found == [[f"slow-{number}"] for number in range(MOST)]


async def test_giving_up_does_not_make_room_while_the_thread_still_works():
    """Ours: a time limit of the caller is not one of the name server's."""
    with slow() as (lookups, answer):
        waiting = [asyncio.create_task(lookups.addresses("slow")) for _ in range(MOST)]
        await asyncio.sleep(0)
        for task in waiting[:AT_ONCE]:
            task.cancel()
        await asyncio.gather(*waiting[:AT_ONCE], return_exceptions=True)

        with pytest.raises(Busy):
            await lookups.addresses("one-more")
        answer.set()
        await asyncio.gather(*waiting[AT_ONCE:])

    assert list(await lookups.addresses("later")) == ["later"]


async def test_a_name_that_is_not_there_says_so():
    """RFC 6761 6.4: `invalid` is never there."""
    with pytest.raises(socket.gaierror):
        await Lookups().addresses("nothing.invalid")
