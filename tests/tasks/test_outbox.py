"""Between a tool that talks and a client that listens."""

import asyncio
import itertools
import threading
from collections.abc import Sequence

import pytest

from storage.events import Log, Progress, Text
from tasks.outbox import MOST_EVENTS, WAITING, Item, Outbox


class Post:
    """Collects batches; may be held up, or out of order."""

    def __init__(self) -> None:
        self.batches: list[tuple[int, list[Item]]] = []
        self.open = asyncio.Event()
        self.open.set()
        self.failures = 0
        self.arrived = asyncio.Event()

    async def send(self, batch: int, items: Sequence[Item]) -> None:
        await self.open.wait()
        if self.failures:
            self.failures -= 1
            raise ConnectionResetError
        self.batches.append((batch, list(items)))
        self.arrived.set()

    @property
    def items(self) -> list[Item]:
        return [item for _, items in self.batches for item in items]


@pytest.fixture
def post() -> Post:
    return Post()


async def test_the_first_event_leaves_at_once(post: Post):
    """True streaming: nothing waits for company."""
    outbox = Outbox(asyncio.get_running_loop(), post.send)
    outbox.put(1.0, Progress(done=1))

    await asyncio.wait_for(post.arrived.wait(), 1)

    assert post.items == [(1.0, Progress(done=1))]


async def test_a_flood_becomes_a_trickle_that_ends_with_the_last(post: Post):
    """Ours: coalesced, increasing, complete at the end."""
    outbox = Outbox(asyncio.get_running_loop(), post.send)

    def flood() -> None:
        for step in range(1, 10_001):
            outbox.put(float(step), Progress(done=step))

    await asyncio.to_thread(flood)
    await outbox.drain()

    numbers = [number for number, _ in post.items if number is not None]
    assert len(numbers) < 500
    assert all(first < second for first, second in itertools.pairwise(numbers))
    assert numbers[-1] == 10_000
    assert [batch for batch, _ in post.batches] == list(range(1, len(post.batches) + 1))


async def test_what_a_step_made_is_not_lost_behind_the_next_words(post: Post):
    """Ours: of what a tool only says the newest is enough; what it found must arrive, whatever it says right after."""
    outbox = Outbox(asyncio.get_running_loop(), post.send)

    def find() -> None:
        for step in range(0, 300, 3):
            outbox.put(step + 1.0, Progress(done=step + 1, message=f"found {step}", data={"finding": step}))
            outbox.put(step + 2.0, Progress(done=step + 2, message="looking on"))
            outbox.put(step + 3.0, Progress(done=step + 3, message="looking further"))

    await asyncio.to_thread(find)
    await outbox.drain()

    made = [event.data for _, event in post.items if isinstance(event, Progress) and event.data]
    assert made == [{"finding": step} for step in range(0, 300, 3)]


async def test_text_is_joined_and_never_lost_or_reordered(post: Post):
    """Ours: across logs and progress in between."""
    outbox = Outbox(asyncio.get_running_loop(), post.send)

    def talk() -> None:
        for piece in range(1000):
            outbox.put(piece * 1e-6, Text(text=f"<{piece}>", done=piece * 1e-6))
            if piece % 100 == 0:
                outbox.put(None, Log(level="info", message=str(piece)))

    await asyncio.to_thread(talk)
    await outbox.drain()

    events = [event for _, event in post.items]
    assert "".join(event.text for event in events if isinstance(event, Text)) == "".join(f"<{n}>" for n in range(1000))
    assert sum(isinstance(event, Log) for event in events) == 10


async def test_a_tool_that_says_more_than_redis_takes_is_held_back(post: Post):
    """Ours: memory stays bounded; the tool waits."""
    post.open.clear()
    outbox = Outbox(asyncio.get_running_loop(), post.send)
    said = threading.Event()

    def shout() -> None:
        for _ in range(40):
            outbox.put(None, Text(text="x" * (WAITING // 10), done=1.0))
        said.set()

    thread = asyncio.create_task(asyncio.to_thread(shout))
    held = not await asyncio.to_thread(said.wait, 0.2)
    post.open.set()
    await asyncio.wait_for(thread, 20)
    await outbox.drain()

    assert held
    assert sum(len(event.text) for _, event in post.items if isinstance(event, Text)) == 40 * (WAITING // 10)


async def test_events_wait_for_redis_to_come_back(post: Post):
    """Ours: the same batch is sent again, under the same number."""
    post.failures = 2
    outbox = Outbox(asyncio.get_running_loop(), post.send)
    outbox.put(1.0, Progress(done=1))

    await asyncio.wait_for(outbox.drain(), 10)

    assert [batch for batch, _ in post.batches] == [1]


async def test_after_the_end_nothing_more_is_sent(post: Post):
    """Ours: a tool that was left behind talks to nobody."""
    outbox = Outbox(asyncio.get_running_loop(), post.send)
    outbox.close()
    outbox.put(1.0, Progress(done=1))

    await outbox.drain()

    assert post.batches == []


async def test_a_flood_that_cannot_be_coalesced_is_held_back(post: Post):
    """Ours: a tool that logs without end neither fills this process nor Redis; nothing of it is lost."""
    outbox = Outbox(asyncio.get_running_loop(), post.send)

    def flood() -> None:
        for number in range(1000):
            outbox.put(None, Log(level="info", message=str(number)))

    await asyncio.to_thread(flood)
    await outbox.drain()

    assert [event.message for _, event in post.items if isinstance(event, Log)] == [str(each) for each in range(1000)]
    assert max(len(items) for _, items in post.batches) <= MOST_EVENTS
