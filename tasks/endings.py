"""Endings of tasks, counted by whichever process wrote them."""

from collections.abc import Mapping
from typing import Any, cast

from storage import metrics
from storage.events import Ended
from storage.records import TaskRecord
from storage.tasks import OnEnd


def counted(then: OnEnd) -> OnEnd:
    """Count an ending by its tool and status, then tell *then* of it."""

    def on_end(record: TaskRecord, ending: Ended) -> None:
        metrics.TASKS.labels(record.tool, status(ending)).inc()
        then(record, ending)

    return on_end


def status(ending: Ended) -> str:
    """How it ended; `error` for a tool that came to its end and said that it failed."""
    result = cast("Mapping[str, Any]", ending.outcome or {})
    return "error" if result.get("is_error") else ending.status
