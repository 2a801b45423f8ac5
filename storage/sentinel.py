"""A pool of connections to whichever server the sentinels call the primary."""

from typing import Any, cast

from redis.asyncio import BlockingConnectionPool
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel, SentinelConnectionPool, SentinelManagedConnection
from redis.backoff import NoBackoff

from storage.address import Address
from storage.tls import TlsConnection


class SentinelTlsConnection(SentinelManagedConnection, TlsConnection):
    pass


class SentinelPool(SentinelConnectionPool, BlockingConnectionPool):
    """Waits for a free connection, as the pool of a single server does, and closes what it asked the sentinels by."""

    async def aclose(self) -> None:
        await super().aclose()
        await cast("Sentinel", self.sentinel_manager).aclose()


def sentinel_pool(address: Address, sentinel_password: str | None, tls: dict[str, Any], **options: Any) -> SentinelPool:  # noqa: ANN401  # of a pool
    """*options* are those of the pool and of its connections."""
    asking = {
        "socket_timeout": 2,
        "socket_connect_timeout": 2,
        "password": sentinel_password,
        "driver_info": None,
        # Another sentinel is asked instead.
        "retry": Retry(NoBackoff(), 0),
        **({"ssl": True, **tls} if address.is_tls else {}),
    }
    return SentinelPool(
        address.service,
        Sentinel(address.nodes, sentinel_kwargs=asking),
        connection_class=SentinelTlsConnection if address.is_tls else SentinelManagedConnection,
        username=address.user,
        password=address.password,
        db=address.database,
        **options,
        **tls,
    )
