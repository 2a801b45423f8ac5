"""What an operator should know about the Redis server, one finding a line."""

from collections.abc import Mapping, Sequence
from typing import Final, Literal

import msgspec

from storage.connection import Redis, RedisError, Unavailable, cluster_state, each_server
from storage.settings import StorageSettings
from storage.tls import what_is_wrong
from storage.workers import WorkerRegistry

Verdict = Literal["ok", "warn", "fail"]
Told = Mapping[str, object]
"""What INFO says."""


class Check(msgspec.Struct, frozen=True):
    """What was looked at, what was found, and what to do about it when it is not right."""

    name: str
    verdict: Verdict
    found: str
    remedy: str = ""


async def check_redis(redis: Redis) -> list[Check]:
    """Version, persistence and eviction of every server; a single failing check when Redis does not answer."""
    try:
        told = [(name, await server.info("all")) for name, server in (await each_server(redis)).items()]
        cluster = await cluster_state(redis)
    except (RedisError, *Unavailable) as error:
        said = f"does not answer ({what_is_wrong(error) or type(error).__name__})"
        return [Check("Redis", "fail", said, "check MCP_REDIS_URL and the server")]
    checks = [check(info, f" of {name}" if name else "") for name, info in told for check in _OF_A_SERVER]
    return [*checks, *_cluster(cluster), *_of_all([info for _, info in told])]


async def check_workers(redis: Redis, queues: list[str]) -> list[Check]:
    """How many workers serve each queue that a tool uses."""
    registry = WorkerRegistry(redis)
    return [_workers(queue, await registry.alive(queue)) for queue in queues]


def _version(info: Told, where: str) -> Check:
    """Valkey 8 or newer, or Redis 7.0 or newer; Valkey calls itself Redis 7.2.4 for old clients."""
    if "valkey_version" in info:
        name, version, least = "Valkey", str(info["valkey_version"]), 8
    else:
        name, version, least = "Redis", str(info.get("redis_version", "0")), 7
    known = int(version.partition(".")[0]) >= least
    remedy = "" if known else "use Valkey 8 or newer, or Redis 7.0 or newer"
    return Check(f"Redis version{where}", "ok" if known else "fail", f"{name} {version}", remedy)


def _persistence(info: Told, where: str) -> Check:
    if info.get("aof_enabled"):
        return Check(f"Redis persistence{where}", "ok", "append-only file is on")
    remedy = "set appendonly yes: accepted work is lost with the server otherwise"
    return Check(f"Redis persistence{where}", "warn", "append-only file is off", remedy)


def _eviction(info: Told, where: str) -> Check:
    policy = str(info.get("maxmemory_policy", "unknown"))
    if policy == "noeviction":
        return Check(f"Redis eviction{where}", "ok", "noeviction")
    remedy = "set maxmemory-policy noeviction: anything else throws tasks away"
    return Check(f"Redis eviction{where}", "fail", policy, remedy)


_OF_A_SERVER: Final = (_version, _persistence, _eviction)


def _cluster(told: Mapping[str, str]) -> list[Check]:
    if not told:
        return []
    found = f"{told['cluster_state']}, {told['cluster_slots_ok']} of {told['cluster_slots_assigned']} slots served"
    if told["cluster_state"] == "ok":
        return [Check("Redis cluster", "ok", found)]
    return [Check("Redis cluster", "fail", found, "see CLUSTER INFO and CLUSTER NODES: some node is missing")]


def _of_all(told: Sequence[Told]) -> list[Check]:
    """Whether what is acknowledged has a copy."""
    copies = sum(int(str(info.get("connected_slaves", 0))) for info in told)
    if len(told) == 1 and not copies:
        return []
    if copies:
        return [Check("Redis replicas", "ok", f"{copies} connected")]
    remedy = "give each primary a replica: with it goes its part of the keys, until it is back"
    return [Check("Redis replicas", "warn", "none", remedy)]


def check_door(settings: StorageSettings) -> list[Check]:
    """Whether strangers on the network are kept out; nothing to say about a Redis on this machine."""
    if settings.is_local():
        return []
    address = settings.address()
    return [
        Check("Redis TLS", "ok", "on")
        if address.is_tls
        else Check("Redis TLS", "warn", "off", "use rediss://: what Redis is told can be read and changed on its way"),
        Check("Redis password", "ok", "set")
        if address.password
        else Check("Redis password", "warn", "none", "give each role its user: mcp-playground redis acl"),
    ]


def _workers(queue: str, alive: int) -> Check:
    if alive:
        return Check(f"Workers of {queue}", "ok", f"{alive} alive")
    return Check(f"Workers of {queue}", "warn", "none alive", f"start one: mcp-playground worker --queues {queue}")
