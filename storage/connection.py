"""The one door to Redis, and the commands we send through it."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any, Protocol, Self, cast

from redis.asyncio import BlockingConnectionPool
from redis.asyncio import Redis as Client
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialWithJitterBackoff
from redis.exceptions import (
    BusyLoadingError,
    ConnectionError,  # noqa: A004  # their names
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    TimeoutError,  # noqa: A004
)

from storage.settings import StorageSettings

Unavailable = (ConnectionError, TimeoutError, BusyLoadingError, OutOfMemoryError, ReadOnlyError, OSError)
"""What a call raises while Redis cannot be reached, or takes nothing: it is full, or a replica by now."""

TakesNothing = (OutOfMemoryError, ReadOnlyError)
"""Those of them by which Redis says that it takes nothing: it is full, or a replica by now."""

Unsure = (ConnectionError, TimeoutError, OSError)
"""Those of them after which nobody knows whether Redis did what it was asked."""

__all__ = [
    "Channel",
    "Redis",
    "RedisError",
    "Script",
    "Scripts",
    "TakesNothing",
    "Unavailable",
    "Unsure",
    "channel",
    "connect",
]

Script = Callable[..., Awaitable[Any]]
"""A registered script: call it with `keys=` and `args=`."""

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
    async def config_get(self, pattern: str) -> dict[str, str]: ...
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
    async def pubsub_numsub(self, *names: str) -> list[tuple[bytes, int]]: ...
    def pipeline(self, *, transaction: bool) -> Pipeline: ...
    def register_script(self, script: str) -> Script: ...
    async def aclose(self) -> None: ...


class Scripts:
    """Lua scripts by their text; each is sent once and then called by its hash."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._registered: dict[str, Script] = {}

    async def run(self, script: str, names: Sequence[str], args: Sequence[bytes | str | float]) -> Any:  # noqa: ANN401  # Lua's answer
        """Run *script* on the keys *names*, which must share a hash slot."""
        call = self._registered.get(script)
        if call is None:
            call = self._registered[script] = self._redis.register_script(script)
        return await call(keys=list(names), args=list(args))


def connect(settings: StorageSettings) -> Redis:
    """Build a client whose pool waits for a free connection instead of raising.

    The default pool raises at its limit, and a burst of streams would die inside an emit.
    """
    pool = BlockingConnectionPool.from_url(  # pyright: ignore[reportUnknownMemberType]  # untyped **kwargs
        settings.url(),
        max_connections=settings.redis_connections,
        timeout=20,
        socket_timeout=10,
        socket_connect_timeout=5,
        socket_keepalive=True,
        health_check_interval=15,
        retry=Retry(ExponentialWithJitterBackoff(base=0.05, cap=0.5), retries=5),
        retry_on_error=[BusyLoadingError],
    )
    return cast("Redis", Client.from_pool(pool))


def channel(redis: Redis) -> Channel:
    """A connection like the client's own, which nobody else uses; not yet connected.

    Without a time limit on its socket: redis-py would write under `asyncio.wait_for`, which in Python 3.11 can swallow
    the cancellation of the task that writes.
    """
    pool = cast("Any", redis).connection_pool
    return pool.connection_class(**{**pool.connection_kwargs, "socket_timeout": None})
