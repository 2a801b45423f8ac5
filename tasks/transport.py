"""Kombu's Redis transport, made to survive the loss of its server.

When the connection breaks while messages are unacknowledged, kombu closes the channel and there tries to put them back
over the connection that is gone; the AttributeError that follows is none of the errors Celery expects, and its consumer
ends for good in a process that lives on. Our messages are hints which the reaper sends again: nothing needs to be put
back, and an acknowledgement that cannot be given is a lost connection like any other. A message that is none ends the
consumer just so: whoever can write to the broker's database could end every worker with a word. And so does a message
that arrives when Redis has just become full, because it cannot be noted as taken.
"""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, ClassVar

import structlog
from kombu.transport import redis

from storage.connection import TakesNothing
from storage.primary import LocatedConnection, LocatedTlsConnection, PlainTlsConnection

log = structlog.get_logger(__name__)

_KNOWN: Any = redis.Transport.connection_errors  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]


class QoS(redis.QoS):
    restore_at_shutdown = False


class Channel(redis.Channel):
    QoS = QoS
    connection_class_ssl = PlainTlsConnection

    def _connparams(self, asynchronous: bool = False) -> Any:  # noqa: ANN401, FBT001, FBT002  # kombu has no types
        """How to connect; of several servers, to the one that is found at that moment."""
        base: Any = super()
        connection: Any = self.connection
        locate = connection.client.transport_options["locate"]
        if locate is not None:
            self.connection_class, self.connection_class_ssl = LocatedConnection, LocatedTlsConnection
        asked: dict[str, Any] = base._connparams(asynchronous)  # noqa: SLF001  # kombu's own subclass does the same
        # Redis 7.0 does not know what would tell it which library this is.
        return asked | {"driver_info": None} | ({"locate": locate} if locate else {})

    @contextmanager
    def conn_or_acquire(self, client: Any = None) -> Generator[Any]:  # noqa: ANN401  # kombu has no types
        """A client; ConnectionError once the connection is closed."""
        base: Any = super()
        connection: Any = self.connection
        if client is None and (connection is None or connection.client is None):
            raise ConnectionError("the connection to the broker is closed")
        with base.conn_or_acquire(client) as acquired:
            yield acquired


class Transport(redis.Transport):
    Channel = Channel
    # A broker that takes nothing is one to come back to; Celery would end its consumer for good.
    connection_errors: ClassVar[Any] = (*_KNOWN, *TakesNothing)

    def on_readable(self, fileno: int) -> None:
        """Read what has come. Kombu lets what is no message of its own end the consumer; it is dropped instead."""
        base: Any = super()
        try:
            base.on_readable(fileno)
        except (ValueError, TypeError, LookupError, AttributeError) as error:
            log.warning("a message that is not Celery's was dropped", error=f"{type(error).__name__}: {error}")
