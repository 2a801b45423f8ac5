"""One web process: uvicorn around the application."""

import contextlib
import resource
import signal
import sys
from types import FrameType

import uvicorn

from api.app import create_app
from api.deadlines import patient
from api.settings import Settings
from storage import metrics, tracing
from tasks.logs import configure

GRACE = 5
"""Seconds beyond the drain period until open connections are cut: without a limit one open stream blocks the end."""


def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT, then drain."""
    configure(settings.log)
    metrics.serve(settings.metrics)
    tracing.start("web", settings.traces)
    _allow_many_files()
    config = uvicorn.Config(
        create_app(settings),
        host=settings.web.host,
        port=settings.web.port,
        http=patient(headers=settings.web.header_timeout, body=settings.web.body_timeout),
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws="none",
        timeout_keep_alive=75,
        timeout_graceful_shutdown=int(settings.worker.drain_timeout.total_seconds()) + GRACE,
    )
    server = uvicorn.Server(config)

    def done(number: int, frame: FrameType | None) -> None:
        """Uvicorn drains on these signals and raises them again at the end: by then all is done, a success."""
        if not server.started:
            sys.exit(0)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, done)
    try:
        server.run()
    finally:
        tracing.stop()


def _allow_many_files() -> None:
    """Every open stream is a file: many systems allow a process 1,024 unless it asks for what it may have."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
