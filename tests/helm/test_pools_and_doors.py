"""Pools scale by their own queues under their own names; doors let events through; walls let only friends through."""

from typing import Any

from storage import keys
from tests.helm.chart import (
    EVERYTHING,
    EXTERNAL,
    GATEWAY,
    LEAST,
    POOLS,
    Object,
    container,
    matching,
    of_kind,
    pods,
    render,
    workloads,
)


def test_each_pool_serves_its_queues_with_its_concurrency():
    """Ours: and no queue of another's."""
    objects = render(POOLS)

    assert {name: container(objects, name)["args"] for name in pods(objects) if "worker" in name} == {
        "demo-mcp-worker-default": ["--queues=default", "--concurrency=20"],
        "demo-mcp-worker-aws": ["--queues=ecs,logs", "--concurrency=50"],
        "demo-mcp-worker-rare": ["--queues=rare", "--concurrency=20"],
    }


def lists(scaled: Object) -> list[str]:
    return [each["metadata"]["listName"] for each in scaled["spec"]["triggers"]]


def test_keda_counts_the_lists_that_the_broker_fills():
    """Ours: storage/keys.py names them."""
    scaled = of_kind(render(POOLS), "ScaledObject")

    assert {name: lists(each) for name, each in scaled.items()} == {
        "demo-mcp-worker-default": [keys.broker_queue("default")],
        "demo-mcp-worker-aws": [keys.broker_queue("ecs"), keys.broker_queue("logs")],
        "demo-mcp-worker-rare": [keys.broker_queue("rare")],
    }


def test_keda_reaches_redis_from_its_own_namespace():
    """KEDA: an address of host and port, the password by a TriggerAuthentication, everything text."""
    pools = {"pools": POOLS["pools"]}
    bundled, external = render(POOLS), render({**EXTERNAL, **pools})
    trigger: dict[str, Any] = of_kind(bundled, "ScaledObject")["demo-mcp-worker-rare"]["spec"]["triggers"][0]
    elsewhere: dict[str, Any] = of_kind(external, "ScaledObject")["demo-mcp-worker-rare"]["spec"]["triggers"][0]

    assert trigger["metadata"] == {
        "address": "demo-mcp-valkey.tools.svc:6379",
        "listName": "mcp:broker:rare",
        "listLength": "10",
        "databaseIndex": "0",
        "enableTLS": "false",
    }
    assert elsewhere["metadata"] == {
        "address": "redis.example.com:6380",
        "username": "mcp",
        "listName": "mcp:broker:rare",
        "listLength": "10",
        "databaseIndex": "2",
        "enableTLS": "true",
    }
    authentication = of_kind(bundled, "TriggerAuthentication")[trigger["authenticationRef"]["name"]]
    assert authentication["spec"]["secretTargetRef"] == [
        {"parameter": "password", "name": "demo-mcp-redis", "key": "redis-password"}
    ]


def test_one_thing_alone_decides_about_the_replicas_of_a_workload():
    """Ours: a number, an HPA or a ScaledObject; two would fight."""
    objects = render(EVERYTHING)
    scaled = of_kind(objects, "ScaledObject").values()
    by_hpa = [each["spec"]["scaleTargetRef"]["name"] for each in of_kind(objects, "HorizontalPodAutoscaler").values()]
    by_keda = [each["spec"]["scaleTargetRef"]["name"] for each in scaled]
    by_number = [name for name, each in workloads(objects).items() if "replicas" in each["spec"]]

    assert sorted([*by_hpa, *by_keda, *by_number]) == sorted(workloads(objects))
    assert sorted(by_hpa) == ["demo-mcp-web", "demo-mcp-worker-cpu"]
    assert {each["metadata"]["name"]: each["spec"]["minReplicaCount"] for each in scaled} == {
        "demo-mcp-worker-aws": 1,
        "demo-mcp-worker-default": 1,
        "demo-mcp-worker-rare": 0,
    }


def test_each_pool_has_an_identity_of_its_own():
    """Ours: the AWS role of one pool's tools is not another's."""
    objects = render(POOLS)
    accounts = of_kind(objects, "ServiceAccount")
    used = {name: pod["spec"]["serviceAccountName"] for name, pod in pods(objects).items() if "test" not in name}

    assert used == {name: name for name in used}
    assert set(used) == set(accounts)
    assert [
        name
        for name, each in accounts.items()
        if "eks.amazonaws.com/role-arn" in each["metadata"].get("annotations", {})
    ] == ["demo-mcp-worker-aws"]


def test_the_ingress_passes_events_on_at_once():
    """ingress-nginx: no buffer, and an hour of silence before it gives up."""
    ingress = of_kind(render(EVERYTHING), "Ingress")["demo-mcp"]
    (rule,) = ingress["spec"]["rules"]

    notes = {key.rpartition("/")[2]: value for key, value in ingress["metadata"]["annotations"].items()}
    assert notes["proxy-buffering"] == "off"
    assert notes["proxy-read-timeout"] == "3600"
    assert rule["host"] == "mcp.example.com"
    assert rule["http"]["paths"][0]["backend"]["service"] == {"name": "demo-mcp-web", "port": {"name": "http"}}
    assert ingress["spec"]["tls"] == [{"hosts": ["mcp.example.com"], "secretName": "mcp-tls"}]


def test_the_route_never_times_a_stream_out():
    """Gateway API: a time-out of zero is none."""
    route = of_kind(render(GATEWAY), "HTTPRoute")["demo-mcp"]["spec"]
    (rule,) = route["rules"]

    assert rule["timeouts"] == {"request": "0s", "backendRequest": "0s"}
    assert rule["backendRefs"] == [{"name": "demo-mcp-web", "port": 80}]
    assert route["hostnames"] == ["mcp.example.com"]
    assert route["parentRefs"] == [{"name": "public"}]
    assert of_kind(render(GATEWAY), "Ingress") == {}


def admitted(objects: list[Object], policy: Object) -> set[str]:
    """The pods of ours that a policy lets in, by pod selectors."""
    return {
        name
        for rule in policy["spec"].get("ingress", [])
        for peer in rule.get("from", [])
        if "podSelector" in peer
        for name in matching(objects, peer["podSelector"]["matchLabels"])
    }


def test_each_wall_stands_around_its_own_component():
    """Ours: every pod that serves or works is behind one."""
    objects = render(POOLS)
    workers = {name for name in pods(objects) if "-worker-" in name}
    behind = {
        name: matching(objects, each["spec"]["podSelector"]["matchLabels"])
        for name, each in of_kind(objects, "NetworkPolicy").items()
    }

    assert behind == {
        "demo-mcp-web": {"demo-mcp-web"},
        "demo-mcp-worker": workers,
        "demo-mcp-flower": {"demo-mcp-flower"},
        "demo-mcp-valkey": {"demo-mcp-valkey"},
    }


def test_valkey_lets_in_those_that_need_it_and_calls_nobody():
    """Ours: not the test pod, not a neighbour."""
    objects = render(POOLS)
    policy = of_kind(objects, "NetworkPolicy")["demo-mcp-valkey"]
    strangers = [peer for rule in policy["spec"]["ingress"] for peer in rule["from"] if "podSelector" not in peer]

    assert admitted(objects, policy) == {name for name in pods(objects) if "valkey" not in name and "test" not in name}
    assert strangers == [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "keda"}}}]
    assert "egress" not in policy["spec"]
    assert policy["spec"]["policyTypes"] == ["Ingress", "Egress"]


def test_everybody_who_needs_redis_may_reach_it():
    """Ours: the bundled one by its pods, another by its port; and names are resolved."""
    bundled, external = render(LEAST), render(EXTERNAL)

    for name in ("demo-mcp-web", "demo-mcp-worker", "demo-mcp-flower"):
        names, store, *_ = of_kind(bundled, "NetworkPolicy")[name]["spec"]["egress"]
        (peer,) = store["to"]
        assert {each["port"] for each in names["ports"]} == {53}
        assert matching(bundled, peer["podSelector"]["matchLabels"]) == {"demo-mcp-valkey"}
        assert store["ports"] == [{"port": "redis"}]
        assert of_kind(external, "NetworkPolicy")[name]["spec"]["egress"][1] == {"ports": [{"port": 6380}]}


def test_nobody_knocks_at_a_worker_or_at_flower_unless_told():
    """Ours: both list no one who may come in; with metrics on, a worker has a door for Prometheus alone."""
    closed, opened = (of_kind(render(each), "NetworkPolicy") for each in (LEAST, EVERYTHING))

    for name in ("demo-mcp-worker", "demo-mcp-flower"):
        assert "ingress" not in closed[name]["spec"]
        assert "Ingress" in closed[name]["spec"]["policyTypes"]
    assert "ingress" in opened["demo-mcp-flower"]["spec"]
    assert [each["ports"] for each in opened["demo-mcp-worker"]["spec"]["ingress"]] == [[{"port": "metrics"}]]


def test_a_test_of_the_release_may_knock_where_only_proxies_may():
    """Ours: `helm test` works behind webFrom."""
    objects = render(EVERYTHING)

    assert admitted(objects, of_kind(objects, "NetworkPolicy")["demo-mcp-web"]) == {"demo-mcp-test-ready"}
    assert pods(objects)["demo-mcp-test-ready"]["metadata"]["annotations"]["helm.sh/hook"] == "test"
