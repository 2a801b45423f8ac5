"""Each ending is counted once, under what became of the task."""

import pytest

from storage.events import Ended
from storage.records import Principal, TaskRecord
from tasks.endings import counted, status
from tests.scraped import counted as total

RECORD = TaskRecord(
    id="a1",
    tool="echo",
    queue="default",
    principal=Principal(client_id="c", issuer="i", subject="s"),
    created_at=1,
    timeout_ms=1000,
)


@pytest.mark.parametrize(
    ("ending", "expected"),
    [
        (Ended(status="completed", outcome={"is_error": False}), "completed"),
        (Ended(status="completed", outcome={"is_error": True}), "error"),
        (Ended(status="cancelled"), "cancelled"),
        (Ended(status="interrupted", message="its worker died"), "interrupted"),
        (Ended(status="failed", error={"code": 1, "message": "no"}), "failed"),
    ],
)
def test_a_tool_that_says_it_failed_is_told_from_one_that_could_not_end(ending: Ended, expected: str):
    """Ours: the first is for its author, the second for the operator."""
    assert status(ending) == expected


def test_whoever_else_wants_to_know_is_told():
    """Ours: the audit trail hears of the same endings."""
    told: list[tuple[TaskRecord, Ended]] = []
    ending = Ended(status="cancelled")
    before = total("mcp_tasks_total", tool="echo", status="cancelled")

    counted(lambda record, how: told.append((record, how)))(RECORD, ending)

    assert told == [(RECORD, ending)]
    assert total("mcp_tasks_total", tool="echo", status="cancelled") == before + 1
