"""Changes for everybody: one log, however many listen."""

import pytest

from storage.changes import Change, ChangeLog
from storage.connection import Redis
from storage.events import replay
from storage.seal import KeyRing


@pytest.fixture
def changes(redis: Redis, ring: KeyRing) -> ChangeLog:
    return ChangeLog(redis, ring)


async def read(redis: Redis, changes: ChangeLog, after: str) -> list[Change]:
    return [changes.decode(payload) for _, payload in await replay(redis, changes.name, after=after)]


async def test_a_listener_reads_what_came_after_it_began(changes: ChangeLog, redis: Redis):
    """Ours: and what it missed while it was away."""
    await changes.add(Change("prompts"))
    began = await changes.newest()

    await changes.add(Change("tools"))
    await changes.add(Change("resource", "test://x"))

    assert await read(redis, changes, began) == [Change("tools"), Change("resource", "test://x")]


async def test_a_deployment_that_offers_something_else_changes_the_lists_once(changes: ChangeLog, redis: Redis):
    """MCP, list changed: every replica announces what it offers, and only news is news."""
    await changes.announce(b"version 1")
    await changes.announce(b"version 1")
    before = await read(redis, changes, "0-0")

    await changes.announce(b"version 2")
    await changes.announce(b"version 2")

    assert before == []
    assert await read(redis, changes, "0-0") == [Change("tools"), Change("prompts"), Change("resources")]
