"""The chart as Helm's own engine renders it, and the ways to fill it in that its tests go through."""

import importlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

ROOT: Final = Path(__file__).parent.parent.parent
CHART: Final = ROOT / "helm" / "mcp-server-playground"
NAMESPACE: Final = "tools"

Values = Mapping[str, Any]
Object = dict[str, Any]

KEY: Final = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
PASSWORD: Final = "of-the-store"
CLIENT_SECRET: Final = "of-the-provider"
VISITOR: Final = "ops:of-flower"

LEAST: Final[Values] = {
    "publicUrl": "https://mcp.example.com",
    "auth": {
        "providers": ["github"],
        "settings": {"MCP_GITHUB_CLIENT_ID": "Iv1.example"},
        "clientSecrets": {"github": CLIENT_SECRET},
    },
    "secretKeys": {"values": [KEY]},
    "redis": {"password": PASSWORD},
    "flower": {"basicAuth": VISITOR},
}
"""What nobody but the operator can know; all else is the chart's default."""

EXTERNAL: Final[Values] = {
    **LEAST,
    "redis": {
        "external": {"host": "redis.example.com", "port": 6380, "database": 2, "username": "mcp", "tls": True},
        "password": PASSWORD,
    },
}
POOLS: Final[Values] = {
    **LEAST,
    "pools": {
        "default": {
            "queues": ["default"],
            "autoscaling": {"type": "keda", "minReplicas": 1, "maxReplicas": 30, "jobsPerReplica": 20},
        },
        "aws": {
            "queues": ["ecs", "logs"],
            "concurrency": 50,
            "drainSeconds": 120,
            "autoscaling": {"type": "keda"},
            "resources": {"limits": {"memory": "2Gi"}},
            "serviceAccount": {"annotations": {"eks.amazonaws.com/role-arn": "arn:aws:iam::123456789012:role/tools"}},
        },
        "rare": {"queues": ["rare"], "autoscaling": {"type": "keda", "minReplicas": 0}},
    },
}
CLUSTER: Final[Values] = {
    **POOLS,
    "redis": {
        "external": {
            "mode": "cluster",
            "nodes": ["redis-0.example.com:6380", "redis-1.example.com:6380", "redis-2.example.com:6381"],
            "username": "mcp",
            "tls": True,
            "tlsSecret": "our-redis-tls",
            "clientCertificate": True,
        },
        "existingSecret": "our-redis",
    },
}
SENTINEL: Final[Values] = {
    **POOLS,
    "redis": {
        "external": {
            "mode": "sentinel",
            "nodes": ["sentinel-0.example.com:26379", "sentinel-1.example.com:26379"],
            "port": 6390,
            "service": "tools",
            "database": 2,
        },
        "existingSecret": "our-redis",
        "sentinelPasswordKey": "sentinel-password",
    },
}
GATEWAY: Final[Values] = {**LEAST, "httpRoute": {"enabled": True, "parentRefs": [{"name": "public"}]}}
SIGN_IN: Final[Values] = {
    **LEAST,
    "flower": {"url": "https://flower.example.com", "secret": "s" * 43, "persistence": {"existingClaim": "seen"}},
}
WITHOUT_FLOWER: Final[Values] = {**LEAST, "flower": {"enabled": False}}
PROMETHEUS: Final = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}
MONITORED: Final[Values] = {
    **POOLS,
    "metrics": {
        "enabled": True,
        **{each: {"enabled": True} for each in ("serviceMonitor", "podMonitor", "prometheusRule", "dashboard")},
    },
    "networkPolicy": {"metricsFrom": [PROMETHEUS]},
}
EVERYTHING: Final[Values] = {
    **POOLS,
    "config": {"MCP_LOG_LEVEL": "debug", "MCP_TASK_LIMIT": 50},
    "image": {"digest": "sha256:" + "0" * 64, "pullSecrets": [{"name": "registry"}]},
    "pools": {**POOLS["pools"], "cpu": {"queues": ["cpu"], "autoscaling": {"type": "hpa", "minReplicas": 2}}},
    "web": {
        "drainSeconds": 30,
        "autoscaling": {"enabled": True},
        "nodeSelector": {"role": "web"},
        "tolerations": [{"key": "web", "operator": "Exists"}],
        "podAnnotations": {"example.com/team": "tools"},
        "extraEnv": [{"name": "TZ", "value": "UTC"}],
    },
    "ingress": {"enabled": True, "tlsSecret": "mcp-tls"},
    "httpRoute": GATEWAY["httpRoute"],
    "networkPolicy": {
        "webFrom": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "ingress-nginx"}}}],
        "flowerFrom": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "operators"}}}],
        "egressPorts": [8443],
        "metricsFrom": [{**PROMETHEUS, "podSelector": {"matchLabels": {"app.kubernetes.io/name": "prometheus"}}}],
    },
    "metrics": {
        "enabled": True,
        "port": 9100,
        **{
            each: {
                "enabled": True,
                "labels": {"release": "prometheus"},
                "interval": "15s",
                "scrapeTimeout": "5s",
                "relabelings": [{"targetLabel": "cluster", "replacement": "blue"}],
                "metricRelabelings": [
                    {"sourceLabels": ["__name__"], "regex": "python_gc_.*", "action": "drop"},
                ],
            }
            for each in ("serviceMonitor", "podMonitor")
        },
        "prometheusRule": {
            "enabled": True,
            "labels": {"release": "prometheus"},
            "alertLabels": {"team": "tools", "severity": "page"},
            "disabled": ["McpAwsRefuses", "McpTasksFail"],
            "runbook": "https://wiki.example.com/mcp",
        },
        "dashboard": {"enabled": True, "annotations": {"grafana_folder": "Tools"}},
    },
}
OPEN: Final[Values] = {**LEAST, "publicUrl": "", "auth": {"allowUnauthenticated": "yes-i-know"}}
EXISTING: Final[Values] = {
    "publicUrl": "https://mcp.example.com",
    "auth": {
        "providers": ["github", "oidc"],
        "settings": {
            "MCP_GITHUB_CLIENT_ID": "Iv1.example",
            "MCP_OIDC_ISSUER": "https://id.example.com",
            "MCP_OIDC_CLIENT_ID": "mcp",
        },
        "existingSecret": "our-auth",
    },
    "secretKeys": {"existingSecret": "our-ring", "key": "ring"},
    "redis": {"existingSecret": "our-redis", "passwordKey": "pass"},
    "flower": {"existingSecret": "our-flower", "key": "visitor"},
}

SETS: Final[Mapping[str, Values]] = {
    "default": LEAST,
    "external-redis": EXTERNAL,
    "three-pools-with-keda": POOLS,
    "cluster-with-tls-and-keda": CLUSTER,
    "sentinel-with-keda": SENTINEL,
    "gateway-api": GATEWAY,
    "no-flower": WITHOUT_FLOWER,
    "flower-with-sign-in": SIGN_IN,
    "monitored": MONITORED,
    "everything": EVERYTHING,
    "auth-off": OPEN,
    "existing-secrets": EXISTING,
}

helm: Final[Any] = importlib.import_module("helm_python")
"""Only the environment of `make helm` has it."""


class Refused(Exception):
    """The chart says no, in words."""


@cache
def _chart() -> Any:
    return helm.Chart.load(CHART)


def files(values: Values) -> dict[str, str]:
    """What each template became, by its path; Refused when the chart or its schema say no."""
    try:
        return _chart().render(dict(values), name="demo", namespace=NAMESPACE)
    except (helm.HelmRenderError, helm.HelmValuesError) as error:
        raise Refused(str(error)) from None


def render(values: Values) -> list[Object]:
    """All objects that these values make."""
    texts = [text for path, text in sorted(files(values).items()) if not path.endswith("NOTES.txt")]
    return [each for text in texts for each in yaml.safe_load_all(text) if each]


def of_kind(objects: list[Object], kind: str) -> dict[str, Object]:
    """The objects of a kind, by name."""
    return {each["metadata"]["name"]: each for each in objects if each["kind"] == kind}


def workloads(objects: list[Object]) -> dict[str, Object]:
    """What runs pods, by name."""
    return {**of_kind(objects, "Deployment"), **of_kind(objects, "StatefulSet")}


def pods(objects: list[Object]) -> dict[str, Object]:
    """Every pod there will be: metadata and spec, by the name of what makes it."""
    made = {name: each["spec"]["template"] for name, each in workloads(objects).items()}
    return {**made, **of_kind(objects, "Pod")}


def container(objects: list[Object], name: str) -> Object:
    """The one container of a pod."""
    (found,) = pods(objects)[name]["spec"]["containers"]
    return found


def environment(objects: list[Object], name: str) -> dict[str, Any]:
    """The environment of a container: its ConfigMaps, then its own variables, by name."""
    found = container(objects, name)
    maps = of_kind(objects, "ConfigMap")
    given: dict[str, Any] = {}
    for each in found.get("envFrom", []):
        given |= maps[each["configMapRef"]["name"]]["data"]
    return given | {each["name"]: each.get("value", each.get("valueFrom")) for each in found["env"]}


def matching(objects: list[Object], selector: Mapping[str, str]) -> set[str]:
    """The pods that carry all labels of *selector*, by the name of what makes them."""
    return {name for name, pod in pods(objects).items() if selector.items() <= pod["metadata"]["labels"].items()}
