"""Our own programs with one safeguard broken, or its clock wrong: what the oracles must notice.

`python -m tests.faults.mutant <what> <command> ...` runs the command line with it.
"""

import sys
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Final

from api.cli.main import main
from storage import scripts, subscriber
from storage.tasks import TaskStore
from tasks import broker, reaper, runtime, worker


def _reaper_off() -> None:
    async def nothing(*_: object) -> int:
        return 0

    reaper.reap_once = nothing
    assert runtime.reap_forever is reaper.reap_forever


def _fence_off() -> None:
    """A writer whose attempt is over is believed."""
    for name in ("BEAT", "APPEND", "CHECKPOINT", "FINISH", "RELEASE"):
        script: str = getattr(scripts, name)
        fenced = "state[1] and state[2] == attempt and ("
        assert fenced in script
        setattr(scripts, name, script.replace(fenced, "state[1] and ("))


def _limit_off() -> None:
    """Attempts are not counted."""
    for name, counted in (("CLAIM", ">= most then return false"), ("REAP", "if attempt >= most then")):
        script: str = getattr(scripts, name)
        assert counted in script
        setattr(scripts, name, script.replace(counted, counted.replace(">= most", ">= 1000")))


def _rerun_all() -> None:
    """Tools that must not run twice are run twice."""
    assert "if rerun ~= '1' then" in scripts.REAP
    scripts.REAP = scripts.REAP.replace("if rerun ~= '1' then", "if false then")


def _silent() -> None:
    """Nothing of a task is published."""
    for name, script in vars(scripts).items():
        if name.isupper() and isinstance(script, str):
            setattr(scripts, name, script.replace("redis.call('PUBLISH', log, id .. ' ' .. payload)", ""))


def _tick_off() -> None:
    async def never(self: subscriber.Subscriber) -> None:
        del self

    subscriber.Subscriber._tick = never  # type: ignore[method-assign]  # noqa: SLF001


def _unbounded() -> None:
    """A slow reader's events all wait in memory."""
    subscriber.BUFFERED = 10**9  # type: ignore[misc]


def _skewed(seconds: float) -> Callable[[], None]:
    def skew() -> None:
        right = time.time
        time.time = lambda: right() + seconds

    return skew


def _impatient() -> None:
    """The broker delivers again what was not acknowledged for two seconds."""
    broker.VISIBILITY = timedelta(seconds=2)  # type: ignore[misc]


def _consumer_gone() -> None:
    """Celery's consumer is found dead five seconds after the start."""
    began = time.monotonic()

    def is_consuming(_: object) -> bool:
        return time.monotonic() < began + 5

    worker.is_consuming = is_consuming


def _accept_twice() -> None:
    """What is refused is kept all the same: an answer that is an error, and a task that runs."""
    accept = TaskStore.accept

    async def accepting(self: TaskStore, record: Any, arguments: bytes) -> None:
        await accept(self, record, arguments)
        raise ConnectionError

    TaskStore.accept = accepting


def _answers_lost() -> None:
    """Redis does what it is asked, and the first answer about each new task never arrives."""
    heard: set[tuple[str, str]] = set()

    def lose(what: str, call: Callable[..., Any]) -> Callable[..., Any]:
        async def losing(self: TaskStore, record: Any, *arguments: Any) -> Any:
            answer = await call(self, record, *arguments)
            name = (what, record if isinstance(record, str) else record.id)
            if name not in heard:
                heard.add(name)
                raise ConnectionError
            return answer

        return losing

    TaskStore.accept = lose("accept", TaskStore.accept)
    TaskStore.get = lose("get", TaskStore.get)


MUTATIONS: Final[Mapping[str, Callable[[], None]]] = {
    "reaper-off": _reaper_off,
    "fence-off": _fence_off,
    "limit-off": _limit_off,
    "rerun-all": _rerun_all,
    "silent": _silent,
    "tick-off": _tick_off,
    "silent-and-tick-off": lambda: (_silent(), _tick_off())[1],
    "unbounded": _unbounded,
    "consumer-gone": _consumer_gone,
    "impatient": _impatient,
    "ahead": _skewed(90),
    "behind": _skewed(-90),
    "refuse-and-run": _accept_twice,
    "answers-lost": _answers_lost,
}

if __name__ == "__main__":
    MUTATIONS[sys.argv.pop(1)]()
    main()
