"""A load balancer with no affinity: every request goes to the next replica, byte for byte as it came."""

import asyncio
import contextlib
import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager

from tests.stand_ins.listener import Listener

HEAD = 64 * 1024
"""Most bytes of a request's head."""


class RoundRobin(Listener):
    """Serves on a free port. One request per connection: what follows it is only passed on."""

    def __init__(self, ports: Sequence[int]) -> None:
        super().__init__(self._balance, limit=HEAD)
        self.requests: list[int] = []
        """Which replica each request went to."""
        self._ports = ports
        self._turn = 0

    async def _balance(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            head = await reader.readuntil(b"\r\n\r\n")
            await self._forward(_without_keep_alive(head), reader, writer)

    async def _forward(self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream = await self._connect()
        if upstream is None:
            writer.write(b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            await writer.drain()
            return
        answer, ask = upstream
        self.adopt(ask)
        ask.write(head)
        ways = [asyncio.create_task(_pipe(reader, ask)), asyncio.create_task(_pipe(answer, writer))]
        try:
            # Whoever hangs up first is heard by the other at once.
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            ask.close()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        """The next replica, or the one after it when that one is dead."""
        turn = self._turn
        self._turn += 1
        for step in range(len(self._ports)):
            index = (turn + step) % len(self._ports)
            with contextlib.suppress(OSError):
                upstream = await asyncio.open_connection("127.0.0.1", self._ports[index])
                self.requests.append(index)
                return upstream
        return None


def _without_keep_alive(head: bytes) -> bytes:
    """The same head, and `Connection: close`, so that the next request comes on its own connection."""
    lines = [line for line in head[:-4].split(b"\r\n") if not line.lower().startswith(b"connection:")]
    return b"\r\n".join([*lines, b"Connection: close"]) + b"\r\n\r\n"


async def _pipe(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await source.read(HEAD):
            target.write(data)
            await target.drain()


@contextmanager
def round_robin(ports: Sequence[int]) -> Generator[RoundRobin]:
    """A balancer in a thread of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    balancer = RoundRobin(ports)
    asyncio.run_coroutine_threadsafe(balancer.__aenter__(), loop).result(10)
    try:
        yield balancer
    finally:
        asyncio.run_coroutine_threadsafe(balancer.__aexit__(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
