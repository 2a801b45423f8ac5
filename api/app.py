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
from mcp.server import Server
from mcp.server.subscriptions import ListenHandler

from api.edge import LOOPBACK_ORIGIN, Doorkeeper, Edge
from api.health import Health, needs_worker, routes
from api.mcp.backchannel import BackChannel
from api.mcp.bus import Bus
from api.mcp.calls import Calls
from api.mcp.front import Front
from api.mcp.handshake import HandshakeEra
from api.mcp.inflight import InFlight
from api.mcp.modern import ModernEra
from api.mcp.offers import Offers
from api.mcp.prompts import Prompts
from api.mcp.resources import Resources
from api.mcp.server import build
from api.mcp.streams import SessionStreams
from api.settings import Settings
from auth.principal import ANONYMOUS
from storage import keys
from storage.changes import ChangeLog
from storage.connection import Redis, RedisError, Unavailable, connect
from storage.rate import RateLimiter
from storage.results import ResultStore
from storage.seal import KeyRing
from storage.sessions import SessionStore
from storage.streams import StreamStore
from storage.subscriber import Subscriber
from storage.tasks import TaskStore
from storage.workers import WorkerRegistry
from tasks.broker import create_celery
from tasks.catalog import Catalog, load
from tasks.queue import JobQueue
from tasks.reaper import reap_forever

MOST_LISTENERS = 10_000
"""Streams of `subscriptions/listen` that one replica holds."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Parts:
    """What a replica is made of. Nothing is connected before `running`."""

    settings: Settings
    redis: Redis
    catalog: Catalog
    tasks: TaskStore
    changes: ChangeLog
    queue: JobQueue
    subscriber: Subscriber
    bus: Bus
    in_flight: InFlight
    front: Front
    health: Health
    listen: ListenHandler

    @asynccontextmanager
    async def running(self, _: Litestar) -> AsyncGenerator[None]:
        drain = Drain(self.health, self.in_flight, self.listen, self.settings.worker.drain_timeout)
        async with self.subscriber:
            self.subscriber.listen(keys.CONTROL_CHANNEL, self.in_flight.heed)
            background = [
                asyncio.create_task(reap_forever(self.tasks, self.queue)),
                asyncio.create_task(self.bus.run()),
                asyncio.create_task(self._announce()),
            ]
            drain.chain()
            _settle()
            yield
            for task in background:
                task.cancel()
            await drain.wait()
        self.queue.close()
        await self.redis.aclose()

    async def _announce(self) -> None:
        """Tell clients of a deployment that changed what is offered."""
        try:
            await self.changes.announce(self.catalog.fingerprint())
        except (RedisError, *Unavailable) as error:
            log.warning("could not compare what is offered with what was", error=str(error))


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
    stores = Stores.connect(settings)
    catalog = load(settings.worker.tool_modules)
    queue = JobQueue(create_celery(settings.storage.url()))
    in_flight, rate = InFlight(), settings.web.rate()
    bus = Bus(stores.changes, stores.subscriber)
    listen = ListenHandler(bus, max_subscriptions=MOST_LISTENERS)
    server = _server(settings, stores, catalog, queue, listen)
    back = BackChannel(stores.streams, stores.subscriber, settings.tools.ask_timeout)
    streams = SessionStreams(
        sessions=stores.sessions,
        streams=stores.streams,
        tasks=stores.tasks,
        changes=stores.changes,
        subscriber=stores.subscriber,
        in_flight=in_flight,
    )
    front = Front(
        modern=ModernEra(server, in_flight),
        handshake=HandshakeEra(
            server=server,
            sessions=stores.sessions,
            tasks=stores.tasks,
            back=back,
            streams=streams,
            in_flight=in_flight,
        ),
        identify=lambda scope: ANONYMOUS,
        limiter=RateLimiter(stores.redis, rate) if rate else None,
        max_body=settings.web.max_body,
    )
    health = Health(
        redis=stores.redis,
        workers=stores.workers,
        queues=catalog.queues(),
        worker_needed=needs_worker(settings.worker.no_worker_timeout),
    )
    return Parts(
        settings=settings,
        redis=stores.redis,
        catalog=catalog,
        tasks=stores.tasks,
        changes=stores.changes,
        queue=queue,
        subscriber=stores.subscriber,
        bus=bus,
        in_flight=in_flight,
        front=front,
        health=health,
        listen=listen,
    )


@dataclass(frozen=True, kw_only=True)
class Stores:
    """Everything that talks to Redis, on one client."""

    redis: Redis
    ring: KeyRing
    tasks: TaskStore
    sessions: SessionStore
    streams: StreamStore
    changes: ChangeLog
    results: ResultStore
    workers: WorkerRegistry
    subscriber: Subscriber

    @classmethod
    def connect(cls, settings: Settings) -> "Stores":
        redis, ring, web = connect(settings.storage), settings.storage.key_ring(), settings.web
        return cls(
            redis=redis,
            ring=ring,
            tasks=TaskStore(redis, ring, result_ttl=timedelta(seconds=settings.storage.result_ttl)),
            sessions=SessionStore(redis, ring, ttl=web.session_ttl, most=web.session_limit),
            streams=StreamStore(redis, ring),
            changes=ChangeLog(redis, ring),
            results=ResultStore(redis, ring),
            workers=WorkerRegistry(redis),
            subscriber=Subscriber(redis),
        )


def _server(
    settings: Settings, stores: Stores, catalog: Catalog, queue: JobQueue, listen: ListenHandler
) -> Server[Any]:
    offers = Offers(settings.tools, stores.changes)
    calls = Calls(
        catalog=catalog,
        tasks=stores.tasks,
        streams=stores.streams,
        queue=queue,
        subscriber=stores.subscriber,
        workers=stores.workers,
        results=stores.results,
        offers=offers,
        no_worker_timeout=settings.worker.no_worker_timeout,
    )
    resources = Resources(
        catalog=catalog,
        offers=offers,
        results=stores.results,
        sessions=stores.sessions,
        streams=stores.streams,
    )
    state_keys = stores.ring.secrets("requestState")
    return build(calls, Prompts(catalog, offers), resources, stores.sessions, listen=listen, state_keys=state_keys)


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

    @get("/mcp", sync_to_thread=False, summary="A session's stream of events; with Last-Event-ID, the rest of one")
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
        """Act before the server's own handlers: uvicorn waits for open streams before it tells the application.

        A second signal ends what the first left its time.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            previous = signal.getsignal(number)
            if not callable(previous):
                continue

            def handle(caught: int, frame: FrameType | None, then: Any = previous) -> None:  # noqa: ANN401
                loop.call_soon_threadsafe(self._signal)
                then(caught, frame)

            signal.signal(number, handle)

    async def wait(self) -> None:
        self._begin()
        if self._task:
            await self._task

    def _signal(self) -> None:
        if self._task is None:
            self._begin()
        else:
            self._in_flight.stop_all()

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
