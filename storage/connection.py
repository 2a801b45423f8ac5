"""The one door to Redis, and the commands we send through it."""

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Protocol, Self, cast

from redis.asyncio import BlockingConnectionPool
from redis.asyncio import Redis as Client
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialWithJitterBackoff
from redis.exceptions import (
    BusyLoadingError,
    ClusterError,
    ConnectionError,  # noqa: A004  # their names
    NoScriptError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    TimeoutError,  # noqa: A004
)

from storage.address import Kind
from storage.cluster import AtNode, Cluster, ClusterChannel, state
from storage.sentinel import sentinel_pool
from storage.settings import StorageSettings
from storage.tls import TlsConnection, tls_options

Unavailable = (ConnectionError, TimeoutError, BusyLoadingError, OutOfMemoryError, ReadOnlyError, ClusterError, OSError)
"""What a call raises while Redis cannot be reached, or takes nothing: it is full, or a replica by now."""

TakesNothing = (OutOfMemoryError, ReadOnlyError)
"""Those of them by which Redis says that it takes nothing: it is full, or a replica by now."""

Unsure = (ConnectionError, TimeoutError, ClusterError, OSError)
"""Those of them after which nobody knows whether Redis did what it was asked.

A cluster that is down does nothing, but may have done it before: a call is repeated in silence until it says so.
"""

__all__ = [
    "Channel",
    "Redis",
    "RedisError",
    "Script",
    "Scripts",
    "Server",
    "TakesNothing",
    "Unavailable",
    "Unsure",
    "channel",
    "cluster_state",
    "connect",
    "count_subscribers",
    "each_server",
    "script",
]

Script = Callable[..., Awaitable[Any]]
"""A script that is ready: call it with `keys=` and `args=`."""

Row = tuple[bytes, dict[bytes, bytes]]
"""A stream entry: its id and its fields."""


class Channel(Protocol):
    """A raw connection of our own, for publish/subscribe: redis-py's own object for it may not be used by two tasks."""

    async def connect(self) -> None: ...
    async def disconnect(self, *, nowait: bool) -> None: ...
    async def send_command(self, *args: str, check_health: bool) -> None: ...
    async def read_response(
        self,
        *,
        timeout: float,  # noqa: ASYNC109  # redis-py's name; math.inf waits for ever
        disconnect_on_error: bool,
        push_request: bool,
    ) -> list[Any]: ...


class Pipeline(Protocol):
    async def __aenter__(self) -> Self: ...
    async def __aexit__(self, *_: object) -> None: ...
    def xrevrange(self, name: str, *, count: int) -> object: ...
    def get(self, name: str) -> object: ...
    def hget(self, name: str, key: str) -> object: ...
    def hmget(self, name: str, keys: Sequence[str]) -> object: ...
    def zrangebyscore(self, name: str, min: str, max: int, *, start: int, num: int) -> object: ...  # noqa: A002  # redis-py's names
    def llen(self, name: str) -> object: ...
    def hlen(self, name: str) -> object: ...
    def zcard(self, name: str) -> object: ...
    def zcount(self, name: str, min: int | str, max: int | str) -> object: ...  # noqa: A002
    async def execute(self) -> list[Any]: ...


class Redis(Protocol):
    """The part of redis-py's asyncio client that we use, with the types that redis-py leaves open."""

    async def ping(self) -> bool: ...
    async def time(self) -> tuple[int, int]: ...
    async def info(self, section: str) -> dict[str, Any]: ...
    async def get(self, name: str) -> bytes | None: ...
    async def set(self, name: str, value: bytes, *, ex: timedelta, nx: bool = False) -> object: ...
    async def getdel(self, name: str) -> bytes | None: ...
    async def expire(self, name: str, time: timedelta) -> object: ...
    async def delete(self, *names: str) -> int: ...
    async def hget(self, name: str, key: str) -> bytes | None: ...
    async def hmget(self, name: str, keys: Sequence[str]) -> list[bytes | None]: ...
    async def hgetall(self, name: str) -> dict[bytes, bytes]: ...
    async def hvals(self, name: str) -> list[bytes]: ...
    async def hdel(self, name: str, *keys: str) -> int: ...
    async def llen(self, name: str) -> int: ...
    async def publish(self, channel: str, message: bytes) -> int: ...
    async def type(self, name: str) -> bytes: ...
    async def pttl(self, name: str) -> int: ...
    def scan_iter(self, match: str, *, count: int) -> AsyncIterator[bytes]: ...
    async def xrange(self, name: str, min: str, max: str, count: int | None = None) -> list[Row]: ...  # noqa: A002
    async def xrevrange(self, name: str, *, count: int) -> list[Row]: ...
    async def zrange(self, name: str, start: int, end: int, *, withscores: bool) -> list[tuple[bytes, float]]: ...
    async def zrevrange(self, name: str, start: int, end: int) -> list[bytes]: ...
    async def zscore(self, name: str, value: str) -> float | None: ...
    async def zrem(self, name: str, *values: str | bytes) -> int: ...
    async def pubsub_numsub(self, *names: str, **where: str) -> list[tuple[bytes, int]]: ...
    async def eval(self, script: str, numkeys: int, *keys_and_args: bytes | str | float) -> Any: ...  # noqa: ANN401  # Lua's answer
    async def evalsha(self, sha: str, numkeys: int, *keys_and_args: bytes | str | float) -> Any: ...  # noqa: ANN401
    def pipeline(self, *, transaction: bool) -> Pipeline: ...
    async def aclose(self) -> None: ...


class Server(Protocol):
    """One server, of however many."""

    async def info(self, section: str) -> dict[str, Any]: ...


class Scripts:
    """Lua scripts by their text; each is sent once and then called by its hash."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._registered: dict[str, Script] = {}

    async def run(self, text: str, names: Sequence[str], args: Sequence[bytes | str | float]) -> Any:  # noqa: ANN401  # Lua's answer
        """Run the script *text* on the keys *names*, which must share a hash slot."""
        call = self._registered.get(text)
        if call is None:
            call = self._registered[text] = script(self._redis, text)
        return await call(keys=names, args=args)


def script(redis: Redis, text: str) -> Script:
    """A Lua script by its *text*: sent whole to a server that does not know it, and called by its hash elsewhere."""
    digest = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()

    async def call(*, keys: Sequence[str], args: Sequence[bytes | str | float] = ()) -> Any:  # noqa: ANN401  # Lua's answer
        try:
            return await redis.evalsha(digest, len(keys), *keys, *args)
        except NoScriptError:
            return await redis.eval(text, len(keys), *keys, *args)

    return call


def connect(settings: StorageSettings) -> Redis:
    """Build a client that waits for a free connection instead of raising, whatever kind of Redis there is.

    The default pool raises at its limit, and a burst of streams would die inside an emit.
    """
    address, tls = settings.address(), tls_options(settings)
    options: dict[str, Any] = {
        "socket_timeout": 10,
        "socket_connect_timeout": 5,
        "socket_keepalive": True,
        "health_check_interval": 15,
        "retry": Retry(ExponentialWithJitterBackoff(base=0.05, cap=0.5), retries=5),
        "retry_on_error": [BusyLoadingError],
        # Redis 7.0 does not know what would tell it which library this is.
        "driver_info": None,
    }
    if address.kind is Kind.CLUSTER:
        return cast("Redis", Cluster(address, connections=settings.redis_connections, **options, **tls))
    options |= {"max_connections": settings.redis_connections, "timeout": 20}
    if address.kind is Kind.SENTINEL:
        pool = sentinel_pool(address, settings.sentinel_password(), tls, **options)
    else:
        pool = BlockingConnectionPool.from_url(settings.url(), **options, **tls)  # pyright: ignore[reportUnknownMemberType]  # untyped **kwargs
        # The address has chosen redis-py's own class for TLS, whatever it was told.
        pool.connection_class = TlsConnection if tls else pool.connection_class
    return cast("Redis", Client.from_pool(pool))


def channel(redis: Redis) -> Channel:
    """A connection like the client's own, which nobody else uses; not yet connected.

    Without a time limit on its socket: redis-py would write under `asyncio.wait_for`, which in Python 3.11 can swallow
    the cancellation of the task that writes.
    """
    if isinstance(redis, Cluster):
        return ClusterChannel(redis)
    pool = cast("Any", redis).connection_pool
    return pool.connection_class(**{**pool.connection_kwargs, "socket_timeout": None})


async def each_server(redis: Redis) -> Mapping[str, Server]:
    """Every server behind the client, by its name; one without a name when there is but one."""
    if not isinstance(redis, Cluster):
        return {"": redis}
    await redis.initialize()
    return {node.name: AtNode(redis, node) for node in redis.get_nodes()}


async def cluster_state(redis: Redis) -> Mapping[str, str]:
    """What a cluster says of itself as a whole; nothing of other kinds of Redis."""
    return await state(redis) if isinstance(redis, Cluster) else {}


async def count_subscribers(redis: Redis, name: str) -> int:
    """How many connections hear the channel *name*, wherever they are: each server counts its own."""
    where = {"target_nodes": Cluster.ALL_NODES} if isinstance(redis, Cluster) else {}
    return sum(connections for _, connections in await redis.pubsub_numsub(name, **where))
