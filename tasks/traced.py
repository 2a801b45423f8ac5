"""What becomes of a call after it was accepted, as its trace shows it: its message, and each attempt at its task."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

from storage import traces
from storage.events import Ended
from storage.records import Claim, TaskRecord
from tasks.endings import status

SYSTEM: Final = "celery"
ATTEMPT: Final = "mcp_playground.task.attempt"
STATUS: Final = "mcp_playground.task.status"
_FINE: Final = frozenset({"completed", "cancelled"})


@contextmanager
def accepting(queue: str) -> Generator[traces.Span]:
    """Making a task: the span that each attempt at it is below, and each message that wakes a worker for it."""
    with traces.span(f"create {queue}", "producer", _messaging("create", queue)) as span:
        yield span


@contextmanager
def sending(record: TaskRecord) -> Generator[traces.Span]:
    """Sending a message for a task, the first or one after a worker was lost."""
    parent = traces.of_task(record.meta)
    attributes = {**_messaging("send", record.queue), "messaging.message.id": record.id}
    with traces.span(f"send {record.queue}", "client", attributes, parent=parent) as span:
        yield span


@contextmanager
def attempt(claim: Claim) -> Generator[traces.Span]:
    """One attempt at a task, in the trace that the task was accepted in, whichever worker makes it."""
    record = claim.record
    attributes: traces.Attributes = {
        **_messaging("process", record.queue),
        "messaging.message.id": record.id,
        "gen_ai.tool.name": record.tool,
        ATTEMPT: claim.attempt,
    }
    parent = traces.of_task(record.meta)
    with traces.span(f"process {record.queue}", "consumer", attributes, parent=parent) as span:
        yield span


def ended(ending: Ended) -> None:
    """Say of the attempt that is under way how its task ended, in a word."""
    span, word = traces.current(), status(ending)
    span.note({STATUS: word})
    if word not in _FINE:
        span.fail("tool_error" if word == "error" else word)


def let_go(why: str) -> None:
    """Say of the attempt that is under way why its task goes on without it."""
    span = traces.current()
    span.note({STATUS: why})
    if why == "lost":
        span.fail("lease_lost")


def _messaging(operation: str, queue: str) -> traces.Attributes:
    """OpenTelemetry's conventions for messaging, which take the name of a system they do not know."""
    return {
        "messaging.system": SYSTEM,
        "messaging.operation.name": operation,
        "messaging.operation.type": operation,
        "messaging.destination.name": queue,
    }
