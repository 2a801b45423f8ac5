"""The schema: every key and channel in Redis, built here and nowhere else.

| key | type | lifetime | holds | at rest |
|---|---|---|---|---|
| `mcp:{b}:task:<task>` | hash | until ended: time limit + 1 day; then `MCP_RESULT_TTL` | the task record and its state | arguments, checkpoint, questions, answers and what the client said of itself encrypted |
| `mcp:{b}:log:<task>` | stream | as its task | the task's event log | payloads encrypted |
| `mcp:{b}:deadlines` | sorted set, task -> ms | 8 days after the last write | when the reaper looks at a task again | ids only |
| `mcp:{p}:session:<session>` | hash | `MCP_SESSION_TTL`, sliding | the session record, its log level and resource subscriptions | record and URIs encrypted; the id is hashed |
| `mcp:{p}:sessions` | sorted set, session -> ms | as the sessions | when each session of a principal was last used | hashes only |
| `mcp:{p}:tasks` | sorted set, task -> ms | 8 days after the last write | the principal's last 1000 tasks | ids only |
| `mcp:{p}:active` | sorted set, task -> ms | 8 days after the last write | those that were accepted and may not have ended | ids only |
| `mcp:{p}:repeat:<key>` | string | the task's time limit + `MCP_RESULT_TTL` | which task a repeated call means | a task id and a keyed hash of the arguments |
| `mcp:{s}:stream:<stream>` | stream | 1 hour after the last event | what a session's stream carried, if no task's log does | payloads encrypted |
| `mcp:{s}:owner:<stream>` | string | 1 hour | until when a replica works for such a stream, and for which request | the request's id |
| `mcp:{s}:waiting:<request>` | string | the answer's time limit | that a replica waits for the client's answer | nothing |
| `mcp:{s}:reply:<request>` | stream | 5 minutes | the client's answer to it | encrypted |
| `mcp:{s}:call:<request>` | string | 1 day | which task answers a request of the session | a task id; the request's id is hashed |
| `mcp:changes` | stream | 1 day after the last change | what changed for everybody: lists and resources | encrypted |
| `mcp:catalog` | string | 30 days after the last start | a hash of what the newest deployment offers | a hash |
| `mcp:result:<principal>:<run>` | string | the tool's `keep` | a result kept under its run's id | encrypted; the principal is hashed |
| `mcp:workers:<queue>` | sorted set, worker -> ms | 60 s after the last heartbeat | the live workers of a queue | host and process id |
| `mcp:rate:<scope>` | hash | until the bucket is full again | a token bucket | the scope is hashed |

`{b}` is one of 16 buckets, the first hexadecimal digit of the task's id: the keys one script touches share a hash
slot, and Redis Cluster still spreads the tasks. `{p}` is a hash of the principal, `{s}` one of principal and session
id together: nobody reaches a key of a session without having been found to be its principal.

Channels: a log's key is also the channel its events are published on; `mcp:cancel` and `mcp:answers` carry task ids,
`mcp:control` what concerns an open stream on whichever replica holds it.

Keys under `mcp:broker:` belong to Celery and kombu (queues, unacked messages, bindings); they live as long as
the broker has work, and nothing of ours reads them but the queue length. Their messages carry task ids only.
"""

import hashlib
from typing import Final

PREFIX: Final = "mcp:"
BROKER_PREFIX: Final = "mcp:broker:"
BUCKETS: Final = tuple("0123456789abcdef")

CANCEL_CHANNEL: Final = "mcp:cancel"
ANSWER_CHANNEL: Final = "mcp:answers"
CONTROL_CHANNEL: Final = "mcp:control"
CHANGES: Final = "mcp:changes"
CATALOG: Final = "mcp:catalog"


def hashed(value: str) -> str:
    """128 bits of SHA-256: long enough never to collide, and nothing to read back."""
    return hashlib.sha256(value.encode()).hexdigest()[:32]


def task(task_id: str) -> str:
    return f"mcp:{{{task_id[:1]}}}:task:{task_id}"


def task_log(task_id: str) -> str:
    return f"mcp:{{{task_id[:1]}}}:log:{task_id}"


def deadlines(bucket: str) -> str:
    return f"mcp:{{{bucket[:1]}}}:deadlines"


def session(principal_key: str, scope: str) -> str:
    return f"mcp:{{{principal_key}}}:session:{scope}"


def sessions(principal_key: str) -> str:
    return f"mcp:{{{principal_key}}}:sessions"


def own_tasks(principal_key: str) -> str:
    return f"mcp:{{{principal_key}}}:tasks"


def active_tasks(principal_key: str) -> str:
    return f"mcp:{{{principal_key}}}:active"


def repeat(principal_key: str, key: str) -> str:
    return f"mcp:{{{principal_key}}}:repeat:{key}"


def stream(scope: str, stream_id: str) -> str:
    return f"mcp:{{{scope}}}:stream:{stream_id}"


def owner(scope: str, stream_id: str) -> str:
    return f"mcp:{{{scope}}}:owner:{stream_id}"


def waiting(scope: str, request: str) -> str:
    return f"mcp:{{{scope}}}:waiting:{hashed(request)}"


def reply(scope: str, request: str) -> str:
    return f"mcp:{{{scope}}}:reply:{hashed(request)}"


def call(scope: str, request: str) -> str:
    return f"mcp:{{{scope}}}:call:{hashed(request)}"


def result(principal_key: str, run_id: str) -> str:
    return f"mcp:result:{principal_key}:{run_id}"


def workers(queue: str) -> str:
    return f"mcp:workers:{queue}"


def broker_queue(queue: str) -> str:
    """Celery's list of messages that no worker has taken."""
    return f"{BROKER_PREFIX}{queue}"


def rate(scope: str) -> str:
    return f"mcp:rate:{hashed(scope)}"
