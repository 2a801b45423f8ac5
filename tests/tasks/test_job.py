"""One job: claimed once, run once, ended once."""

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable, Coroutine, Generator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
from pydantic import SecretStr

from storage.background import cancel_all
from storage.changes import ChangeLog
from storage.connection import connect
from storage.events import Asked, Ended, Status, Withdrawn, replay
from storage.records import Principal, TaskRecord, new_id
from storage.results import ResultStore
from storage.seal import KeyRing
from storage.settings import StorageSettings
from storage.tasks import TaskStore
from tasks import job
from tasks.insist import insist
from tasks.job import execute, hold
from tasks.outcome import restored
from tasks.run import WorkerRun
from tasks.settings import ToolSettings
from tasks.tool import Elicitation, Run, Tool, ToolError, Unanswered, tool
from tests.servers import DurableValkey, ValkeyServer, until

ME = Principal(client_id="me", issuer="here", subject="me")
T = TypeVar("T")
NAME = Elicitation("Who?", {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]})
ADA = b'{"result":{"action":"accept","content":{"name":"Ada"}}}'


@tool
def fine(run: Run, number: int) -> dict[str, int]:
    """Do what it says."""
    run.progress(1, 1, "half-way")
    return {"number": number}


@tool
def refuses(run: Run) -> str:
    """Say what is wrong."""
    raise ToolError("give it less")


@tool
def lies(run: Run) -> dict[str, int]:
    """Return what its schema does not allow."""
    return {"number": "many"}  # pyright: ignore[reportReturnType]


@tool(annotations={"readOnlyHint": True})
def waits(run: Run) -> str:
    """Wait to be stopped."""
    run.sleep(timedelta(seconds=60))
    return "never"


@tool
def remembers(run: Run) -> dict[str, Any]:
    """Keep something, and say what was kept before."""
    before = run.resume()
    run.checkpoint({"kept": 1})
    return {"before": before, "attempt": run.attempt}


@tool(annotations={"readOnlyHint": True})
def asks(run: Run) -> str:
    """Ask for a name, and do without when nobody answers."""
    try:
        answer = run.ask(NAME, key="name")
    except Unanswered as error:
        return f"nobody: {error}"
    return f"hello {answer.content['name']} in attempt {run.attempt}"


@tool(keep=timedelta(minutes=5))
def keeps(run: Run) -> dict[str, int]:
    """Return what can be read again."""
    return {"kept": 1}


@tool
def keeps_more(run: Run) -> str:
    """Keep a document beside the result, and say where."""
    return run.keep("evidence", {"lines": [1, 2, 3]})


OUTAGE: dict[str, Callable[[], object]] = {}
ENDS: list[threading.Timer] = []
"""Of outages."""


@tool
def outlives_an_outage(run: Run) -> str:
    """Keep something, ask for nothing, and return while Redis is away; it must not run twice."""
    _break_off()
    run.checkpoint({"kept": 1})
    run.changed("tools")
    _break_off()
    return "done"


def _break_off() -> None:
    OUTAGE["begin"]()
    ENDS.append(threading.Timer(1.5, OUTAGE["end"]))
    ENDS[-1].start()


TOOLS: dict[str, Tool] = {
    each.name: each for each in (fine, refuses, lies, waits, remembers, asks, keeps, keeps_more, outlives_an_outage)
}


class Worker:
    """The part of a worker process that a job needs: a loop in a thread, and the store."""

    def __init__(self, url: str, ring: KeyRing) -> None:
        self.worker = "test"
        self.settings = ToolSettings(ask_timeout=timedelta(seconds=1.5))
        self.loop = asyncio.new_event_loop()
        self.runs: dict[str, WorkerRun] = {}
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()
        self._redis = connect(StorageSettings(redis_url=SecretStr(url)))
        self.tasks = TaskStore(self._redis, ring, result_ttl=timedelta(minutes=1))
        self.results = ResultStore(self._redis, ring)
        self.changes = ChangeLog(self._redis, ring)

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(20)

    def insist(self, work: Callable[[], Awaitable[T]], what: str) -> T | None:
        return self.call(insist(work, what, until=lambda: False))

    def find_tool(self, name: str) -> Tool | None:
        return TOOLS.get(name)

    def watch(self, run: WorkerRun) -> Callable[[], None]:
        self.runs[run.id] = run
        return lambda: None

    def accept(
        self, name: str, arguments: bytes = b"{}", *, timeout: float = 20, asks: tuple[str, ...] = ()
    ) -> TaskRecord:
        record = TaskRecord(
            id=new_id(),
            tool=name,
            queue="default",
            principal=ME,
            created_at=1,
            timeout_ms=int(timeout * 1000),
            rerun=name in ("waits", "asks"),
            asks=asks,
        )
        self.call(self.tasks.accept(record, arguments))
        return record

    def ending(self, record: TaskRecord) -> Ended:
        ending = self.call(self.tasks.ending(record))
        assert ending is not None
        return ending

    def log_of(self, record: TaskRecord) -> list[tuple[str, bytes]]:
        return self.call(replay(self._redis, self.tasks.log_of(record), after="0-0"))

    def close(self) -> None:
        # A beat may still be on its way, and a loop must not be closed on it.
        self.call(cancel_all(asyncio.all_tasks(self.loop)))
        self.call(self._redis.aclose())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(5)
        self.loop.close()


@pytest.fixture
def worker(valkey: ValkeyServer, ring: KeyRing) -> Generator[Worker]:
    valkey.flush(0)
    made = Worker(valkey.url(0), ring)
    yield made
    made.close()
    assert valkey.immortal_keys(0) == []


def test_a_tool_runs_and_its_result_is_the_last_event(worker: Worker):
    """Ours: no result backend."""
    record = worker.accept("fine", b'{"number": 7}')

    assert execute(worker, record.id) == "completed"

    assert restored(worker.ending(record).outcome).structured == {"number": 7}


def test_a_duplicate_delivery_is_dropped(worker: Worker):
    """Ours: of ten deliveries at once one runs; a late one finds the task ended."""
    record = worker.accept("fine", b'{"number": 7}')

    with ThreadPoolExecutor(10) as threads:
        answers = list(threads.map(execute, [worker] * 10, [record.id] * 10))

    assert sorted(answers) == ["completed", *["dropped"] * 9]
    assert execute(worker, record.id) == "dropped"
    assert execute(worker, new_id()) == "dropped"


def test_a_failure_meant_for_the_caller_is_told_in_its_words(worker: Worker):
    """MCP, tools: a tool's failure is a result with isError."""
    record = worker.accept("refuses")
    execute(worker, record.id)

    result = restored(worker.ending(record).outcome)

    assert (result.is_error, result.content[0]) == (True, result.content[0])
    assert "give it less" in str(result.content)


@pytest.mark.parametrize(("name", "arguments"), [("lies", b"{}"), ("fine", b'{"number": "x"}'), ("nobody", b"{}")])
def test_what_cannot_be_run_right_ends_with_a_sentence(worker: Worker, name: str, arguments: bytes):
    """Ours: whatever happens, the ending is written."""
    record = worker.accept(name, arguments)

    assert execute(worker, record.id) == "completed"

    result = restored(worker.ending(record).outcome)
    assert result.is_error
    assert "Traceback" not in str(result.content)


def run_waiting(worker: Worker, record: TaskRecord, stop: Callable[[WorkerRun], object]) -> str:
    """Execute a task, stop it once it runs, and say how it ended."""
    with ThreadPoolExecutor(1) as threads:
        answer = threads.submit(execute, worker, record.id)
        until(lambda: record.id in worker.runs, "the run")
        stop(worker.runs[record.id])
        return answer.result(20)


def test_a_cancelled_run_ends_cancelled(worker: Worker):
    """Ours: and says so once."""
    record = worker.accept("waits")

    assert run_waiting(worker, record, lambda run: run.stop("cancelled")) == "cancelled"
    assert worker.ending(record).status == "cancelled"


def test_a_heart_ends_with_its_lease_though_nobody_could_stop_it(worker: Worker, monkeypatch: pytest.MonkeyPatch):
    """Ours: Python 3.11 can lose a cancellation, and the heart of a run long over would beat on."""
    monkeypatch.setattr(job, "LEASE", timedelta(milliseconds=30))
    record = worker.accept("fine", b'{"number": 7}')
    execute(worker, record.id)

    worker.call(hold(worker.tasks, worker.runs[record.id]))


def test_a_run_that_must_let_go_returns_to_the_queue_and_runs_again(worker: Worker):
    """Ours: draining costs a run nothing but time."""
    record = worker.accept("waits")

    assert run_waiting(worker, record, lambda run: run.stop("drain")) == "released"
    worker.runs.clear()
    assert run_waiting(worker, record, lambda run: run.stop("cancelled")) == "cancelled"


def test_a_time_limit_ends_the_run(worker: Worker):
    """Ours: with the limit in the sentence."""
    record = worker.accept("waits", timeout=0.3)

    assert execute(worker, record.id) == "failed"
    assert "0.3 s" in worker.ending(record).message


def test_a_checkpoint_is_kept_for_the_next_attempt(worker: Worker):
    """Ours: what an attempt kept, the next resumes from."""
    record = worker.accept("remembers")
    execute(worker, record.id)

    assert restored(worker.ending(record).outcome).structured == {"before": None, "attempt": 1}


def test_a_question_waits_for_its_answer_and_the_answer_counts_once(worker: Worker):
    """Ours: the client answers anywhere; the first answer is the answer."""
    record = worker.accept("asks", asks=("elicitation",))
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(execute, worker, record.id)
        until(lambda: worker.call(worker.tasks.open_questions(record)), "the question")
        status = worker.call(worker.tasks.get(record.id, ME))[1].status
        taken = worker.call(worker.tasks.answer(record, "name", ADA))
        again = worker.call(worker.tasks.answer(record, "name", ADA.replace(b"Ada", b"Eve")))
        worker.runs[record.id].asking.wake()

        assert running.result(10) == "completed"

    assert (status, taken, again) == ("input_required", True, False)
    assert "hello Ada in attempt 1" in str(worker.ending(record).outcome)
    assert worker.call(worker.tasks.answer(record, "name", ADA)) is False


def test_an_answer_survives_the_attempt_that_asked(worker: Worker):
    """Ours: a worker that died after the question does not make the client answer again."""
    record = worker.accept("asks", asks=("elicitation",))
    claim = worker.call(worker.tasks.claim(record, "dies"))
    assert claim is not None
    worker.call(worker.tasks.ask(claim, {"name": {"type": "elicitation", "message": "Who?", "schema": {}}}))
    worker.call(worker.tasks.answer(record, "name", ADA))
    worker.call(worker.tasks.release(claim))

    assert execute(worker, record.id) == "completed"

    assert "hello Ada in attempt 2" in str(worker.ending(record).outcome)


def test_a_question_nobody_answers_is_taken_back(worker: Worker):
    """Ours: the tool learns it at MCP_ASK_TIMEOUT, and a late answer finds nothing open."""
    record = worker.accept("asks", asks=("elicitation",))

    assert execute(worker, record.id) == "completed"

    assert "nobody: Your client did not answer within 1.5 s" in str(worker.ending(record).outcome)
    log = [worker.tasks.decode(record, payload) for _, payload in worker.log_of(record)]
    assert [type(event) for event in log] == [Status, Status, Asked, Withdrawn, Status, Ended]


def test_waiting_for_an_answer_is_not_on_the_tools_clock(worker: Worker):
    """Ours: a person may take longer than the tool may."""
    record = worker.accept("asks", timeout=0.5, asks=("elicitation",))

    assert execute(worker, record.id) == "completed"

    assert "nobody" in str(worker.ending(record).outcome)


def test_a_client_that_takes_no_questions_is_told_so_at_once(worker: Worker):
    """MCP, capabilities: what was not declared is not used."""
    record = worker.accept("asks")

    assert execute(worker, record.id) == "completed"

    ending = worker.ending(record)
    assert ending.missing == "elicitation"
    assert restored(ending.outcome).is_error


def test_a_wish_to_cancel_ends_the_wait(worker: Worker):
    """Ours: a run that waits for a person can be stopped like any other."""
    record = worker.accept("asks", asks=("elicitation",))
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(execute, worker, record.id)
        until(lambda: worker.call(worker.tasks.open_questions(record)), "the question")
        worker.runs[record.id].stop("cancelled")

        assert running.result(10) == "cancelled"

    assert worker.call(worker.tasks.open_questions(record)) == {}


def test_a_result_that_is_kept_can_be_read_before_the_ending_is_heard(worker: Worker):
    """Ours: whoever is told of the end finds the result."""
    record = worker.accept("keeps")

    execute(worker, record.id)

    assert b'"kept":1' in worker.call(worker.results.get(record.id, ME))


def test_a_document_is_kept_beside_the_result_for_whoever_gets_it(worker: Worker):
    """Ours: evidence that is too long for an answer can be read in full."""
    record = worker.accept("keeps_more")

    assert execute(worker, record.id) == "completed"

    stored = json.loads(worker.call(worker.results.get(f"{record.id}/evidence", ME)))
    assert stored["structured"] == {"lines": [1, 2, 3]}
    assert f"result://{record.id}/evidence" in json.dumps(worker.ending(record).outcome)


def test_a_run_outlives_an_outage_of_redis(tmp_path: Path, ring: KeyRing):
    """Ours: what it keeps and how it ended is said until it is heard; a tool that must not run twice need not."""
    with DurableValkey(tmp_path) as server:
        OUTAGE.update(begin=server.kill, end=server.start)
        worker = Worker(server.url(0), ring)
        record = worker.accept("outlives_an_outage")

        ending = execute(worker, record.id)

        found = worker.call(worker.tasks.ending(record))
        worker.close()
        for end in ENDS:
            end.join(20)
    assert ending == "completed"
    assert found is not None
    assert found.status == "completed"
