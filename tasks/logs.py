"""Logs are events with fields: JSON outside a terminal, colours on one. Ids are bound once per request or job."""

import logging
import sys

import structlog
from structlog.typing import EventDict, Processor

from storage import traces
from tasks.settings import LogSettings

SECRETS = frozenset({"authorization", "cookie", "password", "secret", "token", "arguments"})


def configure(settings: LogSettings) -> None:
    """Send structlog's and the standard library's records through one chain to standard error."""
    level = logging.getLevelNamesMapping()[settings.level.upper()]
    console = settings.format == "console" or (settings.format == "auto" and sys.stderr.isatty())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        add_trace,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        redact,
    ]
    last: list[Processor] = (
        [structlog.dev.ConsoleRenderer()]
        if console
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    _quiet(level)


def add_trace(_: object, __: str, event: EventDict) -> EventDict:
    """Name the span that a line is written in, as OpenTelemetry's log data model does."""
    event.update(traces.ids())
    return event


def redact(_: object, __: str, event: EventDict) -> EventDict:
    """Mask the values of fields that hold secrets, whoever logs them; drop uvicorn's second, coloured message."""
    event.pop("color_message", None)
    for field in SECRETS & event.keys():
        event[field] = "[redacted]"
    return event


def _quiet(level: int) -> None:
    """Libraries that log each request, or whole tokens at debug level, speak from warning on."""
    for name in ("botocore", "boto3", "urllib3", "httpx", "httpcore", "httpx2", "authlib", "kombu", "amqp", "mcp"):
        logging.getLogger(name).setLevel(max(level, logging.WARNING))
    # Celery logs what a task returned; one line per job is ours to write.
    for name in ("celery.app.trace", "celery.worker.strategy"):
        logging.getLogger(name).setLevel(max(level, logging.WARNING))
