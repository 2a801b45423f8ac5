"""Which server has the broker's keys now, asked anew at every connection.

Kombu knows one server. Of a cluster it is given the node that owns the slot of all the broker's keys, and of what
sentinels watch, the primary. Whatever a server says that is not that any more is a lost connection, after which we
ask again.
"""

from collections.abc import Callable
from contextlib import closing
from typing import Any, Final, cast

import redis
from redis.backoff import NoBackoff
from redis.crc import key_slot
from redis.exceptions import (
    AskError,
    ClusterDownError,
    ConnectionError,  # noqa: A004  # their names
    ReadOnlyError,
    RedisError,
    TryAgainError,
)
from redis.retry import Retry

from storage import keys
from storage.address import Address, Kind, Node
from storage.settings import StorageSettings
from storage.tls import explained, tls_options

Locate = Callable[[], Node]
"""Asks where to connect; ConnectionError when nobody knows."""

PATIENCE: Final = 3
"""Seconds for one server to say who it is that we look for."""
ELSEWHERE: Final = (AskError, ClusterDownError, ReadOnlyError, TryAgainError)
"""What a server says that does not serve the broker's keys now; MOVED is a kind of ASK."""

__all__ = ["Locate", "LocatedConnection", "LocatedTlsConnection", "PlainTlsConnection", "locator"]


def locator(settings: StorageSettings) -> Locate | None:
    """How to find the server; None when the address names it."""
    address = settings.address()
    if address.kind is Kind.SERVER:
        return None
    ask = _ask_sentinel if address.kind is Kind.SENTINEL else _ask_node

    def locate() -> Node:
        problems: list[str] = []
        for host, port in address.nodes:
            try:
                with explained(), closing(_client(settings, host, port)) as client:
                    return ask(client, address, host)
            except RedisError as error:
                problems.append(f"{host}:{port}: {error}")
        raise ConnectionError(f"nobody knows where the broker's keys are: {'; '.join(problems)}")

    return locate


def _client(settings: StorageSettings, host: str, port: int) -> Any:  # noqa: ANN401  # redis-py's sync client is half typed
    address, tls = settings.address(), tls_options(settings)
    user, password = address.user, address.password
    if address.kind is Kind.SENTINEL:
        user, password = None, settings.sentinel_password()
    return redis.Redis(
        host=host,
        port=port,
        username=user,
        password=password,
        driver_info=None,
        socket_timeout=PATIENCE,
        socket_connect_timeout=PATIENCE,
        retry=Retry(NoBackoff(), 0),
        ssl=address.is_tls,
        **tls,
    )


def _ask_sentinel(client: Any, address: Address, asked: str) -> Node:  # noqa: ANN401
    found = client.execute_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", address.service)
    if not found:
        raise ConnectionError(f"this sentinel watches no {address.service!r}")
    host, port = found
    return _text(host), int(port)


def _ask_node(client: Any, address: Address, asked: str) -> Node:  # noqa: ANN401
    # A node that starts knows the slots before it may serve them.
    if "cluster_state:ok" not in _text(client.execute_command("CLUSTER", "INFO")):
        raise ConnectionError("the cluster is down")
    slot = key_slot(keys.BROKER_PREFIX.encode())
    for first, last, (host, port, *_), *_ in client.execute_command("CLUSTER", "SLOTS"):
        if first <= slot <= last:
            # A node that was never told its own address leaves it out: it is the one that was asked.
            return _text(host) or asked, int(port)
    raise ConnectionError("nobody has the broker's slot")


def _text(value: bytes | str | None) -> str:
    return value.decode() if isinstance(value, bytes) else value or ""


class PlainTlsConnection(redis.SSLConnection):
    def connect_check_health(self, check_health: bool = True, retry_socket_connect: bool = True) -> None:  # noqa: FBT001, FBT002  # its signature
        with explained():
            super().connect_check_health(check_health, retry_socket_connect)


class LocatedConnection(redis.Connection):
    """Goes where *locate* says, each time it connects."""

    def __init__(self, *, locate: Locate, **kwargs: Any) -> None:  # noqa: ANN401  # redis-py's own
        cast("Any", super()).__init__(**kwargs)
        self._locate = locate

    def connect_check_health(self, check_health: bool = True, retry_socket_connect: bool = True) -> None:  # noqa: FBT001, FBT002  # its signature
        if not self.is_connected:
            self.host, self.port = self._locate()
        super().connect_check_health(check_health, retry_socket_connect)

    def read_response(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401  # redis-py's own
        try:
            return cast("Any", super()).read_response(*args, **kwargs)
        except ELSEWHERE as error:
            cast("Any", self).disconnect()
            raise ConnectionError(f"the broker's keys are elsewhere now: {error}") from error


class LocatedTlsConnection(LocatedConnection, PlainTlsConnection):
    pass
