"""The monitors find whom they mean, the rules ask for what the monitors give, and the port is open to Prometheus alone.

`make alerts` has the rules judged by Prometheus itself.
"""

import json
import re
from typing import Any

import pytest
import yaml

from storage.settings import MetricsSettings, read
from tests.helm.chart import (
    CHART,
    EVERYTHING,
    GATEWAY,
    LEAST,
    MONITORED,
    NAMESPACE,
    PROMETHEUS,
    Object,
    Values,
    container,
    environment,
    matching,
    of_kind,
    pods,
    render,
)

each_set = pytest.mark.parametrize("values", [MONITORED, EVERYTHING], ids=["monitored", "everything"])
SCOPE = f'namespace="{NAMESPACE}",job="demo"'
SOURCE = yaml.safe_load((CHART / "files" / "alerts.yml").read_text())["groups"]


def measured(objects: list[Object]) -> set[str]:
    return {name for name in pods(objects) if re.search(r"-web$|-worker-", name)}


def services(objects: list[Object], selector: dict[str, str]) -> dict[str, Object]:
    """The Services that carry all labels of *selector*, by name."""
    return {
        name: each
        for name, each in of_kind(objects, "Service").items()
        if selector.items() <= each["metadata"]["labels"].items()
    }


def rules(values: Values) -> list[dict[str, Any]]:
    (group,) = of_kind(render(values), "PrometheusRule")["demo-mcp"]["spec"]["groups"]
    return group["rules"]


@each_set
def test_the_service_monitor_means_the_web_processes_alone(values: Values):
    """Ours: not Flower, not Valkey, not the Service that clients reach; a replica that is not ready too."""
    objects = render(values)
    (monitor,) = of_kind(objects, "ServiceMonitor").values()
    (endpoint,) = monitor["spec"]["endpoints"]

    found = services(objects, monitor["spec"]["selector"]["matchLabels"])

    assert set(found) == {"demo-mcp-web-metrics"}
    spec = found["demo-mcp-web-metrics"]["spec"]
    assert matching(objects, spec["selector"]) == {"demo-mcp-web"}
    assert [each["name"] for each in spec["ports"]] == [endpoint["port"]]
    assert (spec["clusterIP"], spec["publishNotReadyAddresses"]) == ("None", True)


@each_set
def test_the_pod_monitor_means_the_workers_of_every_pool_alone(values: Values):
    """Ours: by a port that each of them has."""
    objects = render(values)
    (monitor,) = of_kind(objects, "PodMonitor").values()
    (endpoint,) = monitor["spec"]["podMetricsEndpoints"]

    found = matching(objects, monitor["spec"]["selector"]["matchLabels"])

    assert found == {name for name in pods(objects) if "-worker-" in name}
    assert len(found) >= 3
    assert {port["name"] for name in found for port in container(objects, name)["ports"]} == {endpoint["port"]}


@each_set
def test_the_port_that_is_named_is_the_port_that_is_served(values: Values, monkeypatch: pytest.MonkeyPatch):
    """Ours: on every address of the pod, as the server's own settings read it; in Flower and Valkey there is none."""
    objects = render(values)
    opened = {
        name: [port["containerPort"] for port in container(objects, name).get("ports", []) if port["name"] == "metrics"]
        for name in pods(objects)
    }
    assert {name for name, ports in opened.items() if ports} == measured(objects)

    for name in measured(objects):
        for key, value in environment(objects, name).items():
            monkeypatch.setenv(key, str(value))
        settings = read(MetricsSettings)
        assert ([settings.port], settings.host) == (opened[name], "0.0.0.0")  # noqa: S104  # inside its own network namespace


@pytest.mark.parametrize("values", [EVERYTHING, {**MONITORED, **GATEWAY}], ids=["everything", "gateway"])
def test_no_door_for_clients_leads_to_the_metrics(values: Values):
    """Ours: neither Ingress nor HTTPRoute nor their Service knows the port."""
    objects = render(values)
    doors = [*of_kind(objects, "Ingress").values(), *of_kind(objects, "HTTPRoute").values()]
    told = json.dumps([doors, of_kind(objects, "Service")["demo-mcp-web"]["spec"]])

    assert doors
    assert "metrics" not in told
    assert re.findall(r"9464|9100", told) == []


def test_without_being_asked_nothing_is_measured():
    """Ours: the chart's defaults open no port and make nothing that only an operator knows."""
    objects = render(LEAST)
    told = yaml.safe_dump(objects)

    assert "MCP_METRICS" not in told
    assert "metrics" not in {
        each["name"] for name in pods(objects) for each in container(objects, name).get("ports", [])
    }
    assert not [each for each in objects if each["apiVersion"].startswith("monitoring.coreos.com")]
    assert "dashboard" not in told


@each_set
def test_prometheus_may_knock_at_the_metrics_and_nobody_else_may(values: Values):
    """Ours: one rule of one port in each wall, and it lets in whom metricsFrom names."""
    policies = of_kind(render(values), "NetworkPolicy")
    mentions = {
        name: [rule for rule in each["spec"].get("ingress", []) if {"port": "metrics"} in rule["ports"]]
        for name, each in policies.items()
    }

    given = values["networkPolicy"]["metricsFrom"]
    wanted = [{"ports": [{"port": "metrics"}], "from": given}]
    assert {name: found for name, found in mentions.items() if found} == {
        "demo-mcp-web": wanted,
        "demo-mcp-worker": wanted,
    }
    for each in policies.values():
        for rule in each["spec"].get("ingress", []):
            assert rule["ports"]
            assert all(port["port"] in ("http", "redis", "metrics") for port in rule["ports"])


def test_a_wall_without_somebody_named_lets_nobody_to_the_metrics():
    """Ours: a rule with an empty `from` would let in everybody."""
    policies = of_kind(render({**LEAST, "metrics": {"enabled": True}}), "NetworkPolicy")

    assert [rule["ports"] for rule in policies["demo-mcp-web"]["spec"]["ingress"]] == [[{"port": "http"}]]
    assert "ingress" not in policies["demo-mcp-worker"]["spec"]
    assert PROMETHEUS not in policies.values()


def test_the_rules_are_those_of_the_file_for_this_release():
    """Ours: not one more or fewer; the scope aside they are the same, word for word."""
    made = rules(MONITORED)

    assert [{**each, "expr": unscoped(each["expr"]), "labels": severity(each)} for each in made] == SOURCE[0]["rules"]
    assert len(SOURCE) == 1
    for each in made:
        assert each["expr"].count(SCOPE) == len(re.findall(r"\bmcp_", each["expr"]))
        assert "}{" not in each["expr"]


def unscoped(expression: str) -> str:
    return expression.replace(f"{{{SCOPE}}}", "").replace(f"{SCOPE},", "")


def severity(rule: dict[str, Any]) -> dict[str, str]:
    return {"severity": rule["labels"]["severity"]}


def test_rules_ask_for_the_labels_that_the_monitors_give():
    """Prometheus Operator: `namespace` is the object's, `job` what jobLabel names, of the Service and of the pod."""
    objects = render(MONITORED)
    (of_web,) = of_kind(objects, "ServiceMonitor").values()
    (of_workers,) = of_kind(objects, "PodMonitor").values()
    (service,) = services(objects, of_web["spec"]["selector"]["matchLabels"]).values()
    workers = matching(objects, of_workers["spec"]["selector"]["matchLabels"])

    jobs = {service["metadata"]["labels"][of_web["spec"]["jobLabel"]]} | {
        pods(objects)[name]["metadata"]["labels"][of_workers["spec"]["jobLabel"]] for name in workers
    }

    assert {f'namespace="{NAMESPACE}",job="{job}"' for job in jobs} == {SCOPE}
    assert {(each["labels"]["namespace"], each["labels"]["job"]) for each in rules(MONITORED)} == {(NAMESPACE, "demo")}


def test_alerts_are_labelled_left_out_and_explained_as_the_values_say():
    """Ours: `severity` stays the rule's own; the address of the runbook is yours, its sections are the same."""
    given = EVERYTHING["metrics"]["prometheusRule"]
    wanted = [each for each in SOURCE[0]["rules"] if each["alert"] not in given["disabled"]]
    made = rules(EVERYTHING)

    assert [each["alert"] for each in made] == [each["alert"] for each in wanted]
    assert [each["labels"] for each in made] == [
        {"team": "tools", "namespace": NAMESPACE, "job": "demo", **each["labels"]} for each in wanted
    ]
    assert [each["annotations"]["runbook_url"] for each in made] == [
        f"https://wiki.example.com/mcp#{each['alert'].lower()}" for each in wanted
    ]


@each_set
def test_the_dashboard_is_the_file(values: Values):
    """Grafana's sidecar: it looks for the label, and takes the folder from the annotation."""
    found = of_kind(render(values), "ConfigMap")["demo-mcp-dashboard"]

    assert [json.loads(each) for each in found["data"].values()] == [
        json.loads((CHART / "files" / "dashboard.json").read_text())
    ]
    assert found["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert found["metadata"]["annotations"]["grafana_folder"] in ("MCP", "Tools")


@each_set
def test_the_guide_and_the_chart_have_one_set_of_rules_and_one_dashboard(values: Values):
    """Ours: docs/monitoring leads to the chart's files, which a chart that is packed has with it."""
    for name in ("alerts.yml", "dashboard.json"):
        assert (CHART.parent.parent / "docs" / "monitoring" / name).resolve() == CHART / "files" / name
    assert values
