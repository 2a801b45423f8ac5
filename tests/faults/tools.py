"""Tools that leave traces: what they did is told by their files, whatever Redis says of it."""

import os
import signal
from datetime import timedelta
from pathlib import Path

from tasks.tool import Run, tool


def _note(folder: str, run: Run, line: str) -> None:
    with (Path(folder) / run.id).open("a") as out:
        out.write(f"{line}\n")


def _lines(folder: str, run: Run) -> list[str]:
    file = Path(folder) / run.id
    return file.read_text().splitlines() if file.exists() else []


@tool(task="always", annotations={"idempotentHint": True}, timeout=300, max_attempts=20)
def work(run: Run, folder: str, number: int, steps: int, pause: float) -> dict[str, int]:
    """Do *steps* things once each, however often it is begun again; *number* makes a call another than the last."""
    del number
    done = run.resume() or 0
    for step in range(done, steps):
        run.sleep(timedelta(seconds=pause))
        if f"step {step}" not in _lines(folder, run):
            _note(folder, run, f"step {step}")
        run.progress(step + 1, steps, data={"attempt": run.attempt, "pid": os.getpid()})
        run.checkpoint(step + 1)
    return {"attempt": run.attempt, "steps": steps}


@tool(task="always", timeout=300)
def order(run: Run, folder: str, pause: float) -> str:
    """Must not be begun twice."""
    _note(folder, run, "begun")
    run.sleep(timedelta(seconds=pause))
    _note(folder, run, "done")
    return "ordered"


@tool(task="always", annotations={"readOnlyHint": True}, max_attempts=2)
def poison(run: Run, folder: str) -> str:
    """Kill the worker that runs it."""
    _note(folder, run, "begun")
    os.kill(os.getpid(), signal.SIGKILL)
    return "never"


@tool(annotations={"readOnlyHint": True}, timeout=300)
def ticks(run: Run, number: int, count: int, pause: float) -> str:
    """Report *count* times, and name the task; *number* makes a call another than the last."""
    del number
    for done in range(count):
        run.sleep(timedelta(seconds=pause))
        run.progress(done + 1, count, f"tick {done + 1}")
    return run.id


@tool(annotations={"readOnlyHint": True}, timeout=300)
def pour(run: Run, pieces: int, size: int) -> str:
    """Say *pieces* times *size* characters."""
    for _ in range(pieces):
        run.emit("x" * size)
        run.log("info", "poured")
    return "poured"
