"""What the Prometheus Operator takes (monitoring.coreos.com/v1), as far as the chart may use it."""

from collections.abc import Mapping
from typing import Any, Final

from jsonschema import Draft7Validator

Schema = dict[str, Any]

TEXT: Final[Schema] = {"type": "string", "minLength": 1}
TEXTS: Final[Schema] = {"type": "array", "items": TEXT}
LABELS: Final[Schema] = {"type": "object", "additionalProperties": {"type": "string"}}
DURATION: Final[Schema] = {
    "type": "string",
    "pattern": "^([0-9]+y)?([0-9]+w)?([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?$",
}


def closed(*required: str, **properties: Schema) -> Schema:
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
        "required": list(required),
    }


RELABELINGS: Final[Schema] = {
    "type": "array",
    "items": closed(
        sourceLabels=TEXTS,
        separator=TEXT,
        targetLabel=TEXT,
        regex=TEXT,
        modulus={"type": "integer"},
        replacement={"type": "string"},
        action={"enum": ["replace", "keep", "drop", "hashmod", "labelmap", "labeldrop", "labelkeep", "lowercase"]},
    ),
}
ENDPOINTS: Final[Schema] = {
    "type": "array",
    "minItems": 1,
    "items": closed(
        "port",
        port=TEXT,
        path=TEXT,
        interval=DURATION,
        scrapeTimeout=DURATION,
        relabelings=RELABELINGS,
        metricRelabelings=RELABELINGS,
    ),
}
SELECTOR: Final[Schema] = closed("matchLabels", matchLabels=LABELS)
ALERT: Final[Schema] = closed(
    "alert", "expr", alert=TEXT, expr=TEXT, labels=LABELS, annotations=LABELS, **{"for": DURATION}
)

SPECS: Final[Mapping[str, Schema]] = {
    "ServiceMonitor": closed(
        "selector", "endpoints", selector=SELECTOR, jobLabel=TEXT, podTargetLabels=TEXTS, endpoints=ENDPOINTS
    ),
    "PodMonitor": closed(
        "selector", selector=SELECTOR, jobLabel=TEXT, podTargetLabels=TEXTS, podMetricsEndpoints=ENDPOINTS
    ),
    "PrometheusRule": closed(
        "groups",
        groups={"type": "array", "items": closed("name", name=TEXT, rules={"type": "array", "items": ALERT})},
    ),
}
SCHEMAS: Final[Mapping[str, Schema]] = {
    kind: closed(
        "apiVersion",
        "metadata",
        "spec",
        apiVersion={"const": "monitoring.coreos.com/v1"},
        kind={"const": kind},
        metadata=closed("name", "labels", name=TEXT, labels=LABELS),
        spec=spec,
    )
    for kind, spec in SPECS.items()
}


def mistakes(found: Mapping[str, Any]) -> list[str]:
    """What the operator would refuse in an object of one of these kinds."""
    return [each.message for each in Draft7Validator(SCHEMAS[found["kind"]]).iter_errors(found)]  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]  # half typed
