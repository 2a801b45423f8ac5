"""What an operator should know about the Redis server, one finding a line."""

from typing import Literal

import msgspec

from storage.connection import Redis, RedisError, Unavailable
from storage.workers import WorkerRegistry

Verdict = Literal["ok", "warn", "fail"]


class Check(msgspec.Struct, frozen=True):
    """What was looked at, what was found, and what to do about it when it is not right."""

    name: str
    verdict: Verdict
    found: str
    remedy: str = ""


async def check_redis(redis: Redis) -> list[Check]:
    """Version, persistence and eviction; a single failing check when the server does not answer."""
    try:
        server = await redis.info("server")
        persistence = await redis.info("persistence")
    except (RedisError, *Unavailable) as error:
        return [
            Check("Redis", "fail", f"does not answer ({type(error).__name__})", "check MCP_REDIS_URL and the server")
        ]
    return [_version(server), _persistence(persistence), await _eviction(redis)]


async def check_workers(redis: Redis, queues: list[str]) -> list[Check]:
    """How many workers serve each queue that a tool uses."""
    registry = WorkerRegistry(redis)
    return [_workers(queue, await registry.alive(queue)) for queue in queues]


def _version(info: dict[str, object]) -> Check:
    """Valkey 8 or newer, or Redis 7.0 or newer; Valkey calls itself Redis 7.2.4 for old clients."""
    if "valkey_version" in info:
        name, version, least = "Valkey", str(info["valkey_version"]), 8
    else:
        name, version, least = "Redis", str(info.get("redis_version", "0")), 7
    known = int(version.partition(".")[0]) >= least
    remedy = "" if known else "use Valkey 8 or newer, or Redis 7.0 or newer"
    return Check("Redis version", "ok" if known else "fail", f"{name} {version}", remedy)


def _persistence(info: dict[str, object]) -> Check:
    if info.get("aof_enabled"):
        return Check("Redis persistence", "ok", "append-only file is on")
    remedy = "set appendonly yes: accepted work is lost with the server otherwise"
    return Check("Redis persistence", "warn", "append-only file is off", remedy)


async def _eviction(redis: Redis) -> Check:
    try:
        policy = (await redis.config_get("maxmemory-policy")).get("maxmemory-policy", "unknown")
    except RedisError:
        remedy = "see that maxmemory-policy is noeviction"
        return Check("Redis eviction", "warn", "the server does not let us look", remedy)
    if policy == "noeviction":
        return Check("Redis eviction", "ok", "noeviction")
    return Check("Redis eviction", "fail", policy, "set maxmemory-policy noeviction: anything else throws tasks away")


def _workers(queue: str, alive: int) -> Check:
    if alive:
        return Check(f"Workers of {queue}", "ok", f"{alive} alive")
    return Check(f"Workers of {queue}", "warn", "none alive", f"start one: mcp-playground worker --queues {queue}")
