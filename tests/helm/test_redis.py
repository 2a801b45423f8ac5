"""A Redis of the operator's own: a server, a cluster or sentinels, with TLS or without, is found by all alike."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from storage.address import Address, Kind
from storage.settings import StorageSettings
from tests.helm.chart import (
    CLUSTER,
    EXTERNAL,
    PASSWORD,
    POOLS,
    SENTINEL,
    Object,
    Values,
    container,
    environment,
    of_kind,
    pods,
    render,
    workloads,
)

TRUSTED: Values = {
    **EXTERNAL,
    "pools": POOLS["pools"],
    "redis": {
        "external": {**EXTERNAL["redis"]["external"], "tlsSecret": "our-redis-tls"},
        "password": PASSWORD,
    },
}
"""One server, with an authority of its own and no certificate asked for."""
TLS_FOLDER = "/etc/mcp-playground/redis"


def programs(objects: list[Object]) -> list[str]:
    """Web, the worker pools and Flower: what talks to Redis."""
    return [name for name in workloads(objects) if "valkey" not in name]


def address(objects: list[Object], name: str) -> Address:
    """Where a program looks for Redis, once Kubernetes has written the password into it."""
    return Address.parse(environment(objects, name)["MCP_REDIS_URL"].replace("$(REDIS_PASSWORD)", PASSWORD))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (
            CLUSTER,
            Address(
                kind=Kind.CLUSTER,
                nodes=(("redis-0.example.com", 6380), ("redis-1.example.com", 6380), ("redis-2.example.com", 6381)),
                is_tls=True,
                user="mcp",
                password=PASSWORD,
            ),
        ),
        (
            SENTINEL,
            Address(
                kind=Kind.SENTINEL,
                nodes=(("sentinel-0.example.com", 26379), ("sentinel-1.example.com", 26379)),
                is_tls=False,
                password=PASSWORD,
                database=2,
                service="tools",
            ),
        ),
        (
            TRUSTED,
            Address(
                kind=Kind.SERVER,
                nodes=(("redis.example.com", 6380),),
                is_tls=True,
                user="mcp",
                password=PASSWORD,
                database=2,
            ),
        ),
    ],
    ids=["cluster", "sentinel", "server"],
)
def test_the_address_is_what_the_programs_read(values: Values, expected: Address):
    """Ours: storage/address.py finds every node, and nothing is bundled beside a Redis of yours."""
    objects = render(values)

    assert {name: address(objects, name) for name in programs(objects)} == dict.fromkeys(programs(objects), expected)
    assert len(programs(objects)) == 5
    assert {"StatefulSet"} & {each["kind"] for each in objects} == set()
    assert "demo-mcp-valkey" not in of_kind(objects, "NetworkPolicy") | of_kind(objects, "ServiceAccount")


@pytest.mark.parametrize(
    ("values", "files"),
    [(CLUSTER, {"ca.crt", "tls.crt", "tls.key"}), (TRUSTED, {"ca.crt"}), (SENTINEL, set[str]())],
    ids=["with a certificate", "with an authority", "without TLS"],
)
def test_the_files_for_tls_lie_where_the_settings_look(values: Values, files: set[str], tmp_path: Path):
    """Ours: in every program, read-only; of the Secret only what is used; the settings accept the whole."""
    objects = render(values)
    for file in files:
        (tmp_path / file).touch()

    for name in programs(objects):
        given = environment(objects, name)
        places = {
            f"redis_{each}_file": Path(given[variable].replace(TLS_FOLDER, str(tmp_path)))
            for each in ("ca", "cert", "key")
            if (variable := f"MCP_REDIS_{each.upper()}_FILE") in given
        }
        url = SecretStr(given["MCP_REDIS_URL"].replace("$(REDIS_PASSWORD)", PASSWORD))
        settings = StorageSettings.model_validate({"redis_url": url, **places})
        assert {each.name for each in places.values()} == files
        assert settings.redis_ca_file == places.get("redis_ca_file")
        assert mounted(objects, name) == files


def mounted(objects: list[Object], name: str) -> set[str]:
    """The files of the Secret for TLS that a program sees in the folder that the settings name."""
    spec = pods(objects)[name]["spec"]
    mounts = [each for each in container(objects, name)["volumeMounts"] if each["mountPath"] == TLS_FOLDER]
    volumes: dict[str, Any] = {each["name"]: each for each in spec["volumes"]}
    assert all(each["readOnly"] for each in mounts)
    secrets = [volumes[each["name"]]["secret"] for each in mounts]
    assert {each["secretName"] for each in secrets} <= {"our-redis-tls"}
    assert all(item["key"] == item["path"] for each in secrets for item in each["items"])
    return {item["path"] for each in secrets for item in each["items"]}


def test_what_the_sentinels_ask_for_comes_from_the_same_secret():
    """Ours: in every program, and only where a key is named."""
    watched, clustered = render(SENTINEL), render(CLUSTER)

    for name in programs(watched):
        assert environment(watched, name)["MCP_REDIS_SENTINEL_PASSWORD"] == {
            "secretKeyRef": {"name": "our-redis", "key": "sentinel-password"}
        }
        assert "MCP_REDIS_SENTINEL_PASSWORD" not in environment(clustered, name)


@pytest.mark.parametrize(
    ("values", "ports"),
    [(CLUSTER, [6380, 6381]), (SENTINEL, [26379, 6390]), (TRUSTED, [6380])],
    ids=["cluster", "sentinel", "server"],
)
def test_every_port_of_redis_may_be_reached(values: Values, ports: list[int]):
    """Ours: at any address, since clusters and sentinels name servers that the values do not."""
    policies = of_kind(render(values), "NetworkPolicy")

    for name in ("demo-mcp-web", "demo-mcp-worker", "demo-mcp-flower"):
        assert policies[name]["spec"]["egress"][1] == {"ports": [{"port": each} for each in ports]}


def trigger(objects: list[Object]) -> dict[str, Any]:
    """How KEDA counts the jobs of a pool with one queue."""
    (found,) = of_kind(objects, "ScaledObject")["demo-mcp-worker-rare"]["spec"]["triggers"]
    return found


def test_keda_asks_a_cluster_and_trusts_what_we_trust():
    """KEDA's scaler redis-cluster: with files for TLS there is no enableTLS, and `tls` is referred to as they are."""
    objects = render(CLUSTER)

    assert trigger(objects) == {
        "type": "redis-cluster",
        "metadata": {
            "addresses": "redis-0.example.com:6380,redis-1.example.com:6380,redis-2.example.com:6381",
            "username": "mcp",
            "listName": "mcp:{broker}:rare",
            "listLength": "10",
        },
        "authenticationRef": {"name": "demo-mcp-redis"},
    }
    assert of_kind(objects, "TriggerAuthentication")["demo-mcp-redis"]["spec"] == {
        "secretTargetRef": [
            {"parameter": "password", "name": "our-redis", "key": "redis-password"},
            {"parameter": "ca", "name": "our-redis-tls", "key": "ca.crt"},
            {"parameter": "cert", "name": "our-redis-tls", "key": "tls.crt"},
            {"parameter": "key", "name": "our-redis-tls", "key": "tls.key"},
        ],
        "configMapTargetRef": [{"parameter": "tls", "name": "demo-mcp-keda", "key": "tls"}],
    }
    assert of_kind(objects, "ConfigMap")["demo-mcp-keda"]["data"] == {"tls": "enable"}


def test_keda_asks_the_sentinels_who_the_primary_is():
    """KEDA's scaler redis-sentinel: their addresses, the service, both passwords."""
    objects = render(SENTINEL)

    assert trigger(objects) == {
        "type": "redis-sentinel",
        "metadata": {
            "addresses": "sentinel-0.example.com:26379,sentinel-1.example.com:26379",
            "sentinelMaster": "tools",
            "listName": "mcp:{broker}:rare",
            "listLength": "10",
            "databaseIndex": "2",
            "enableTLS": "false",
        },
        "authenticationRef": {"name": "demo-mcp-redis"},
    }
    assert of_kind(objects, "TriggerAuthentication")["demo-mcp-redis"]["spec"] == {
        "secretTargetRef": [
            {"parameter": "password", "name": "our-redis", "key": "redis-password"},
            {"parameter": "sentinelPassword", "name": "our-redis", "key": "sentinel-password"},
        ]
    }


def test_keda_needs_no_authentication_where_there_is_nothing_to_tell():
    """Ours: a Redis without password and TLS."""
    objects = render({**POOLS, "redis": {"external": {"host": "redis"}}})

    assert "authenticationRef" not in trigger(objects)
    assert of_kind(objects, "TriggerAuthentication") == {}


def test_keda_trusts_one_server_as_we_do_without_a_password():
    """Ours: the authority alone is reason enough for a TriggerAuthentication."""
    external = {"host": "redis", "tls": True, "tlsSecret": "our-redis-tls"}
    objects = render({**POOLS, "redis": {"external": external}})

    assert trigger(objects)["authenticationRef"] == {"name": "demo-mcp-redis"}
    assert of_kind(objects, "TriggerAuthentication")["demo-mcp-redis"]["spec"]["secretTargetRef"] == [
        {"parameter": "ca", "name": "our-redis-tls", "key": "ca.crt"}
    ]
