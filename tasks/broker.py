"""Celery, set up once: the message is a wake-up that carries a task's id, never its arguments.

Delivery may be late, double or lost; the claim in the task store decides who runs, and the reaper sends again.
"""

from datetime import timedelta
from typing import Any, Final, cast
from urllib.parse import quote

from celery import Celery
from kombu.transport import TRANSPORT_ALIASES

from storage import keys
from storage.address import Kind, Node
from storage.primary import locator
from storage.settings import StorageSettings
from storage.tls import tls_options

RUN_TOOL: Final = "run_tool"
VISIBILITY: Final = timedelta(hours=6)
"""Longer than any run: Celery's own redelivery is not what we rely on."""


def create_celery(settings: StorageSettings) -> Celery:
    TRANSPORT_ALIASES.update(dict.fromkeys(("redis", "rediss"), "tasks.transport:Transport"))
    app = Celery("mcp-playground", broker=broker_url(settings))
    config: Any = cast("Any", app).conf
    config.update(
        task_serializer="json",
        accept_content=["json"],
        task_ignore_result=True,
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        task_default_queue="default",
        task_create_missing_queues=True,
        worker_prefetch_multiplier=1,
        worker_disable_prefetch=True,
        worker_send_task_events=True,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        # With one Redis for everything this option loses the task when the broker restarts (measured), and Celery 6
        # makes it the default: pinned off.
        worker_cancel_long_running_tasks_on_connection_loss=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_use_ssl=tls_options(settings) or None,
        broker_transport_options={
            "global_keyprefix": keys.BROKER_PREFIX,
            "locate": locator(settings),
            "visibility_timeout": int(VISIBILITY.total_seconds()),
            "unacked_restore_interval": 1,
            "unacked_restore_throttle": 1,
            "socket_timeout": 10,
            "socket_connect_timeout": 5,
            "socket_keepalive": True,
            "health_check_interval": 10,
            "max_connections": 256,
        },
    )
    return app


def broker_url(settings: StorageSettings, *, found: Node | None = None) -> str:
    """Celery's spelling of the Redis address: a socket is `redis+socket://`, and of several servers it knows one.

    Which one is really meant is found at each connection (`storage.primary`); *found* is for who looks for itself.
    """
    url, address = settings.url(), settings.address()
    if url.startswith("unix://"):
        return "redis+socket://" + url.removeprefix("unix://")
    if address.kind is Kind.SERVER:
        return url
    door = f"{quote(address.user or '', safe='')}:{quote(address.password, safe='')}@" if address.password else ""
    host, port = found or address.nodes[0]
    host = f"[{host}]" if ":" in host else host
    return f"{'rediss' if address.is_tls else 'redis'}://{door}{host}:{port}/{address.database}"
