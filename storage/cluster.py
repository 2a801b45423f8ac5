"""A client of Redis Cluster that behaves like that of a single server: it waits for room, and outlasts a short absence.

redis-py's own raises when it has no free connection to a node, asks again at once and without a pause when a node is
gone, and says with exceptions of another family that nobody answers. Here all of that is as elsewhere.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from functools import partial
from typing import Any, Final, Self, TypeVar, cast

from redis.asyncio import Connection, RedisCluster
from redis.asyncio.cluster import ClusterNode, ClusterPipeline
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import (
    ClusterError,
    ConnectionError,  # noqa: A004  # their names
    RedisClusterException,
    SlotNotCoveredError,
    TimeoutError,  # noqa: A004
)

from storage.address import Address
from storage.tls import TlsConnection, what_is_wrong

_SPARE: Final = 8
"""Connections to a node beside those of calls: for asking it how the cluster looks."""

_ASKING: Final = ContextVar("asking", default=False)
"""Whether a call is under way in this task."""

T = TypeVar("T")


class SharedConnection(Connection):
    """A connection that another call may close when it finds the node gone."""

    async def send_packed_command(self, command: Any, check_health: bool = True) -> None:  # noqa: ANN401, FBT001, FBT002  # its signature
        try:
            await cast("Any", super()).send_packed_command(command, check_health)
        except RuntimeError as error:
            # What uvloop raises for a closed transport.
            raise ConnectionError(str(error)) from error


class SharedTlsConnection(SharedConnection, TlsConnection):
    pass


class Cluster(RedisCluster):
    def __init__(self, address: Address, *, connections: int, retry: Retry, **options: Any) -> None:  # noqa: ANN401  # of a connection
        cast("Any", super()).__init__(
            startup_nodes=[ClusterNode(host, port) for host, port in address.nodes],
            username=address.user,
            password=address.password,
            max_connections=connections + _SPARE,
            ssl=address.is_tls,
            # Once more is enough to follow what has moved; the pauses are made here.
            retry=Retry(NoBackoff(), 1),
            **options,
        )
        kind = SharedTlsConnection if address.is_tls else SharedConnection
        self.connection_kwargs["connection_class"] = kind
        for node in self.startup_nodes:
            node.connection_class = kind
        self._patience = retry
        retry.update_supported_errors([ClusterError])
        # A pipeline that was redirected makes calls: were they of one kind, they could wait for each other.
        self._calls = asyncio.Semaphore(connections - connections // 4)
        self._pipelines = asyncio.Semaphore(connections // 4)

    async def initialize(self, *args: Any, **kwargs: Any) -> Self:  # noqa: ANN401  # redis-py's own
        """Learn how the cluster looks. ConnectionError when nobody can tell, or not all of it is there."""
        try:
            await super().initialize(*args, **kwargs)
        except RedisClusterException as error:
            raise ConnectionError(what_is_wrong(error) or str(error)) from error
        return self

    async def aclose(self) -> None:
        """Close all connections. Where redis-py does it after a fault, it is enough to ask again how the cluster looks.

        It would close those that other calls are using, at nodes where nothing is wrong.
        """
        if _ASKING.get():
            self._initialize = True
            return
        # Whatever there is to be learnt about the cluster: now there is something to close.
        self._initialize = False
        await super().aclose()

    async def execute_command(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401  # whatever Redis answers
        ask = super().execute_command
        async with self._calls:
            return await self._patiently(lambda: ask(*args, **kwargs))

    def pipeline(self, transaction: object = None, shard_hint: object = None) -> Any:  # noqa: ANN401  # redis-py's is another class
        """Commands sent together, to each node its own; there are no transactions over nodes."""
        if transaction or shard_hint:
            raise NotImplementedError("a cluster has no transactions over its nodes")
        return Pipeline(self, super().pipeline)

    async def _patiently(self, ask: Callable[[], Awaitable[T]]) -> T:
        async def once() -> T:
            asking = _ASKING.set(True)
            try:
                return await ask()
            except SlotNotCoveredError as error:
                raise ConnectionError(str(error)) from error
            finally:
                _ASKING.reset(asking)

        async def failed(_: object) -> None:
            """Nothing to do: the connection was closed by whoever found it broken."""

        return await self._patience.call_with_retry(once, failed)

    async def send_together(self, ask: Callable[[], Awaitable[T]]) -> T:
        async with self._pipelines:
            return await self._patiently(ask)


class Pipeline:
    """What was asked for is kept, so that it can be asked again when a node was away."""

    def __init__(self, cluster: Cluster, begin: Callable[[], ClusterPipeline]) -> None:
        self._cluster = cluster
        self._begin = begin
        self._asked: list[Callable[[Any], object]] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._asked.clear()

    def __getattr__(self, command: str) -> Callable[..., None]:
        return partial(self._ask, command)

    def _ask(self, command: str, *args: object, **kwargs: object) -> None:
        self._asked.append(lambda pipe: getattr(pipe, command)(*args, **kwargs))

    async def execute(self) -> list[Any]:
        async def send() -> list[Any]:
            pipe = self._begin()
            for each in self._asked:
                each(pipe)
            return await pipe.execute()

        return await self._cluster.send_together(send)


class ClusterChannel:
    """A connection for publish/subscribe at any node that answers: what is published at one is told at all."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._connection: Any = None

    async def connect(self) -> None:
        await self._cluster.initialize()
        nodes = self._cluster.get_nodes()
        random.shuffle(nodes)
        for node in nodes:
            kind: Any = node.connection_class
            once = {"socket_timeout": None, "retry": Retry(NoBackoff(), 0)}
            connection: Any = kind(**{**node.connection_kwargs, **once})
            try:
                await connection.connect()
            except (ConnectionError, TimeoutError):
                continue
            self._connection = connection
            return
        raise ConnectionError("no node of the cluster answers")

    async def disconnect(self, *, nowait: bool) -> None:
        if self._connection is not None:
            await self._connection.disconnect(nowait=nowait)

    async def send_command(self, *args: str, check_health: bool) -> None:
        await self._connected().send_command(*args, check_health=check_health)

    async def read_response(self, **how: Any) -> Any:  # noqa: ANN401  # redis-py's own
        return await self._connected().read_response(**how)

    def _connected(self) -> Any:  # noqa: ANN401  # redis-py leaves its types open
        if self._connection is None:
            raise ConnectionError("not connected")
        return self._connection


async def state(cluster: Cluster) -> Mapping[str, str]:
    """What CLUSTER INFO says at some node."""
    return await cluster.execute_command("CLUSTER INFO", target_nodes=[cluster.get_random_node()])


class AtNode:
    """What one node of a cluster says of itself."""

    def __init__(self, cluster: Cluster, node: ClusterNode) -> None:
        self._cluster = cluster
        self._node = node

    async def info(self, section: str) -> Any:  # noqa: ANN401  # by name, whatever it is
        return await cast("Any", self._cluster).info(section, target_nodes=self._node)
