"""What is measured: every metric of ours, declared here and nowhere else, as docs/monitoring.md tells them.

A process counts what it does itself and is a target of its own; what lies in Redis is in storage/gauges.py. Label
values are bounded: tools, queues, routes, reasons. Nothing of a principal, an argument or an id is ever one.
"""

from collections.abc import Iterable
from typing import Final

from prometheus_client import Counter, Gauge, Histogram, disable_created_metrics, start_http_server

from storage.errors import SettingsError
from storage.settings import MetricsSettings

disable_created_metrics()

QUICK: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
SLOW: Final = (0.01, 0.05, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0)

REQUESTS: Final = Counter("mcp_http_requests", "Requests that were answered.", ("method", "route", "rpc", "status"))
STREAMS: Final = Gauge("mcp_streams_open", "Event streams that are open.", ("route",))
FIRST_EVENT: Final = Histogram(
    "mcp_first_event_seconds", "From a request to the first message of its event stream.", buckets=SLOW
)
DELIVERY: Final = Histogram(
    "mcp_event_delivery_seconds", "From the write of a task's event to its place on the client's stream.", buckets=QUICK
)
SESSIONS_STARTED: Final = Counter("mcp_sessions_started", "Sessions of the handshake eras that began.")
SESSIONS_ENDED: Final = Counter("mcp_sessions_ended", "Sessions that were ended; idle ones expire uncounted.", ("by",))
REFUSALS: Final = Counter("mcp_refusals", "Requests that were refused.", ("reason",))
TOKENS: Final = Counter("mcp_oauth_tokens_issued", "Access tokens that were issued.", ("grant_type",))
ACCEPTED: Final = Counter("mcp_tasks_accepted", "Tasks that were accepted.", ("tool",))
TASKS: Final = Counter(
    "mcp_tasks", "Tasks that ended, counted by the process that wrote the ending.", ("tool", "status")
)
RUN: Final = Histogram("mcp_task_attempt_seconds", "How long one attempt at a task took.", ("tool",), buckets=SLOW)
QUEUE_WAIT: Final = Histogram(
    "mcp_queue_wait_seconds", "From accepting a task to its first claim.", ("queue",), buckets=SLOW
)
LEASES_LOST: Final = Counter("mcp_leases_lost", "Leases that ran out and were found by the reaper of this process.")
AWS_CALLS: Final = Counter(
    "mcp_aws_calls", "Calls of AWS after botocore's own retries.", ("service", "operation", "outcome")
)
BEDROCK_TOKENS: Final = Counter("mcp_bedrock_tokens", "Tokens that Bedrock says it counted.", ("model", "kind"))

DURATIONS: Final = (FIRST_EVENT, DELIVERY, RUN, QUEUE_WAIT)
COUNTS: Final = (
    REQUESTS,
    STREAMS,
    SESSIONS_STARTED,
    SESSIONS_ENDED,
    REFUSALS,
    TOKENS,
    ACCEPTED,
    TASKS,
    LEASES_LOST,
    AWS_CALLS,
    BEDROCK_TOKENS,
)


def serve(settings: MetricsSettings) -> None:
    """Show the metrics on a port of their own, from a thread, until the process ends.

    SettingsError when the port cannot be had.
    """
    if not settings.port:
        return
    try:
        start_http_server(settings.port, settings.host)
    except OSError as error:
        raise SettingsError(
            f"MCP_METRICS_PORT is {settings.port}, which cannot be used on {settings.host} ({error.strerror}): each "
            "process needs one of its own."
        ) from None


def names() -> Iterable[str]:
    """What the metrics are called on the wire."""
    for metric in (*COUNTS, *DURATIONS):
        for family in metric.describe():
            yield f"{family.name}_total" if family.type == "counter" else family.name
