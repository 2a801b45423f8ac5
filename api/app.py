"""The composition root of a web process."""

import asyncio
import gc
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from types import FrameType
from typing import Any

import structlog
from litestar import Litestar, Response, delete, get, post
from litestar.config.cors import CORSConfig
from litestar.openapi import OpenAPIConfig, ResponseSpec
from litestar.types import ASGIApp
from mcp.server.subscriptions import ListenHandler

from api.edge import LOOPBACK_ORIGIN, Doorkeeper, Edge
from api.health import Health, needs_worker, routes
from api.mcp.calls import Calls
from api.mcp.front import Front
from api.mcp.handshake import HandshakeEra
from api.mcp.inflight import InFlight
from api.mcp.modern import ModernEra
from api.mcp.resources import Resources
from api.mcp.server import build
from api.settings import Settings
from auth.principal import ANONYMOUS
from storage import keys
from storage.connection import Redis, connect
from storage.rate import RateLimiter
from storage.results import ResultStore
from storage.sessions import SessionStore
from storage.subscriber import Subscriber
from storage.tasks import TaskStore
from storage.workers import WorkerRegistry
from tasks.broker import create_celery
from tasks.catalog import load
from tasks.queue import JobQueue
from tasks.reaper import reap_forever

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Parts:
    """What a replica is made of. Nothing is connected before `running`."""

    settings: Settings
    redis: Redis
    tasks: TaskStore
    queue: JobQueue
    subscriber: Subscriber
    in_flight: InFlight
    front: Front
    health: Health
    listen: ListenHandler

    @asynccontextmanager
    async def running(self, _: Litestar) -> AsyncGenerator[None]:
        drain = Drain(self.health, self.in_flight, self.listen, self.settings.worker.drain_timeout)
        async with self.subscriber:
            self.subscriber.listen(keys.ABANDON_CHANNEL, self.in_flight.abandon)
            reaper = asyncio.create_task(reap_forever(self.tasks, self.queue))
            drain.chain()
            _settle()
            yield
            reaper.cancel()
            await drain.wait()
        self.queue.close()
        await self.redis.aclose()


def create_app(settings: Settings) -> ASGIApp:
    """Build everything a replica needs."""
    parts = _parts(settings)
    litestar = Litestar(
        route_handlers=[*routes(parts.health), *mcp_routes(parts.front)],
        lifespan=[parts.running],
        cors_config=_cors(Doorkeeper(settings.web)),
        openapi_config=OpenAPIConfig(title="MCP Server Playground", version="1", path="/schema"),
        logging_config=None,
        request_max_body_size=settings.web.max_body,
    )
    return Edge(litestar, settings.web)


def _parts(settings: Settings) -> Parts:
    redis = connect(settings.storage)
    ring = settings.storage.key_ring()
    catalog = load(settings.worker.tool_modules)
    tasks = TaskStore(redis, ring, result_ttl=timedelta(seconds=settings.storage.result_ttl))
    sessions, results = SessionStore(redis, ring, ttl=settings.web.session_ttl), ResultStore(redis, ring)
    workers, subscriber = WorkerRegistry(redis), Subscriber(redis)
    queue = JobQueue(create_celery(settings.storage.url()))
    patience = settings.worker.no_worker_timeout
    calls = Calls(
        catalog=catalog,
        tasks=tasks,
        queue=queue,
        subscriber=subscriber,
        workers=workers,
        results=results,
        settings=settings.tools,
        no_worker_timeout=patience,
    )
    server, listen = build(calls, Resources(results), sessions)
    in_flight = InFlight()
    rate = settings.web.rate()
    front = Front(
        modern=ModernEra(server, in_flight),
        handshake=HandshakeEra(server, sessions, in_flight),
        identify=lambda scope: ANONYMOUS,
        limiter=RateLimiter(redis, rate) if rate else None,
        max_body=settings.web.max_body,
    )
    queues = sorted({tool.queue for tool in catalog if not tool.inline})
    health = Health(redis=redis, workers=workers, queues=queues, worker_needed=needs_worker(patience))
    return Parts(settings, redis, tasks, queue, subscriber, in_flight, front, health, listen)


class FrontResponse(Response[dict[str, Any]]):
    """Hands a request to the raw front and stays a route for Litestar: guards, OpenAPI and metrics keep working."""

    def __init__(self, front: ASGIApp) -> None:
        super().__init__(content={})
        self._front = front

    def to_asgi_response(self, *_: Any, **__: Any) -> ASGIApp:  # noqa: ANN401  # pyright: ignore[reportIncompatibleMethodOverride]  # its many options do not apply
        return self._front


def mcp_routes(front: Front) -> list[Any]:
    response = FrontResponse(front)

    @post(
        "/mcp",
        status_code=200,
        sync_to_thread=False,
        summary="One JSON-RPC message of the Model Context Protocol",
        responses={202: ResponseSpec(None, description="A notification was taken")},
    )
    def mcp_post() -> FrontResponse:
        return response

    @get("/mcp", sync_to_thread=False, summary="Not used by this version: 405")
    def mcp_get() -> FrontResponse:
        return response

    @delete(
        "/mcp",
        status_code=200,
        sync_to_thread=False,
        summary="End a session",
        responses={204: ResponseSpec(None, description="The session has ended")},
    )
    def mcp_delete() -> FrontResponse:
        return response

    return [mcp_post, mcp_get, mcp_delete]


class Drain:
    """From the first SIGTERM or SIGINT: not ready, listeners end, running calls get their time."""

    def __init__(self, health: Health, in_flight: InFlight, listen: ListenHandler, patience: timedelta) -> None:
        self._health = health
        self._in_flight = in_flight
        self._listen = listen
        self._patience = patience
        self._task: asyncio.Task[None] | None = None

    def chain(self) -> None:
        """Act before the server's own handlers: uvicorn waits for open streams before it tells the application."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            previous = signal.getsignal(number)
            if not callable(previous):
                continue

            def handle(caught: int, frame: FrameType | None, then: Any = previous) -> None:  # noqa: ANN401
                loop.call_soon_threadsafe(self._begin)
                then(caught, frame)

            signal.signal(number, handle)

    async def wait(self) -> None:
        self._begin()
        if self._task:
            await self._task

    def _begin(self) -> None:
        if self._task is None:
            self._health.draining = True
            self._listen.close()
            self._task = asyncio.create_task(self._in_flight.drain(self._patience))


def _cors(door: Doorkeeper) -> CORSConfig:
    return CORSConfig(
        allow_origins=list(door.origins),
        allow_origin_regex=LOOPBACK_ORIGIN if door.origin_pattern else None,
        allow_methods=["GET", "POST", "DELETE", "OPTIONS"],
        allow_headers=["*"],
        expose_headers=["Mcp-Session-Id", "WWW-Authenticate", "Retry-After", "X-Request-Id"],
        max_age=600,
    )


def _settle() -> None:
    """What start-up made stays: collecting it again and again costs tens of milliseconds at a time (measured)."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(5000, 50, 1000)
