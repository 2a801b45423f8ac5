"""The composition root of a web process: every part is made here, once, and given what it needs."""

import asyncio
import gc
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, NamedTuple

import structlog
from litestar import Litestar
from mcp.server import Server

from api.drain import Drain
from api.health import Health, needs_worker
from api.limit import Limit
from api.mcp.audited import AuditedCalls
from api.mcp.backchannel import BackChannel
from api.mcp.calls import Calls
from api.mcp.durable import DurableTasks
from api.mcp.front import Front
from api.mcp.guard import Guard, OpenDoor
from api.mcp.handshake import HandshakeEra
from api.mcp.inflight import InFlight
from api.mcp.intake import Intake
from api.mcp.jobs import Jobs
from api.mcp.legacy_tasks import LegacyTasks
from api.mcp.listen import Listen
from api.mcp.modern import ModernEra
from api.mcp.offers import Offers
from api.mcp.prompts import Prompts
from api.mcp.relay import Relay
from api.mcp.resources import Resources
from api.mcp.server import build
from api.mcp.state import RingCodec
from api.mcp.streams import SessionStreams
from api.mcp.traced import TracedMethods
from api.oauth.build import Auth
from api.oauth.build import build as build_auth
from api.settings import Settings
from auth.audit import Audit
from storage import gauges, keys, traces
from storage.admission import Admission
from storage.audit import AuditLog
from storage.background import cancel_all
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
from tasks.endings import counted
from tasks.queue import JobQueue
from tasks.reaper import reap_forever

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Stores:
    """Everything that talks to Redis, on one client."""

    redis: Redis
    ring: KeyRing
    tasks: TaskStore
    sessions: SessionStore
    streams: StreamStore
    changes: ChangeLog
    audit: Audit
    results: ResultStore
    admission: Admission
    workers: WorkerRegistry
    subscriber: Subscriber

    @classmethod
    def of(cls, settings: Settings) -> "Stores":
        web = settings.web
        redis, ring = connect(settings.storage), settings.storage.key_ring(exposed=not web.is_loopback())
        audit, kept = Audit(AuditLog(redis, ring)), timedelta(seconds=settings.storage.result_ttl)
        return cls(
            redis=redis,
            ring=ring,
            tasks=TaskStore(redis, ring, result_ttl=kept, on_end=counted(audit.tool_ended)),
            sessions=SessionStore(redis, ring, ttl=web.session_ttl, most=web.session_limit),
            streams=StreamStore(redis, ring),
            changes=ChangeLog(redis, ring),
            audit=audit,
            results=ResultStore(redis, ring),
            admission=Admission(redis, ring, most_active=web.task_limit, most_queued=web.queue_limit),
            workers=WorkerRegistry(redis),
            subscriber=Subscriber(redis),
        )


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What a replica is made of. Nothing is connected before `running`."""

    settings: Settings
    stores: Stores
    catalog: Catalog
    queue: JobQueue
    listen: Listen
    in_flight: InFlight
    front: Front
    health: Health
    auth: Auth | None
    """None while authentication is off."""

    @classmethod
    def of(cls, settings: Settings) -> "Parts":
        stores, in_flight = Stores.of(settings), InFlight()
        durable = DurableTasks(stores.tasks, settings.storage.result_ttl * 1000)
        jobs = Jobs(tasks=stores.tasks, admission=stores.admission, durable=durable, subscriber=stores.subscriber)
        catalog = load(settings.worker.tool_modules).plus(jobs.tools())
        queue = JobQueue(create_celery(settings.storage.url()))
        rate = settings.web.rate()
        limiter = RateLimiter(stores.redis, rate) if rate else None
        limit = Limit(limiter=limiter, trusted=settings.web.trusted_proxies)
        auth = build_auth(settings, stores, catalog, limit) if settings.auth.is_on() else None
        server, listen = _server(settings, stores, catalog, queue, jobs)
        if auth:
            server.middleware.insert(0, AuditedCalls(stores.audit))
        if traces.is_on():
            server.middleware.insert(0, TracedMethods(catalog))
        return cls(
            settings=settings,
            stores=stores,
            catalog=catalog,
            queue=queue,
            listen=listen,
            in_flight=in_flight,
            front=_front(settings, stores, server, in_flight, Doors(auth.guard if auth else OpenDoor(), limit)),
            auth=auth,
            health=Health(
                redis=stores.redis,
                workers=stores.workers,
                queues=catalog.queues(),
                worker_needed=needs_worker(settings.worker.no_worker_timeout),
            ),
        )

    @asynccontextmanager
    async def running(self, _: Litestar) -> AsyncGenerator[None]:
        drain = Drain(self.health, self.in_flight, self.listen, self.settings.worker.drain_timeout)
        async with self.stores.subscriber as subscriber:
            subscriber.listen(keys.CONTROL_CHANNEL, self.in_flight.heed)
            background = [
                asyncio.create_task(reap_forever(self.stores.tasks, self.queue)),
                asyncio.create_task(self._announce()),
            ]
            if self.auth:
                background.append(asyncio.create_task(self.auth.watch(self.in_flight)))
            unwatch = gauges.watch(self.stores.redis, self.health.queues)
            drain.chain()
            _settle()
            yield
            unwatch()
            await cancel_all(background)
            await drain.wait()
        self.queue.close()
        await self.stores.audit.flush()
        await self.stores.redis.aclose()

    async def _announce(self) -> None:
        """Tell clients of a deployment that changed what is offered."""
        try:
            await self.stores.changes.announce(self.catalog.fingerprint())
        except (RedisError, *Unavailable) as error:
            log.warning("could not compare what is offered with what was", error=str(error))


class Doors(NamedTuple):
    """Who may come in, and how often."""

    guard: Guard
    limit: Limit


def _front(settings: Settings, stores: Stores, server: Server[Any], in_flight: InFlight, doors: Doors) -> Front:
    streams = SessionStreams(
        sessions=stores.sessions,
        streams=stores.streams,
        tasks=stores.tasks,
        changes=stores.changes,
        subscriber=stores.subscriber,
        in_flight=in_flight,
    )
    handshake = HandshakeEra(
        server=server,
        sessions=stores.sessions,
        tasks=stores.tasks,
        back=BackChannel(stores.streams, stores.subscriber, settings.tools.ask_timeout),
        streams=streams,
        in_flight=in_flight,
    )
    return Front(
        modern=ModernEra(server, in_flight),
        handshake=handshake,
        guard=doors.guard,
        limit=doors.limit,
        max_body=settings.web.max_body,
    )


def _server(
    settings: Settings, stores: Stores, catalog: Catalog, queue: JobQueue, jobs: Jobs
) -> tuple[Server[Any], Listen]:
    """The server, and the listener, which must be closed when the process drains."""
    offers = Offers(settings.tools, stores.changes)
    durable = jobs.durable
    intake = Intake(
        tasks=stores.tasks,
        admission=stores.admission,
        streams=stores.streams,
        subscriber=stores.subscriber,
        most_arguments=settings.web.arguments_limit,
    )
    relay = Relay(
        tasks=stores.tasks,
        subscriber=stores.subscriber,
        workers=stores.workers,
        durable=durable,
        no_worker_timeout=settings.worker.no_worker_timeout,
    )
    calls = Calls(
        catalog=catalog,
        tasks=stores.tasks,
        queue=queue,
        results=stores.results,
        offers=offers,
        durable=durable,
        intake=intake,
        relay=relay,
        jobs=jobs,
        task_after=settings.worker.task_after,
        call_deadline=settings.web.call_deadline,
    )
    resources = Resources(
        catalog=catalog,
        offers=offers,
        results=stores.results,
        sessions=stores.sessions,
        streams=stores.streams,
    )
    listen = Listen(resources, stores.changes, stores.tasks, durable, stores.subscriber)
    prompts = Prompts(catalog, offers)
    server = build(calls, prompts, resources, stores.sessions, listen, state=RingCodec(stores.ring))
    if settings.web.experimental_tasks:
        server.middleware.append(LegacyTasks(calls))
    return server, listen


def _settle() -> None:
    """What start-up made stays: collecting it again and again costs tens of milliseconds at a time (measured)."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(5000, 50, 1000)
