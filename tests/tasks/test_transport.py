"""Kombu's consumer when the broker dies under it."""

from pathlib import Path
from typing import Any

import pytest
from kombu.connection import Connection
from kombu.entity import Queue
from kombu.messaging import Consumer

from tasks.broker import create_celery
from tests.servers import DurableValkey


def unacknowledged(url: str, transport: Any) -> tuple[Any, Any]:
    """A connection that got a message and has not acknowledged it, and the message."""
    connection: Any = Connection(url, transport=transport)
    messages: list[Any] = []
    queue = Queue("q", exchange="", routing_key="q")
    consumer: Any = Consumer(connection.default_channel, [queue], on_message=messages.append)
    consumer.consume()
    connection.Producer().publish("hello", routing_key="q", declare=[queue])
    while not messages:
        connection.drain_events(timeout=5)
    return connection, messages[0]


def test_a_connection_whose_broker_died_can_be_closed(tmp_path: Path):
    """Ours: Celery's consumer survives that only if the errors are the ones it knows."""
    with DurableValkey(tmp_path) as server:
        app: Any = create_celery(server.url(0))
        connection, message = unacknowledged(server.url(0), app.conf.broker_transport or "redis")
        server.kill()
        connection.collect()

        connection.release()
        assert type(message.channel).__module__ == "tasks.transport"
        with pytest.raises(ConnectionError) as raised:
            message.ack()
        assert isinstance(raised.value, connection.connection_errors)
        server.start()
