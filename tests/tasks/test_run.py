"""A run on a worker: what the tool may do while others may stop it."""

import asyncio
import contextlib
import threading
from datetime import timedelta

import pytest
import structlog
from botocore.exceptions import ClientError

from storage import traces
from storage.changes import ChangeLog
from storage.connection import Redis
from storage.records import Claim, Principal, TaskRecord, new_id
from storage.seal import KeyRing
from storage.tasks import TaskStore
from tasks.outbox import WAITING
from tasks.run import ToolThread, WorkerRun
from tasks.settings import ToolSettings
from tasks.tool import Cancelled
from tests.spans import kept_spans
from tests.stand_ins.aws import CREDENTIALS, REGION
from tests.stand_ins.sts import ROLE, sts


@pytest.fixture
async def run(redis: Redis, ring: KeyRing) -> WorkerRun:
    """A run whose loop belongs to the test: nothing is sent while the test holds it."""
    record = TaskRecord(
        id=new_id(),
        tool="t",
        queue="default",
        principal=Principal(client_id="me", issuer="here", subject="me"),
        created_at=0,
        timeout_ms=1000,
    )
    claim = Claim(record=record, attempt=1, arguments=b"{}", progress=3.0, checkpoint=None)
    tasks = TaskStore(redis, ring, result_ttl=timedelta(minutes=1))
    changes = ChangeLog(redis, ring)
    return WorkerRun(claim, tasks, ToolSettings(), changes=changes, loop=asyncio.get_running_loop())


async def test_a_tools_thread_is_within_what_was_open_where_it_was_begun(run: WorkerRun):
    """Ours: its log lines name its task, and its own spans are below its attempt."""
    with (
        structlog.contextvars.bound_contextvars(task="mine"),
        kept_spans(),
        traces.span("attempt", "consumer", {}) as span,
    ):
        thread = ToolThread(run, lambda: (structlog.contextvars.get_contextvars(), traces.here()))
        thread.start()
        found = await asyncio.to_thread(thread.answer.result, 10)

    assert found == ({"task": "mine"}, span.context)


async def test_a_run_that_is_held_back_can_still_be_stopped(run: WorkerRun):
    """Ours: a tool that waits for room must not hold what the stop needs; the loop would wait for itself."""

    def shout() -> None:
        with contextlib.suppress(Cancelled):
            for _ in range(20):
                run.emit("x" * (WAITING // 4))

    tool = threading.Thread(target=shout, daemon=True)
    tool.start()
    tool.join(0.3)
    stopping = threading.Thread(target=run.stop, args=("timeout",), daemon=True)
    stopping.start()
    stopping.join(5)

    held, stopped = tool.is_alive(), not stopping.is_alive()
    run.outbox.close()
    tool.join(5)

    assert (held, stopped) == (True, True)
    assert run.stopped == "timeout"


async def test_after_a_stop_every_method_that_speaks_raises(run: WorkerRun):
    """Ours: Cancelled passes through a tool that does not look."""
    run.stop("cancelled")
    run.stop("timeout")

    assert (run.stopped, run.cancelled) == ("cancelled", True)
    for speak in (
        lambda: run.progress(9),
        lambda: run.emit("x"),
        lambda: run.log("info", "x"),
        lambda: run.sleep(timedelta(hours=1)),
        run.check,
    ):
        with pytest.raises(Cancelled):
            speak()


async def test_a_sleep_ends_when_the_run_is_stopped(run: WorkerRun):
    """Ours: at once, not when it is over."""
    ended = threading.Event()

    def sleep() -> None:
        with pytest.raises(Cancelled):
            run.sleep(timedelta(minutes=5))
        ended.set()

    thread = threading.Thread(target=sleep)
    thread.start()
    run.stop("cancelled")

    assert await asyncio.to_thread(ended.wait, 5)
    thread.join(5)


async def test_progress_goes_on_from_the_attempt_before(run: WorkerRun):
    """Ours: a number that is not higher than what the client has seen is not sent."""
    run.progress(2, 10)
    run.progress(3, 10)
    run.progress(4, 10)

    run.emit("word")
    assert run.outbox.waiting == 2


async def test_who_asks_late_to_hear_of_a_stop_hears_at_once(run: WorkerRun):
    """Ours: no stop is missed between two lines."""
    heard: list[str] = []
    run.on_stop(lambda: heard.append("early"))
    run.stop("drain")
    run.on_stop(lambda: heard.append("late"))

    assert heard == ["early", "late"]


async def test_a_run_works_in_the_role_of_its_principal(run: WorkerRun, monkeypatch: pytest.MonkeyPatch):
    """A54: what a worker asks AWS, it asks as whoever the task belongs to."""
    run.settings = ToolSettings(aws_region=REGION, aws_roles=(f"here|you={ROLE}-of-you", f"here|me={ROLE}"))
    with sts() as roles:
        roles.denies = "sts:AssumeRole"
        for name, value in (CREDENTIALS | roles.environment()).items():
            monkeypatch.setenv(name, value)
        with pytest.raises(ClientError, match="sts:AssumeRole"):
            await asyncio.to_thread(lambda: run.aws("ecs").list_clusters())

    assert [(each["RoleArn"], each["RoleSessionName"]) for each in roles.asked] == [(ROLE, "me")]
