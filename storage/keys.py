"""The schema: every key and channel in Redis, built here and nowhere else.

| key | type | lifetime | holds | at rest |
|---|---|---|---|---|
| `mcp:{b}:task:<task>` | hash | until ended: time limit + 1 day; then `MCP_RESULT_TTL` | the task record and its state | arguments, checkpoint and outcome encrypted |
| `mcp:{b}:log:<task>` | stream | as its task | the task's event log | payloads encrypted |
| `mcp:{b}:deadlines` | sorted set, task -> ms | 8 days after the last write | when the reaper looks at a task again | ids only |
| `mcp:session:<principal>:<session>` | string | `MCP_SESSION_TTL`, sliding | the session record | encrypted; the principal is hashed |
| `mcp:result:<principal>:<run>` | string | the tool's `keep` | a result kept under its run's id | encrypted; the principal is hashed |
| `mcp:workers:<queue>` | sorted set, worker -> ms | 60 s after the last heartbeat | the live workers of a queue | host and process id |
| `mcp:rate:<scope>` | hash | until the bucket is full again | a token bucket | the scope is hashed |

`{b}` is one of 16 buckets, the first hexadecimal digit of the task's id: the keys one script touches share a hash
slot, and Redis Cluster still spreads the tasks.

Channels: a log's key is also the channel its events are published on; `mcp:cancel` carries task ids and
`mcp:abandon` in-flight requests to be stopped.

Keys under `mcp:broker:` belong to Celery and kombu (queues, unacked messages, bindings); they live as long as
the broker has work, and nothing of ours reads them but the queue length. Their messages carry task ids only.
"""

import hashlib
from typing import Final

PREFIX: Final = "mcp:"
BROKER_PREFIX: Final = "mcp:broker:"
BUCKETS: Final = tuple("0123456789abcdef")

CANCEL_CHANNEL: Final = "mcp:cancel"
ABANDON_CHANNEL: Final = "mcp:abandon"


def hashed(value: str) -> str:
    """128 bits of SHA-256: long enough never to collide, and nothing to read back."""
    return hashlib.sha256(value.encode()).hexdigest()[:32]


def task(task_id: str) -> str:
    return f"mcp:{{{task_id[:1]}}}:task:{task_id}"


def task_log(task_id: str) -> str:
    return f"mcp:{{{task_id[:1]}}}:log:{task_id}"


def deadlines(bucket: str) -> str:
    return f"mcp:{{{bucket[:1]}}}:deadlines"


def session(principal_key: str, session_id: str) -> str:
    return f"mcp:session:{principal_key}:{session_id}"


def result(principal_key: str, run_id: str) -> str:
    return f"mcp:result:{principal_key}:{run_id}"


def workers(queue: str) -> str:
    return f"mcp:workers:{queue}"


def rate(scope: str) -> str:
    return f"mcp:rate:{hashed(scope)}"
