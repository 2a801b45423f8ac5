"""A synchronous client of whatever kind of Redis an address names, for tests to look with."""

from collections.abc import Mapping
from typing import Any, cast

import redis
from redis.cluster import ClusterNode
from redis.sentinel import Sentinel

from storage.address import Kind
from storage.settings import StorageSettings
from storage.tls import tls_options


def settings_of(environment: Mapping[str, str]) -> StorageSettings:
    """The settings of a process with these variables, whatever stands in our own environment."""
    fields = {name: environment.get(f"MCP_{name}".upper()) for name in StorageSettings.model_fields}
    given: Any = {name: value for name, value in fields.items() if value is not None}
    return StorageSettings(_env_file=None, **given)  # pyright: ignore[reportCallIssue]  # pydantic-settings takes it


def client_of(environment: Mapping[str, str]) -> Any:  # redis-py's sync client is half typed
    settings = settings_of(environment)
    address, tls = settings.address(), tls_options(settings)
    door: dict[str, Any] = {"username": address.user, "password": address.password, "ssl": address.is_tls, **tls}
    if address.kind is Kind.CLUSTER:
        return redis.RedisCluster(startup_nodes=[ClusterNode(host, port) for host, port in address.nodes], **door)
    if address.kind is Kind.SENTINEL:
        found: Any = Sentinel(list(address.nodes))
        return found.master_for(address.service, db=address.database, **door)
    if not address.nodes:
        return cast("Any", redis.Redis).from_url(settings.url())
    [(host, port)] = address.nodes
    return redis.Redis(host=host, port=port, db=address.database, **door)
