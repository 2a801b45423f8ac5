"""What load balancers and orchestrators ask."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler

from storage.connection import Redis, RedisError, Unavailable
from storage.workers import WorkerRegistry

PATIENCE: Final = 2.0


@dataclass
class Health:
    """The state of this replica and of what it depends on."""

    redis: Redis
    workers: WorkerRegistry
    queues: Sequence[str]
    worker_needed: bool
    """False where pools scale from zero: then an empty queue has no worker, and that is fine."""
    draining: bool = False
    problems: dict[str, str] = field(default_factory=dict[str, str])

    async def check(self) -> dict[str, str]:
        """What keeps this replica from serving, by dependency; empty when it is ready."""
        if self.draining:
            return {"server": "is being stopped"}
        try:
            async with asyncio.timeout(PATIENCE):
                await self.redis.ping()
                idle = [queue for queue in self.queues if not await self.workers.alive(queue)]
        except (RedisError, TimeoutError, *Unavailable):
            return {"redis": "does not answer"}
        if idle and self.worker_needed:
            return {"worker": f"no live worker serves {', '.join(idle)}"}
        return {}


def routes(health: Health) -> list[HTTPRouteHandler]:
    @get("/ping", media_type="text/plain", sync_to_thread=False, summary="Answer pong")
    def ping() -> str:
        return "pong"

    @get("/health/live", sync_to_thread=False, summary="Whether this process runs")
    def live() -> dict[str, str]:
        return {"status": "ok"}

    @get("/health/ready", summary="Whether this replica can serve, and if not, why")
    async def ready() -> Response[dict[str, object]]:
        problems = await health.check()
        if problems:
            return Response({"status": "unavailable", "problems": problems}, status_code=503)
        return Response({"status": "ready"}, status_code=200)

    return [ping, live, ready]


def needs_worker(no_worker_timeout: timedelta) -> bool:
    return no_worker_timeout > timedelta(0)
