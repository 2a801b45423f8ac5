"""What each role may do in Redis: the users an operator gives to the processes, so that none can do what another does.

| role | keys | may not |
|---|---|---|
| web | all of ours | list keys, configure, flush, anything outside `mcp:` |
| worker | tasks, kept results, the broker's, what tools did | the same; and touch clients, grants, tokens, sessions |
| flower | the broker's events; to read, all of its | put a job into a queue; anything outside `mcp:{broker}:` |
| operator | all of ours | configure, flush; it lists keys, for `mcp-playground keys` |

Scripts are bound by it like their callers: a command that a script calls is one that its caller must have.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from storage import keys

_CONNECTION: Final = (
    "ping",
    "hello",
    "auth",
    "select",
    "reset",
    "quit",
    "client|setname",
    # What a client of Redis Cluster asks: who has which key, whether all is well, and where the keys of a command are.
    "cluster|info",
    "cluster|slots",
    "command",
    "asking",
    "client|id",
)
_SCRIPTS: Final = ("eval", "evalsha", "script|load", "script|exists", "time", "info")
_PUBSUB: Final = ("publish", "subscribe", "unsubscribe", "psubscribe", "punsubscribe", "pubsub|numsub")
_STRINGS: Final = ("get", "set", "getdel", "del", "exists", "expire", "pexpire", "pttl")
_HASHES: Final = ("hget", "hset", "hsetnx", "hmget", "hgetall", "hkeys", "hvals", "hlen", "hexists", "hdel", "hincrby")
_SETS: Final = ("zadd", "zrem", "zcard", "zcount", "zscore", "zrange", "zrevrange", "zrangebyscore", "zremrangebyrank")
_MORE_SETS: Final = ("zremrangebyscore", "zrevrangebyscore", "zincrby")
_STREAMS: Final = ("xadd", "xrange", "xrevrange", "xlen")
_BROKER: Final = ("lpush", "rpush", "rpop", "brpop", "llen", "lrem", "sadd", "srem", "smembers", "multi", "exec")
_BROKER_ALSO: Final = ("discard", "watch", "unwatch")
_OURS: Final = (*_SCRIPTS, *_PUBSUB, *_STRINGS, *_HASHES, *_SETS, *_MORE_SETS, *_STREAMS)


@dataclass(frozen=True, kw_only=True)
class Role:
    """A user of Redis. *reads* are key patterns that it may only read."""

    fanouts: Sequence[str] = ()
    """Exchanges by which the broker tells everybody: kombu subscribes by pattern, which must be named as it is."""

    keys: Sequence[str]
    reads: Sequence[str] = ()
    channels: Sequence[str]
    commands: Sequence[str]

    def rules(self, name: str, *, password: str, database: int = 0) -> list[str]:
        """The words after ACL SETUSER: all is taken away first, so that saying it again leaves just this."""
        return [
            name,
            "reset",
            "on",
            f">{password}",
            *(f"~{pattern}" for pattern in self.keys),
            *(f"%R~{pattern}" for pattern in self.reads),
            *(f"&{pattern}" for pattern in self.channels),
            *(f"&{keys.BROKER_PREFIX}/{database}.{exchange}" for exchange in self.fanouts),
            "-@all",
            *(f"+{command}" for command in self.commands),
        ]


_EVERYTHING: Final = (f"{keys.PREFIX}*",)
_TASKS: Final = (f"{keys.PREFIX}{{?}}:task:*", f"{keys.PREFIX}{{?}}:log:*", f"{keys.PREFIX}{{?}}:deadlines")
_KEPT: Final = (keys.CHANGES, keys.result("*", "*"), keys.workers("*"), f"{keys.BROKER_PREFIX}*")
_EVENTS: Final = ("_kombu.binding*", "celeryev.*", "*.reply.celery.pidbox*")
_PIDBOX: Final = ("celery.pidbox",)

ROLES: Final[Mapping[str, Role]] = {
    "web": Role(
        keys=_EVERYTHING,
        channels=_EVERYTHING,
        commands=(*_CONNECTION, *_OURS, *_BROKER, *_BROKER_ALSO),
    ),
    "worker": Role(
        keys=(*_TASKS, *_KEPT, keys.audit("tools")),
        channels=(
            _TASKS[1],
            keys.CANCEL_CHANNEL,
            keys.ANSWER_CHANNEL,
            keys.CHANGES,
            f"{keys.BROKER_PREFIX}*",
        ),
        fanouts=_PIDBOX,
        commands=(*_CONNECTION, *_OURS, *_BROKER, *_BROKER_ALSO),
    ),
    "flower": Role(
        keys=[f"{keys.BROKER_PREFIX}{pattern}" for pattern in _EVENTS],
        reads=[f"{keys.BROKER_PREFIX}*"],
        channels=[f"{keys.BROKER_PREFIX}*"],
        fanouts=(*_PIDBOX, "celeryev/*"),
        commands=(*_CONNECTION, *_SCRIPTS, *_PUBSUB, *_STRINGS, *_HASHES, *_SETS, *_MORE_SETS, *_BROKER, *_BROKER_ALSO),
    ),
    "operator": Role(
        keys=_EVERYTHING,
        channels=_EVERYTHING,
        commands=(*_CONNECTION, *_OURS, "scan", "type", "llen"),
    ),
}
