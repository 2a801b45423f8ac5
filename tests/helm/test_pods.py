"""Each pod is found by its own selectors, confined, asked how it is, and given time to end."""

import re
from typing import Any

import pytest

from api.drain import LAST_WORDS as WEB_LAST_WORDS
from api.serve import GRACE
from tasks.runtime import LAST_WORDS
from tests.helm.chart import (
    EVERYTHING,
    LEAST,
    POOLS,
    SETS,
    Object,
    Values,
    container,
    environment,
    matching,
    of_kind,
    pods,
    render,
    workloads,
)

each_set = pytest.mark.parametrize("values", SETS.values(), ids=SETS)


@each_set
def test_a_workload_selects_its_own_pods_and_no_others(values: Values):
    """Ours: nor does one that another release makes in the same namespace carry its labels."""
    objects = render(values)
    found = {
        name: matching(objects, each["spec"]["selector"]["matchLabels"]) for name, each in workloads(objects).items()
    }

    assert found == {name: {name} for name in found}
    assert len(found) >= 2
    for each in workloads(objects).values():
        assert each["spec"]["selector"]["matchLabels"]["app.kubernetes.io/instance"] == "demo"


@each_set
def test_services_budgets_and_spreads_mean_the_pods_of_their_name(values: Values):
    """Ours: a Service never leads to another component's pods; what Prometheus asks is the web processes'."""
    objects = render(values)
    services = {name: each["spec"]["selector"] for name, each in of_kind(objects, "Service").items()}
    budgets = {
        name: each["spec"]["selector"]["matchLabels"] for name, each in of_kind(objects, "PodDisruptionBudget").items()
    }
    spreads = {
        name: constraint["labelSelector"]["matchLabels"]
        for name, pod in pods(objects).items()
        for constraint in pod["spec"].get("topologySpreadConstraints", [])
    }

    for selectors in (services, budgets, spreads):
        assert selectors
        assert {name: matching(objects, each) for name, each in selectors.items()} == {
            name: {name.removesuffix("-metrics")} for name in selectors
        }


@each_set
def test_a_service_leads_to_a_port_that_is_open(values: Values):
    """Ours: by its name."""
    objects = render(values)

    for name, service in of_kind(objects, "Service").items():
        open_ports = {port["name"] for port in container(objects, name.removesuffix("-metrics"))["ports"]}
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= open_ports


@each_set
def test_every_pod_is_confined(values: Values):
    """Kubernetes' restricted profile, and nothing that can be written but what is mounted for it."""
    for pod in pods(render(values)).values():
        spec = pod["spec"]
        assert spec["securityContext"]["runAsNonRoot"]
        assert spec["securityContext"]["runAsUser"] > 0
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert spec["automountServiceAccountToken"] is False
        for each in spec["containers"]:
            assert each["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert each["resources"]["requests"]
            assert each["resources"]["limits"]["memory"]


@each_set
def test_every_mount_has_its_volume(values: Values):
    """Ours: a read-only root needs each of them."""
    for pod in pods(render(values)).values():
        volumes: set[str] = {each["name"] for each in pod["spec"].get("volumes", [])}
        if pod["metadata"]["labels"]["app.kubernetes.io/component"] == "valkey":
            volumes.add("data")
        assert {
            each["name"] for found in pod["spec"]["containers"] for each in found.get("volumeMounts", [])
        } == volumes


def test_a_pool_that_is_not_its_defaults_keeps_the_rest_of_them():
    """Ours: values of a pool go over poolDefaults, deep."""
    found = container(render(POOLS), "demo-mcp-worker-aws")

    assert found["resources"]["limits"] == {"memory": "2Gi"}
    assert found["resources"]["requests"] == {"cpu": "250m", "memory": "384Mi"}


def test_web_replicas_are_asked_at_the_paths_that_answer():
    """Ours: api/health.py. Liveness does not depend on Redis; readiness does."""
    found = container(render(LEAST), "demo-mcp-web")

    paths = {probe: found[f"{probe}Probe"]["httpGet"] for probe in ("startup", "liveness", "readiness")}
    assert paths == {
        "startup": {"path": "/health/live", "port": "http"},
        "liveness": {"path": "/health/live", "port": "http"},
        "readiness": {"path": "/health/ready", "port": "http"},
    }
    assert found["ports"] == [
        {"name": "http", "containerPort": int(environment(render(LEAST), "demo-mcp-web")["MCP_PORT"])}
    ]


def test_flower_and_valkey_are_asked_too():
    """Flower answers /healthcheck without its password; Valkey is pinged with it."""
    objects = render(LEAST)
    flower, valkey = container(objects, "demo-mcp-flower"), container(objects, "demo-mcp-valkey")

    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert flower[probe]["httpGet"] == {"path": "/healthcheck", "port": "http"}
    assert valkey["readinessProbe"]["exec"]["command"] == ["sh", "/etc/valkey/ping.sh"]
    assert 'REDISCLI_AUTH="$VALKEY_PASSWORD"' in of_kind(objects, "ConfigMap")["demo-mcp-valkey"]["data"]["ping.sh"]


@pytest.mark.parametrize("values", [LEAST, POOLS, EVERYTHING], ids=["default", "pools", "everything"])
def test_nobody_is_killed_before_the_drain_is_over(values: Values):
    """Ours: the grace period is above preStop, drain and last words, whatever the drain is."""
    objects = render(values)

    for name, pod in pods(objects).items():
        if not re.search(r"-(web|worker-\w+)$", name):
            continue
        drain = int(environment(objects, name)["MCP_DRAIN_TIMEOUT"])
        hook = (
            container(objects, name).get("lifecycle", {}).get("preStop", {}).get("exec", {}).get("command", ["", "0"])
        )
        last = GRACE + WEB_LAST_WORDS if name.endswith("-web") else LAST_WORDS.total_seconds()
        assert pod["spec"]["terminationGracePeriodSeconds"] >= int(hook[1]) + drain + last + 5


def test_pods_roll_when_what_they_read_at_their_start_changes():
    """Ours: configuration and secrets do; the ring of keys, which is read again, does not."""

    def sums(**change: Any) -> Object:
        objects = render({**LEAST, **change})
        return {
            name: {key: value for key, value in pod["metadata"]["annotations"].items() if key.startswith("checksum/")}
            for name, pod in pods(objects).items()
            if "test" not in name
        }

    before = sums()
    configured = sums(config={"MCP_LOG_LEVEL": "debug"})
    repassworded = sums(redis={"password": "another"})

    assert all(before.values())
    assert sums(secretKeys={"values": ["YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE="]}) == before
    assert {name for name in before if configured[name] != before[name]} == set(before) - {"demo-mcp-valkey"}
    assert {name for name in before if repassworded[name] != before[name]} == set(before)


def test_placement_and_further_variables_reach_the_pod():
    """Ours: what `web` says."""
    web = pods(render(EVERYTHING))["demo-mcp-web"]

    assert web["spec"]["nodeSelector"] == {"role": "web"}
    assert web["spec"]["tolerations"] == [{"key": "web", "operator": "Exists"}]
    assert web["metadata"]["annotations"]["example.com/team"] == "tools"
    assert environment(render(EVERYTHING), "demo-mcp-web")["TZ"] == "UTC"
    assert web["spec"]["imagePullSecrets"] == [{"name": "registry"}]
    assert container(render(EVERYTHING), "demo-mcp-web")["image"].endswith("@sha256:" + "0" * 64)
