"""The schema: every key and channel in Redis, built here and nowhere else.

| key | type | lifetime | holds | at rest |
|---|---|---|---|---|
| `mcp:{b}:task:<task>` | hash | until ended: time limit + 1 day; then `MCP_RESULT_TTL` | the task record and its state | arguments, checkpoint, questions, answers and what the client said of itself encrypted; the arguments open for this tool alone |
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
| `mcp:result:<principal>:<run>` | string | the tool's `keep` | a result kept under its run's id, and documents under `<id>/<name>` | encrypted; the principal is hashed |
| `mcp:workers:<queue>` | sorted set, worker -> ms | 60 s after the last heartbeat | the live workers of a queue | host and process id |
| `mcp:{g}:grant` | hash | a code: 10 minutes; then `MCP_AUTH_REFRESH_TTL` sliding, `MCP_AUTH_GRANT_TTL` at most | a grant: what a principal let a client do, and the hash of its live refresh token | grant, upstream tokens and the last answer encrypted; tokens are hashed |
| `mcp:{g}:code:<code>` | string | 60 s | an authorization code, until it is presented | encrypted; the code is hashed |
| `mcp:{g}:used:<code>` | string | 10 minutes | that the code was presented: once more revokes the grant | nothing; the code is hashed |
| `mcp:{g}:access:<token>` | string | `MCP_AUTH_ACCESS_TTL` | what an access token may do | scopes and resource; the token is hashed |
| `mcp:{g}:retired` | sorted set, token -> ms | as its grant | the last 100 refresh tokens that were used up | hashes only |
| `mcp:grants` | sorted set, grant -> ms | `MCP_AUTH_GRANT_TTL` after the last sign-in | when each grant expires at the latest | ids only |
| `mcp:person:<person>` | sorted set, grant -> ms | as `mcp:grants`, of one person | which grants a person has, through one provider | ids only; the person is hashed |
| `mcp:client:<client>` | string | unused: 1 day; used: 90 days sliding | a registered client | its metadata; a client secret is hashed |
| `mcp:clients` | sorted set, client -> ms | 90 days after the last registration | when each client was last used | ids only |
| `mcp:clients:unused` | sorted set, client -> ms | 1 day after the last registration | clients that never got a token | ids only |
| `mcp:document:<url>` | string | by its HTTP headers, 5 minutes to 1 day; a failure 60 s | a client id metadata document | public already; the address is hashed |
| `mcp:keyset:<url>` | string | the same | the public keys that such a document refers to | the same |
| `<either>:last` | string | 1 day after it was fetched | the same, for a time when it cannot be fetched again | the same |
| `mcp:ask:<ticket>` | string | 10 minutes | a consent page that was shown, until it is answered | encrypted; the ticket is hashed |
| `mcp:state:<state>` | string | 10 minutes | a sign-in under way at a provider | encrypted; the state is hashed |
| `mcp:signin:<state>` | string | 10 minutes | the code that the `local` provider printed for a sign-in | encrypted; the state is hashed |
| `mcp:jti:<client>:<id>` | string | until the assertion expires | that a client's assertion was used | nothing; both are hashed |
| `mcp:consent:<browser>` | string | `MCP_AUTH_CONSENT_TTL` | that this browser said yes to this very request | nothing; what was agreed to is hashed with the browser's secret |
| `mcp:{g}:upstream` | string | 30 s | that somebody is asking the provider whether the grant's person may still come in | nothing |
| `mcp:audit:<trail>` | stream | 90 days after the last event | what people and their grants did, which tools were called, what strangers tried | encrypted |
| `mcp:rate:<scope>` | hash | until the bucket is full again | a token bucket | the scope is hashed |

`{b}` is one of 16 buckets, the first hexadecimal digit of the task's id: the keys one script touches share a hash
slot, and Redis Cluster still spreads the tasks. `{g}` is the id of a grant, which its codes and tokens name, so that
what one script touches is found from the token alone. `{p}` is a hash of the principal, `{s}` one of principal and session
id together: nobody reaches a key of a session without having been found to be its principal.

Channels: a log's key is also the channel its events are published on; `mcp:cancel` and `mcp:answers` carry task ids,
`mcp:control` what concerns an open stream on whichever replica holds it.

Keys under `mcp:{broker}:` belong to Celery and kombu (queues, unacked messages, bindings); they live as long as
the broker has work, and nothing of ours reads them but how many wait and how many are held. Their messages carry task ids only.
They are written like that, braces and all: kombu moves messages between keys, so in a cluster all of them share one slot.
"""

import hashlib
from typing import Final

PREFIX: Final = "mcp:"
BROKER_PREFIX: Final = "mcp:{broker}:"
BUCKETS: Final = tuple("0123456789abcdef")

CANCEL_CHANNEL: Final = "mcp:cancel"
ANSWER_CHANNEL: Final = "mcp:answers"
CONTROL_CHANNEL: Final = "mcp:control"
CHANGES: Final = "mcp:changes"
CATALOG: Final = "mcp:catalog"
AUDIT: Final = "mcp:audit"
GRANTS: Final = "mcp:grants"
CLIENTS: Final = "mcp:clients"
UNUSED_CLIENTS: Final = "mcp:clients:unused"


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


def broker_unacknowledged() -> str:
    """Kombu's hash of the messages that workers hold."""
    return f"{BROKER_PREFIX}unacked"


def grant(grant_id: str) -> str:
    return f"mcp:{{{grant_id}}}:grant"


def code(grant_id: str, digest: str) -> str:
    return f"mcp:{{{grant_id}}}:code:{digest}"


def used_code(grant_id: str, digest: str) -> str:
    return f"mcp:{{{grant_id}}}:used:{digest}"


def access_token(grant_id: str, digest: str) -> str:
    return f"mcp:{{{grant_id}}}:access:{digest}"


def retired(grant_id: str) -> str:
    return f"mcp:{{{grant_id}}}:retired"


def upstream_lock(grant_id: str) -> str:
    return f"mcp:{{{grant_id}}}:upstream"


def person(who: str) -> str:
    return f"mcp:person:{hashed(who)}"


def client(client_id: str) -> str:
    return f"mcp:client:{hashed(client_id)}"


def document(url: str) -> str:
    return f"mcp:document:{hashed(url)}"


def key_set(url: str) -> str:
    return f"mcp:keyset:{hashed(url)}"


def last_good(name: str) -> str:
    """Beside the key of a document or key set."""
    return f"{name}:last"


def ask(digest: str) -> str:
    return f"mcp:ask:{digest}"


def state(digest: str) -> str:
    return f"mcp:state:{digest}"


def signin_code(digest: str) -> str:
    return f"mcp:signin:{digest}"


def assertion(client_id: str, jti: str) -> str:
    return f"mcp:jti:{hashed(client_id)}:{hashed(jti)}"


def consent(digest: str) -> str:
    return f"mcp:consent:{digest}"


def audit(trail: str) -> str:
    return f"{AUDIT}:{trail}"


def rate(scope: str) -> str:
    return f"mcp:rate:{hashed(scope)}"
