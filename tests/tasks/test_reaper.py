"""Tasks that nobody cares for, among them some that somebody damaged."""

import os
from datetime import timedelta

from storage import keys
from storage.connection import Redis
from storage.records import Principal, TaskRecord
from storage.seal import KeyRing
from storage.tasks import POSTPONED, TaskStore
from tasks.broker import create_celery
from tasks.queue import JobQueue
from tasks.reaper import reap_once
from tests.redis_client import settings_of
from tests.servers import ValkeyServer

ME = Principal(client_id="client", issuer="https://idp.example", subject="ada")
STRANGER = KeyRing([os.urandom(32)])


async def accepted(redis: Redis, ring: KeyRing, task_id: str) -> TaskRecord:
    record = TaskRecord(id=task_id, tool="echo", queue="default", principal=ME, created_at=0, timeout_ms=60_000)
    await TaskStore(redis, ring, result_ttl=timedelta(hours=1)).accept(record, b"{}")
    return record


async def test_what_cannot_be_looked_at_keeps_nobody_waiting(redis: Redis, ring: KeyRing, valkey: ValkeyServer):
    """A61: no JSON, another task's record, a stranger's key: each is left alone for a while, and the next is sent."""
    tasks, queue = (
        TaskStore(redis, ring, result_ttl=timedelta(hours=1)),
        JobQueue(create_celery(settings_of(valkey.environment()))),
    )
    no_json, foreign, strange, good = (f"a{number}{'0' * 30}" for number in range(4))
    for task_id in (no_json, foreign, good):
        await accepted(redis, ring, task_id)
    await accepted(redis, STRANGER, strange)
    with valkey.client(0) as client:
        client.hset(keys.task(foreign), "record", client.hget(keys.task(good), "record"))
        client.hset(keys.task(no_json), "record", b"{{{")
        for number, task_id in enumerate((no_json, foreign, strange, good)):
            client.zadd(keys.deadlines("a"), {task_id: number})

        sent = await reap_once(tasks, queue)
        left = await tasks.due()
        seconds, _ = client.time()
        postponed = [client.zscore(keys.deadlines("a"), task_id) / 1000 - seconds for task_id in (no_json, strange)]
        waiting = client.llen(keys.broker_queue("default"))
        client.flushdb()
    queue.close()

    assert sent == waiting == 1
    assert left == []
    assert all(abs(wait - POSTPONED.total_seconds()) < 10 for wait in postponed)
