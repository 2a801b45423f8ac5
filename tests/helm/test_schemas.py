"""What the chart makes is what Kubernetes takes, and what cannot work is refused with a sentence."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.helm.chart import (
    CHART,
    EVERYTHING,
    LEAST,
    MONITORED,
    OPEN,
    POOLS,
    SETS,
    Refused,
    Values,
    files,
    helm,
    of_kind,
    render,
)
from tests.helm.operator import SCHEMAS as OPERATOR
from tests.helm.operator import mistakes

KUBERNETES = ("1.27", "1.37")
"""The oldest that the chart asks for, the newest whose schemas there are."""
WITHOUT_SCHEMA = {"ScaledObject", "TriggerAuthentication", "HTTPRoute", *OPERATOR}
WARNING = 2


def validate(objects: list[dict[str, Any]], version: str, folder: Path) -> subprocess.CompletedProcess[str]:
    manifest = folder / "objects.yaml"
    manifest.write_text(yaml.safe_dump_all(objects))
    command = [str(Path(sys.executable).with_name("kubernetes-validate")), "--strict", "-k", version, str(manifest)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("values", SETS.values(), ids=SETS)
def test_lint_has_nothing_to_say(values: Values):
    """Helm's own: `helm lint --strict`."""
    report = helm.lint(CHART, dict(values), strict=True)

    assert report["errors"] == []
    assert [each for each in report["messages"] if each["severity"] >= WARNING] == []


@pytest.mark.parametrize("version", KUBERNETES)
@pytest.mark.parametrize("values", SETS.values(), ids=SETS)
def test_kubernetes_knows_every_field(values: Values, version: str, tmp_path: Path):
    """Kubernetes' own schemas, unknown fields refused."""
    objects = [each for each in render(values) if each["kind"] not in WITHOUT_SCHEMA]

    answer = validate(objects, version, tmp_path)

    said = (answer.stdout + answer.stderr).splitlines()
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert len([line for line in said if "passed for resource" in line]) == len(objects)


@pytest.mark.parametrize("values", [MONITORED, EVERYTHING], ids=["monitored", "everything"])
def test_the_prometheus_operator_knows_every_field(values: Values):
    """The Prometheus Operator's API reference, monitoring.coreos.com/v1, unknown fields refused."""
    found = [each for each in render(values) if each["kind"] in OPERATOR]

    assert {each["kind"] for each in found} == set(OPERATOR)
    assert [error for each in found for error in mistakes(each)] == []


def test_the_operators_judge_finds_what_is_wrong():
    """The test above would fail if it had to."""
    monitor, rule = (of_kind(render(MONITORED), kind) for kind in ("ServiceMonitor", "PrometheusRule"))
    monitor["demo-mcp-web"]["spec"]["endpoints"][0]["targetPorts"] = "metrics"
    rule["demo-mcp"]["spec"]["groups"][0]["rules"][0]["expr"] = None

    assert len(mistakes(monitor["demo-mcp-web"])) == 1
    assert len(mistakes(rule["demo-mcp"])) == 1


def test_the_judge_finds_a_field_that_does_not_exist(tmp_path: Path):
    """The test above would fail if it had to."""
    (wrong, *_) = [each for each in render(LEAST) if each["kind"] == "Deployment"]
    wrong["spec"]["replica"] = 2

    assert validate([wrong], KUBERNETES[-1], tmp_path).returncode != 0


@pytest.mark.parametrize("values", SETS.values(), ids=SETS)
def test_no_object_is_made_twice(values: Values):
    """Ours: of two with a name the second would win."""
    names = [(each["kind"], each["metadata"]["name"]) for each in render(values)]

    assert len(set(names)) == len(names)


REFUSED: Mapping[str, tuple[Values, str]] = {
    "nothing given": ({}, "auth.providers: without authentication"),
    "auth off": ({**LEAST, "auth": {"providers": []}}, "auth.allowUnauthenticated=yes-i-know"),
    "auth off by half": ({**LEAST, "auth": {"allowUnauthenticated": "yes"}}, "allowUnauthenticated"),
    "plain http": ({**LEAST, "publicUrl": "http://mcp.example.com"}, "publicUrl: people sign in"),
    "no client id": ({**LEAST, "auth": {**LEAST["auth"], "settings": {}}}, "auth.settings.MCP_GITHUB_CLIENT_ID"),
    "no client secret": ({**LEAST, "auth": {**LEAST["auth"], "clientSecrets": {}}}, "auth.clientSecrets.github"),
    "local sign-in": ({**LEAST, "auth": {"providers": ["local"]}}, "auth/providers"),
    "no key ring": ({**LEAST, "secretKeys": {}}, "openssl rand -base64 32"),
    "short key": ({**LEAST, "secretKeys": {"values": ["c2hvcnQ="]}}, "secretKeys/values"),
    "no password": ({**LEAST, "redis": {}}, "redis.existingSecret or redis.password"),
    "password that breaks the address": ({**LEAST, "redis": {"password": "a@b/c"}}, "redis/password"),
    "open Flower": ({**LEAST, "flower": {}}, "flower.existingSecret or flower.basicAuth"),
    "Flower without a secret": (
        {**LEAST, "flower": {"url": "https://f.example.com"}},
        "flower.existingSecret or flower.secret",
    ),
    "Flower without people": (
        {**OPEN, "flower": {"url": "https://f.example.com", "secret": "s" * 43}},
        "flower.url: operators sign in",
    ),
    "secret in config": ({**LEAST, "config": {"MCP_GITHUB_CLIENT_SECRET": "x"}}, "'MCP_GITHUB_CLIENT_SECRET'"),
    "what the chart decides": ({**LEAST, "config": {"MCP_REDIS_URL": "redis://x"}}, "'MCP_REDIS_URL'"),
    "no pool": ({**LEAST, "pools": {"default": None}}, "pools: without a worker pool"),
    "pool without queues": ({**LEAST, "pools": {"idle": {}}}, "pools.idle.queues"),
    "cpu from zero": (
        {**LEAST, "pools": {"default": {"queues": ["default"], "autoscaling": {"type": "hpa", "minReplicas": 0}}}},
        "only keda scales from 0",
    ),
    "calls that do not wait": (
        {**POOLS, "config": {"MCP_NO_WORKER_TIMEOUT": 15}},
        "config.MCP_NO_WORKER_TIMEOUT: a pool scales from 0",
    ),
    "name too long": ({**LEAST, "pools": {"x" * 30: {"queues": ["x"]}}}, f"'{'x' * 30}'"),
    "unknown value": ({**POOLS, "replicas": 3}, "replicas"),
    "a monitor with nothing to scrape": ({**LEAST, "metrics": {"podMonitor": {"enabled": True}}}, "metrics.enabled"),
    "a monitor behind a wall": ({**MONITORED, "networkPolicy": {}}, "networkPolicy.metricsFrom: a monitor is on"),
    "rules of half the processes": (
        {**MONITORED, "metrics": {**MONITORED["metrics"], "podMonitor": {}}},
        "metrics.prometheusRule.enabled: the rules ask for the labels",
    ),
    "an alert that there is not": (
        {
            **MONITORED,
            "metrics": {**MONITORED["metrics"], "prometheusRule": {"enabled": True, "disabled": ["McpAway"]}},
        },
        "metrics.prometheusRule.disabled: there is no alert McpAway",
    ),
    "metrics where clients are": ({**LEAST, "metrics": {"port": 3000}}, "metrics.port: 3000"),
    "metrics by a variable": ({**LEAST, "config": {"MCP_METRICS_PORT": 9464}}, "'MCP_METRICS_PORT'"),
    "an interval without a unit": ({**LEAST, "metrics": {"podMonitor": {"interval": "30"}}}, "podMonitor/interval"),
    "no gateway": ({**LEAST, "httpRoute": {"enabled": True}}, "httpRoute.parentRefs"),
    "ingress without a host": (
        {**LEAST, "publicUrl": "", "auth": {"allowUnauthenticated": "yes-i-know"}, "ingress": {"enabled": True}},
        "publicUrl: Ingress and HTTPRoute need",
    ),
}


def redis(**given: Any) -> Values:
    """Values with a Redis of the operator's own."""
    beside = {name: given.pop(name) for name in ("sentinelPasswordKey", "existingSecret") if name in given}
    return {**LEAST, "redis": {"external": given, **beside}}


REDIS_REFUSED: Mapping[str, tuple[Values, str]] = {
    "nodes of what": (redis(nodes=["a:6379"]), "redis.external.nodes: redis.external.mode must say"),
    "a cluster of nobody": (redis(mode="cluster"), "redis.external.nodes: redis.external.mode is cluster"),
    "sentinels of nobody": (redis(mode="sentinel"), "redis.external.nodes: redis.external.mode is sentinel"),
    "a cluster by a host": (
        redis(mode="cluster", nodes=["a:6379"], host="a"),
        "redis.external.host: redis.external.mode is cluster",
    ),
    "a numbered database of a cluster": (
        redis(mode="cluster", nodes=["a:6379"], database=1),
        "redis.external.database: a cluster has database 0 alone",
    ),
    "a service of no sentinel": (redis(host="a", service="tools"), "redis.external.service: only sentinels"),
    "a password of no sentinel": (
        redis(host="a", sentinelPasswordKey="s", existingSecret="our-redis"),
        "redis.sentinelPasswordKey: only sentinels",
    ),
    "a sentinel's password from nowhere": (
        redis(mode="sentinel", nodes=["a:26379"], sentinelPasswordKey="s"),
        "redis.sentinelPasswordKey: it is a key of redis.existingSecret",
    ),
    "TLS to the bundled Valkey": (redis(tls=True), "redis.external.tls: the bundled Valkey"),
    "an authority without TLS": (redis(host="a", tlsSecret="our-tls"), "redis.external.tlsSecret: it is for TLS"),
    "a certificate from nowhere": (
        redis(host="a", tls=True, clientCertificate=True),
        "redis.external.clientCertificate: the certificate comes from",
    ),
    "a node without a port": (redis(mode="cluster", nodes=["a"]), "nodes/0"),
    "a node behind no port": (redis(mode="cluster", nodes=["a:65536"]), "nodes/0"),
    "another topology": (redis(mode="ring", nodes=["a:6379"]), "external/mode"),
    "files by a variable": ({**LEAST, "config": {"MCP_REDIS_CA_FILE": "/ca.pem"}}, "'MCP_REDIS_CA_FILE'"),
}
ALL_REFUSED = {**REFUSED, **REDIS_REFUSED}


@pytest.mark.parametrize(("values", "says"), ALL_REFUSED.values(), ids=ALL_REFUSED)
def test_what_cannot_work_is_refused_by_name(values: Values, says: str):
    """Ours: before anything is installed, and the sentence names the value."""
    with pytest.raises(Refused) as refused:
        render(values)

    assert says in str(refused.value)


def test_every_value_is_in_the_schema():
    """Ours: a misspelt value is refused, at every depth."""
    schema = json.loads((CHART / "values.schema.json").read_text())
    values = yaml.safe_load((CHART / "values.yaml").read_text())

    def unknown(given: Mapping[str, Any], at: dict[str, Any], path: str) -> list[str]:
        at = schema["definitions"][at["$ref"].rpartition("/")[2]] if "$ref" in at else at
        known = at.get("properties")
        if known is None:
            return []
        missing = [f"{path}{key}" for key in known.keys() ^ given.keys() if key != "global"]
        below = [
            each
            for key in known.keys() & given.keys()
            if isinstance(given[key], dict)
            for each in unknown(given[key], known[key], f"{path}{key}.")
        ]
        return missing + below

    assert sorted(unknown(values, schema, "")) == [
        "auth.clientSecrets.auth0",
        *(f"auth.clientSecrets.{each}" for each in ("github", "google", "oidc")),
    ]


def test_the_notes_say_when_the_door_is_open():
    """Ours: and where clients, pools and Flower are."""
    notes = {name: files(SETS[name])["mcp-server-playground/templates/NOTES.txt"] for name in SETS}

    assert {name for name, text in notes.items() if "NO authentication" in text} == {"auth-off"}
    assert {name for name, text in notes.items() if "Flower:" not in text} == {"no-flower"}
    assert "https://mcp.example.com/mcp" in notes["default"]
    assert "aws, default, rare" in notes["three-pools-with-keda"]
    assert {name for name, text in notes.items() if "Metrics:" in text} == {"monitored", "everything"}


def test_the_notes_say_when_nobody_may_scrape():
    """Ours: a port that is served behind a wall without a door."""
    (notes,) = [
        text for path, text in files({**LEAST, "metrics": {"enabled": True}}).items() if path.endswith("NOTES.txt")
    ]

    assert "which nobody may reach: see networkPolicy.metricsFrom" in notes
    assert "which nobody may reach" not in files(MONITORED)["mcp-server-playground/templates/NOTES.txt"]
