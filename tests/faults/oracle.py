"""What became of the tasks, told from what is stored and from the files their tools left (invariants I1 to I4, I8)."""

import asyncio
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, fields
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

from storage.connection import Redis, connect
from storage.events import Ended, Event, Progress, Status, replay
from storage.seal import KeyRing, decode_key
from storage.tasks import TaskStore
from tests.faults.load import Listener
from tests.faults.site import Site
from tests.redis_client import settings_of


@dataclass
class Story:
    """One accepted task: its events with the time of each, in order, and what it left in its file."""

    task: str
    tool: str
    events: list[tuple[float, Event]]
    effects: list[str]
    max_attempts: int

    @property
    def endings(self) -> list[Ended]:
        return [event for _, event in self.events if isinstance(event, Ended)]

    @property
    def claims(self) -> list[float]:
        """When each attempt began."""
        return [at for at, _ in self.attempts]

    @property
    def attempts(self) -> list[tuple[float, int]]:
        """When each attempt began, and in which process."""
        statuses = [(at, event) for at, event in self.events if isinstance(event, Status)]
        return [
            (at, int(event.worker.rpartition(":")[2]))
            for at, event in statuses
            if event.status == "working" and event.worker
        ]

    @property
    def steps(self) -> list[float]:
        return [event.done for _, event in self.events if isinstance(event, Progress)]

    @property
    def out_of_order(self) -> int:
        """Events that came after the ending, and progress that did not grow."""
        ended = [place for place, (_, event) in enumerate(self.events) if isinstance(event, Ended)]
        late = len(self.events) - 1 - ended[0] if ended else 0
        return sum(after <= before for before, after in pairwise(self.steps)) + late

    @property
    def stale(self) -> int:
        """Events of an attempt that another had taken over from."""
        found, newest = 0, 0
        for _, event in self.events:
            if isinstance(event, Status) and event.status == "working":
                newest += 1
            elif (attempt := _attempt(event)) is not None and attempt < newest:
                found += 1
        return found

    @property
    def duplicate_effects(self) -> int:
        return len(self.effects) - len(set(self.effects))


@dataclass
class Verdict:
    """The row of a fault in the report. All but the first, the slowest recovery and the note must be zero."""

    accepted: int = 0
    lost: int = 0
    ended_twice: int = 0
    duplicate_effects: int = 0
    out_of_order: int = 0
    stale_writes: int = 0
    too_many_attempts: int = 0
    refused_and_run: int = 0
    slowest_recovery: float = 0.0
    note: str = ""
    stories: list[Story] = field(default_factory=list[Story], repr=False)

    @property
    def violations(self) -> dict[str, int]:
        """What is not as promised."""
        told = {each.name: getattr(self, each.name) for each in fields(self)[1:8]}
        return {name: count for name, count in told.items() if count}


def judge(
    site: Site, accepted: Sequence[str], *, kills: Mapping[int, float] | None = None, within: float = 60.0
) -> Verdict:
    """Wait until every accepted task has ended, or so long, and look. *kills*: when which process was."""
    return asyncio.run(_judge(site, accepted, kills or {}, within))


def compare(site: Site, listeners: Sequence[Listener], note: str = "") -> Verdict:
    """What clients heard, against what the logs of their calls hold."""
    return asyncio.run(_compare(site, listeners, note))


async def _compare(site: Site, listeners: Sequence[Listener], note: str) -> Verdict:
    async with _opened(site) as (redis, tasks):
        stories = [await _story(tasks, redis, listener.task or "", site.effects) for listener in listeners]
    said = [story.steps if story else [] for story in stories]
    unlike = [(each, steps) for each, steps in zip(listeners, said, strict=True) if each.steps != steps]
    if unlike:
        listener, steps = unlike[0]
        note = f"{len(unlike)} heard other than was logged; {listener.task}: {listener.steps}, not {steps}"
    return Verdict(
        accepted=len(listeners),
        lost=sum(listener.task is None for listener in listeners),
        out_of_order=sum(max(1, len(set(steps) ^ set(listener.steps))) for listener, steps in unlike),
        slowest_recovery=max((each for listener in listeners for each in listener.resumed), default=0.0),
        note=note,
    )


@asynccontextmanager
async def _opened(site: Site) -> AsyncGenerator[tuple[Redis, TaskStore]]:
    redis = connect(settings_of(site.stack.settings))
    ring = KeyRing([decode_key(site.stack.settings["MCP_SECRET_KEYS"])])
    try:
        yield redis, TaskStore(redis, ring, result_ttl=timedelta(hours=1))
    finally:
        await redis.aclose()


async def _judge(site: Site, accepted: Sequence[str], kills: Mapping[int, float], within: float) -> Verdict:
    async with _opened(site) as (redis, tasks):
        await _all_ended(tasks, accepted, time.monotonic() + within)
        stories = [await _story(tasks, redis, task_id, site.effects) for task_id in accepted]
    known = [story for story in stories if story is not None]
    strangers = {file.name for file in site.effects.iterdir()} - set(accepted)
    return Verdict(
        accepted=len(accepted),
        lost=len(stories) - len(known) + sum(not story.endings for story in known),
        ended_twice=sum(len(story.endings) > 1 for story in known),
        duplicate_effects=sum(story.duplicate_effects for story in known),
        out_of_order=sum(story.out_of_order for story in known),
        stale_writes=sum(story.stale for story in known),
        too_many_attempts=sum(len(story.claims) > story.max_attempts for story in known),
        refused_and_run=len(strangers),
        slowest_recovery=max((_recovery(story, kills) for story in known), default=0.0),
        stories=known,
    )


async def _all_ended(tasks: TaskStore, accepted: Sequence[str], deadline: float) -> None:
    waiting = list(accepted)
    while waiting and time.monotonic() < deadline:
        records = [(task_id, await tasks.find(task_id)) for task_id in waiting]
        waiting = [task_id for task_id, record in records if record is not None and not await tasks.ending(record)]
        await asyncio.sleep(0.2)


async def _story(tasks: TaskStore, redis: Redis, task_id: str, effects: Path) -> Story | None:
    record = await tasks.find(task_id)
    if record is None:
        return None
    entries = await replay(redis, tasks.log_of(record), after="0-0", count=100_000)
    events = [(int(entry.partition("-")[0]) / 1000, tasks.decode(record, payload)) for entry, payload in entries]
    file = effects / task_id
    lines = file.read_text().splitlines() if file.exists() else []
    return Story(task_id, record.tool, events, lines, record.max_attempts)


def _recovery(story: Story, kills: Mapping[int, float]) -> float:
    """The longest from the kill of the process that had the task to its next attempt."""
    pairs = [(kills[pid], after) for (_, pid), (after, _) in pairwise(story.attempts) if pid in kills]
    return max((after - killed for killed, after in pairs), default=0.0)


def _attempt(event: Event) -> int | None:
    """The number of the attempt that wrote *event*, if its tool says."""
    data: Any = None
    if isinstance(event, Progress):
        data = event.data
    elif isinstance(event, Ended) and event.outcome:
        data = event.outcome["structured"]
    return data["attempt"] if data else None
