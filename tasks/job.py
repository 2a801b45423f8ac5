"""One job: claim a task, run its tool, write how it ended. Whatever happens, the ending is written once."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, Final, Protocol, TypeVar

import msgspec
import structlog
from pydantic import ValidationError

from storage import metrics
from storage.changes import ChangeLog
from storage.connection import RedisError, Unavailable
from storage.errors import Unreadable
from storage.events import Ended
from storage.records import Claim, TaskRecord, new_id
from storage.results import ResultStore
from storage.tasks import LEASE, TaskStore
from tasks import traced
from tasks.errors import Cancelled, ProtocolError, ToolError, Unsupported
from tasks.large import fitting
from tasks.outcome import finished, outcome, own_error
from tasks.result import Result, failure
from tasks.run import Stop, ToolThread, WorkerRun
from tasks.schema import InvalidArguments
from tasks.settings import ToolSettings
from tasks.tool import Tool

PATIENCE: Final = timedelta(seconds=5)
"""How long a tool that was asked to stop may take before its thread is left behind."""

log = structlog.get_logger(__name__)
T = TypeVar("T")


class Runtime(Protocol):
    """What a job needs of the process it runs in."""

    loop: asyncio.AbstractEventLoop
    tasks: TaskStore
    results: ResultStore
    changes: ChangeLog
    settings: ToolSettings
    worker: str

    def insist(self, work: Callable[[], Awaitable[T]], what: str) -> T | None:
        """Do *work* in the loop, as soon as Redis lets it; None when this process must end before."""
        ...

    def find_tool(self, name: str) -> Tool | None: ...
    def watch(self, run: WorkerRun) -> Callable[[], None]: ...


def execute(runtime: Runtime, task_id: str) -> str:
    """Run the tool of a task, if it is ours to run; the answer is how that went, for the log."""
    token = new_id()
    claim = runtime.insist(lambda: _claim(runtime, task_id, token), "a claim")
    if claim is None:
        log.info("delivery dropped: another has the task, or it has ended", task=task_id)
        return "dropped"
    about = {"task": claim.record.id, "tool": claim.record.tool, "attempt": claim.attempt}
    with structlog.contextvars.bound_contextvars(**about), traced.attempt(claim):
        started = time.monotonic()
        ending = _attempt(runtime, claim)
        seconds = round(time.monotonic() - started, 3)
        metrics.RUN.labels(claim.record.tool).observe(seconds)
        log.info("job ended", status=ending, seconds=seconds, principal=str(claim.record.principal))
        return ending


async def _claim(runtime: Runtime, task_id: str, token: str) -> Claim | None:
    record = await runtime.tasks.find(task_id)
    try:
        claim = None if record is None else await runtime.tasks.claim(record, runtime.worker, token)
    except Unreadable as error:
        log.warning("job refused: what is stored of it was changed", task=task_id, error=str(error))
        return None
    if claim is not None and claim.attempt == 1:
        # Two machines' clocks: where they differ, it may look negative.
        metrics.QUEUE_WAIT.labels(claim.record.queue).observe(max(0.0, time.time() - claim.record.created_at / 1000))
    return claim


def _attempt(runtime: Runtime, claim: Claim) -> str:
    tool = runtime.find_tool(claim.record.tool)
    run = WorkerRun(claim, runtime.tasks, runtime.settings, changes=runtime.changes, loop=runtime.loop)
    unwatch = runtime.watch(run)
    heart = asyncio.run_coroutine_threadsafe(_beat(runtime.tasks, run), runtime.loop)
    try:
        result = _unknown(claim.record) if tool is None else _run(tool, run)
        if tool is not None and result is not None:
            given = tool, result
            result = runtime.insist(lambda: _kept(runtime, given[0], run, given[1]), "a result")
            if result is None:
                return "lost"
        return runtime.insist(lambda: _end(runtime.tasks, run, result), "an ending") or "lost"
    finally:
        unwatch()
        heart.cancel()
        run.outbox.close()
        run.close()


async def _beat(tasks: TaskStore, run: WorkerRun) -> None:
    """Hold the lease, and hear of a cancellation or of its loss; end the run when its time is over."""
    limit = asyncio.create_task(_limit(run))
    try:
        await hold(tasks, run)
    finally:
        limit.cancel()


async def _limit(run: WorkerRun) -> None:
    """End the run when its time is over; time spent waiting for the client's answers is not its own."""
    clock = asyncio.get_running_loop().time
    end = clock() + run.claim.record.timeout_ms / 1000
    while not run.cancelled:
        left = end + run.asking.waited - clock()
        if left <= 0:
            run.stop("timeout")
            return
        await asyncio.sleep(max(left, 0.5) if run.asking.waited else left)


async def hold(tasks: TaskStore, run: WorkerRun) -> None:
    """Beat until the lease is another's or nobody's; being cancelled is not enough (storage/background.py)."""
    while True:
        await asyncio.sleep(LEASE.total_seconds() / 3)
        try:
            standing = await tasks.beat(run.claim)
        except (RedisError, *Unavailable) as error:
            # A missed beat is no reason to stop: the lease decides.
            log.warning("heartbeat failed", error=str(error))
            continue
        if standing == "cancel":
            run.stop("cancelled")
        elif standing == "lost":
            run.stop("lost")
            return


def _run(tool: Tool, run: WorkerRun) -> Result | None:
    """What the tool made of it; None when it was stopped."""
    try:
        arguments = tool.arguments.parse(run.claim.arguments)
    except InvalidArguments as error:
        return failure(str(error))
    thread = ToolThread(run, lambda: _call(tool, run, arguments))
    thread.start()
    if not thread.wait(PATIENCE):
        log.warning("tool does not listen, its thread is left behind")
        return None
    return None if run.stopped else _result(tool, run, thread)


def _call(tool: Tool, run: WorkerRun, arguments: dict[str, Any]) -> Any:  # noqa: ANN401  # what the tool returns
    if not tool.is_coroutine:
        return tool.call(run, arguments)
    return asyncio.run(_call_coroutine(tool, run, arguments))


async def _call_coroutine(tool: Tool, run: WorkerRun, arguments: dict[str, Any]) -> Any:  # noqa: ANN401
    """Await the tool in a loop of its own; a request to stop cancels it where it waits."""
    loop, task = asyncio.get_running_loop(), asyncio.ensure_future(tool.call(run, arguments))

    def cancel() -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(task.cancel)

    run.on_stop(cancel)
    return await task


def _result(tool: Tool, run: WorkerRun, thread: ToolThread) -> Result:
    try:
        return finished(tool, thread.answer.result(), run.attached)
    except ToolError as error:
        run.missing = error.kind if isinstance(error, Unsupported) else ""
        return failure(str(error))
    except ProtocolError as error:
        run.error = error.plain()
        return failure(str(error))
    except (Cancelled, asyncio.CancelledError):
        return failure(f"{tool.name} stopped itself")
    except ValidationError as error:
        log.exception("tool returned what its output schema does not allow", errors=error.error_count())
        return failure(own_error(tool.name, run.id))
    except Exception:
        log.exception("tool failed")
        return failure(own_error(tool.name, run.id))


def _unknown(record: TaskRecord) -> Result:
    return failure(f"this worker does not know the tool {record.tool}: give web and workers the same MCP_TOOL_MODULES.")


async def _kept(runtime: Runtime, tool: Tool, run: WorkerRun, result: Result) -> Result:
    """Let the result be read again where it must; before the ending, so that whoever hears of it can."""
    if not result.is_error:
        for name, document in run.kept.items():
            if len(document) > runtime.settings.result_limit:
                return failure(f"{tool.name} keeps {len(document)} bytes as {name}, too many: ask it for less.")
            await runtime.results.add(f"{run.id}/{name}", run.principal, document, keep=runtime.tasks.result_ttl)
    if tool.keep and not result.is_error:
        await runtime.results.add(run.id, run.principal, msgspec.json.encode(outcome(result)), keep=tool.keep)
    return await fitting(
        result,
        runtime.results,
        runtime.settings,
        record=run.claim.record,
        keep=runtime.tasks.result_ttl,
    )


async def _end(tasks: TaskStore, run: WorkerRun, result: Result | None) -> str:
    """Send what is left to say and write the ending; the answer is the status, or why there is none to write."""
    if run.stopped == "lost":
        return _let_go("lost")
    if run.stopped == "drain" and run.claim.record.rerun:
        await run.outbox.drain()
        return _let_go("released" if await tasks.release(run.claim) else "lost")
    ending = _ending(run, result)
    await run.outbox.drain()
    if not await tasks.finish(run.claim, ending):
        return _let_go("lost")
    traced.ended(ending)
    return ending.status


def _let_go(why: str) -> str:
    traced.let_go(why)
    return why


def _ending(run: WorkerRun, result: Result | None) -> Ended:
    if run.stopped or result is None:
        return _stopped(run, run.stopped)
    if run.error:
        return Ended(status="failed", message=run.error["message"], error=run.error)
    return Ended(status="completed", outcome=outcome(result), missing=run.missing)


def _stopped(run: WorkerRun, reason: Stop | None) -> Ended:
    record = run.claim.record
    match reason:
        case "timeout":
            limit = record.timeout_ms / 1000
            return Ended(status="failed", message=f"{record.tool} was stopped: it took longer than its {limit:g} s")
        case "drain":
            return Ended(
                status="interrupted",
                message=f"the worker of {record.tool} was stopped, and this tool must not run twice: "
                "check what it did, then call it again",
            )
        case _:
            return Ended(status="cancelled", message=f"{record.tool} was cancelled")
