"""The responses this replica is writing, so that they can be stopped: by their client, or when the server stops."""

import asyncio
import contextlib
from collections.abc import Generator
from datetime import timedelta
from typing import Final, Protocol

from mcp.shared.dispatcher import coerce_request_id
from mcp.types import RequestId

from api.mcp.answer import Why
from storage.control import Abandoned, GrantRevoked, Opened, SessionEnded, StreamOpened, decode
from storage.records import Session

LOOK_EVERY: Final = 0.02
"""Seconds between two looks at what is open, while draining."""


class Response(Protocol):
    """A response that may take long: to a request, or a stream that was asked for by GET."""

    @property
    def session(self) -> Session | None: ...

    @property
    def opened_by(self) -> Opened | None:
        """The token it was asked for with; None while authentication is off."""
        ...

    @property
    def request_id(self) -> RequestId | None:
        """None for a stream that answers no request of this connection."""
        ...

    @property
    def stream(self) -> str:
        """The stream it carries."""
        ...

    @property
    def opener(self) -> str:
        """What tells it from other responses that carry the same stream; empty for the first."""
        ...

    @property
    def is_resumable(self) -> bool:
        """Whether its client can go on with it on another replica."""
        ...

    def stop(self, why: Why) -> None: ...


class InFlight:
    """Responses by session; stateless ones only to be drained."""

    def __init__(self) -> None:
        self._all: set[Response] = set()
        self._by_session: dict[str, set[Response]] = {}
        self._idle = asyncio.Event()

    @contextlib.contextmanager
    def hold(self, response: Response) -> Generator[None]:
        scope = response.session.scope if response.session else None
        self._all.add(response)
        if scope:
            self._by_session.setdefault(scope, set()).add(response)
        try:
            yield
        finally:
            self._all.discard(response)
            if not self._all:
                self._idle.set()
            if scope:
                responses = self._by_session[scope]
                responses.discard(response)
                if not responses:
                    del self._by_session[scope]

    def heed(self, message: bytes) -> None:
        """Obey what some replica tells all of them, as far as it concerns a response here."""
        control = decode(message)
        if isinstance(control, GrantRevoked):
            self.revoke(control)
            return
        for response in list(self._by_session.get(control.session, ())):
            match control:
                case Abandoned(request=request):
                    if response.request_id is not None and is_same(response.request_id, request):
                        response.stop("cancelled")
                case SessionEnded():
                    response.stop("ended")
                case StreamOpened(stream=stream, opener=opener):
                    if response.stream == stream and response.opener != opener:
                        response.stop("replaced")

    def openers(self) -> list[Opened]:
        """The tokens that something was asked for with, and is open."""
        return list({response.opened_by for response in self._all if response.opened_by})

    def revoke(self, revoked: GrantRevoked) -> None:
        """End what was asked for with a token that is good no more."""
        for response in list(self._all):
            if response.opened_by and revoked.concerns(response.opened_by):
                response.stop("revoked")

    async def drain(self, patience: timedelta) -> None:
        """Send away whose client can go on elsewhere; give the others *patience*, then end them saying why.

        Goes on until it is cancelled: what was on its way when the signal came begins after it.
        """
        loop = asyncio.get_running_loop()
        end = loop.time() + patience.total_seconds()
        while True:
            for response in list(self._all):
                if response.is_resumable:
                    response.stop("detached")
                elif loop.time() >= end:
                    response.stop("stopping")
            await asyncio.sleep(LOOK_EVERY)

    async def idle(self) -> None:
        """Return when nothing is being written."""
        self._idle.clear()
        if self._all:
            await self._idle.wait()

    def stop_all(self) -> None:
        """End everything now."""
        for response in list(self._all):
            response.stop("stopping")


def is_same(one: RequestId, other: RequestId) -> bool:
    """`"7"` and `7` are one request, as in the SDK."""
    return coerce_request_id(one) == coerce_request_id(other)
