"""The requests this replica is answering, so that they can be stopped: by their client, or when the server stops."""

import asyncio
import contextlib
from collections.abc import Generator
from datetime import timedelta

import msgspec
from mcp.shared.dispatcher import coerce_request_id
from mcp.types import RequestId

from api.mcp.exchange import Exchange
from storage import keys
from storage.records import Session


class InFlight:
    """Exchanges by session and request id; stateless ones only to be drained."""

    def __init__(self) -> None:
        self._all: set[Exchange] = set()
        self._by_id: dict[bytes, Exchange] = {}
        self._idle = asyncio.Event()

    @contextlib.contextmanager
    def hold(self, exchange: Exchange) -> Generator[None]:
        session = exchange.caller.session
        name = None if session is None else name_of(session, exchange.request_id)
        self._all.add(exchange)
        if name:
            self._by_id[name] = exchange
        try:
            yield
        finally:
            self._all.discard(exchange)
            if not self._all:
                self._idle.set()
            if name and self._by_id.get(name) is exchange:
                del self._by_id[name]

    def abandon(self, message: bytes) -> None:
        """Stop the request that a broadcast names, if it is here."""
        if exchange := self._by_id.get(message):
            exchange.stop("cancelled")

    async def drain(self, patience: timedelta) -> None:
        """Give what runs *patience*, then end it with an answer that says why."""
        self._idle.clear()
        if self._all:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(patience.total_seconds()):
                    await self._idle.wait()
        for exchange in list(self._all):
            exchange.stop("stopping")


def name_of(session: Session, request_id: RequestId) -> bytes:
    """What stands for one request of one session on every replica; `"7"` and `7` are one request, as in the SDK."""
    parts = (session.principal.key, keys.hashed(session.id), coerce_request_id(request_id))
    return msgspec.json.encode(parts)
