"""A TCP server of a test, which leaves no socket behind."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Self

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Listener:
    """Serves on a free port of the loopback interface; what is open when it ends is aborted."""

    def __init__(self, serve: Serve, *, limit: int = 2**16) -> None:
        self._serve = serve
        self._limit = limit
        self._server: asyncio.Server | None = None
        self._serving: set[asyncio.Task[None]] = set()
        self._open: set[asyncio.StreamWriter] = set()

    @property
    def port(self) -> int:
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    def adopt(self, writer: asyncio.StreamWriter) -> None:
        """Abort *writer* too at the end."""
        self._open.add(writer)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, limit=self._limit)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for serving in self._serving:
            serving.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)
        # A closed one still holds its socket while somebody has not read everything.
        for writer in self._open:
            writer.transport.abort()
        # An aborted transport lets go of its socket in the next turn of the loop.
        await asyncio.sleep(0)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Not in a `finally` of the coroutine: one that is cancelled before its first step runs none.
        self._open.add(writer)
        serving = asyncio.get_running_loop().create_task(self._attend(reader, writer))
        self._serving.add(serving)
        serving.add_done_callback(self._serving.discard)
        serving.add_done_callback(lambda _: writer.close())

    async def _attend(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._serve(reader, writer)
