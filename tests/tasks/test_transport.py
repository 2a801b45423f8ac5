"""Kombu's consumer when the broker dies under it."""

from pathlib import Path
from typing import Any

import pytest
from kombu.entity import Queue
from kombu.messaging import Consumer

from tasks.broker import create_celery
from tests.redis_client import settings_of
from tests.servers import DurableValkey


def unacknowledged(app: Any) -> tuple[Any, Any]:
    """A connection that got a message and has not acknowledged it, and the message."""
    connection: Any = app.connection()
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
        app: Any = create_celery(settings_of(server.environment()))
        connection, message = unacknowledged(app)
        server.kill()
        connection.collect()

        connection.release()
        assert type(message.channel).__module__ == "tasks.transport"
        with pytest.raises(ConnectionError) as raised:
            message.ack()
        assert isinstance(raised.value, connection.connection_errors)
        server.start()


def test_a_message_that_comes_when_redis_is_full_is_a_connection_lost(tmp_path: Path):
    """Ours (F23): Celery comes back for it; an error that it does not know would end its consumer for good."""
    with DurableValkey(tmp_path) as server:
        app: Any = create_celery(settings_of(server.environment()))
        connection, first = unacknowledged(app)
        first.ack()
        connection.Producer().publish("again", routing_key="q")
        with server.client(0) as raw:
            raw.config_set("maxmemory", "1000")

            with pytest.raises(connection.connection_errors):
                connection.drain_events(timeout=5)
            raw.config_set("maxmemory", "0")
        connection.release()
