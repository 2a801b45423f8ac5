"""What happens to responses when the process is told to stop."""

import asyncio
import contextlib
from dataclasses import dataclass, field
from datetime import timedelta

from mcp.types import RequestId

from api.mcp.answer import Why
from api.mcp.inflight import InFlight
from storage.control import Opened
from storage.records import Session


@dataclass(eq=False)
class Written:
    """A response that notes why it was stopped."""

    is_resumable: bool = False
    session: Session | None = None
    request_id: RequestId | None = 1
    stream: str = "s"
    opener: str = ""
    opened_by: Opened | None = None
    whys: list[Why] = field(default_factory=list[Why])
    stopped: asyncio.Event = field(default_factory=asyncio.Event)

    def stop(self, why: Why) -> None:
        if not self.whys:
            self.whys.append(why)
        self.stopped.set()


async def test_what_begins_after_the_signal_is_sent_away_too():
    """Ours: a request that was on its way when SIGTERM came would else be cut off without a word."""
    in_flight = InFlight()
    draining = asyncio.create_task(in_flight.drain(timedelta(0)))
    await asyncio.sleep(0)

    resumable, other = Written(is_resumable=True), Written()
    with in_flight.hold(resumable), in_flight.hold(other):
        async with asyncio.timeout(5):
            await resumable.stopped.wait()
            await other.stopped.wait()
    draining.cancel()

    assert (resumable.whys, other.whys) == (["detached"], ["stopping"])


async def test_a_response_that_becomes_resumable_is_sent_away_then():
    """Ours: a call is resumable once its task is accepted; until then it has its time."""
    in_flight, late = InFlight(), Written()
    draining = asyncio.create_task(in_flight.drain(timedelta(minutes=1)))
    with in_flight.hold(late):
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(late.stopped.wait(), 0.1)
        before = list(late.whys)
        late.is_resumable = True
        await asyncio.wait_for(late.stopped.wait(), 5)
    draining.cancel()

    assert (before, late.whys) == ([], ["detached"])


async def test_idle_is_when_the_last_has_been_written():
    """Ours: and at once when there is none."""
    in_flight = InFlight()
    await in_flight.idle()
    with in_flight.hold(Written()):
        waiting = asyncio.create_task(in_flight.idle())
        await asyncio.sleep(0)
        before = waiting.done()
    await asyncio.wait_for(waiting, 5)

    assert before is False
