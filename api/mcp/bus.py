"""The SDK's subscription bus on the log of changes: what is published on one replica reaches listeners on all."""

import asyncio
from collections.abc import Callable

import structlog
from mcp.server.subscriptions import (
    PromptsListChanged,
    ResourcesListChanged,
    ResourceUpdated,
    ServerEvent,
    ToolsListChanged,
)

from storage.changes import Change, ChangeLog
from storage.connection import Unavailable
from storage.subscriber import Subscriber

log = structlog.get_logger(__name__)


class Bus:
    """Satisfies `mcp.server.subscriptions.SubscriptionBus`. Delivers nothing unless `run` is running."""

    def __init__(self, changes: ChangeLog, subscriber: Subscriber) -> None:
        self._changes = changes
        self._subscriber = subscriber
        # By a token of its own, for one callable may listen twice.
        self._listeners: dict[object, Callable[[ServerEvent], None]] = {}

    async def publish(self, event: ServerEvent) -> None:
        await self._changes.add(_change(event))

    def subscribe(self, listener: Callable[[ServerEvent], None]) -> Callable[[], None]:
        token = object()
        self._listeners[token] = listener
        return lambda: self._listeners.pop(token, None) and None

    async def run(self) -> None:
        """Hand every change from now on to the listeners of this process."""
        while True:
            try:
                newest = await self._changes.newest()
                async with self._subscriber.follow(self._changes.name, after=newest) as entries:
                    async for _, payload in entries:
                        event = _event(self._changes.decode(payload))
                        for listener in list(self._listeners.values()):
                            listener(event)
            except (TimeoutError, *Unavailable) as error:
                log.warning("changes cannot be followed, trying again", error=str(error))
                await asyncio.sleep(1)


def _change(event: ServerEvent) -> Change:
    match event:
        case ToolsListChanged():
            return Change("tools")
        case PromptsListChanged():
            return Change("prompts")
        case ResourcesListChanged():
            return Change("resources")
        case ResourceUpdated(uri=uri):
            return Change("resource", uri)


def _event(change: Change) -> ServerEvent:
    match change.what:
        case "tools":
            return ToolsListChanged()
        case "prompts":
            return PromptsListChanged()
        case "resources":
            return ResourcesListChanged()
        case "resource":
            return ResourceUpdated(change.uri)
