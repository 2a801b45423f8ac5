"""The protocols of AWS, by botocore's own service models: requests read, answers and refusals written.

An answer that does not fit its model is a mistake of the stand-in, and fails the request loudly.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final, cast
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from botocore.validate import ParamValidator
from moto.core.parse import PROTOCOL_PARSERS
from moto.core.serialize import SERIALIZERS
from moto.core.utils import get_service_model

Parameters = dict[str, Any]

NAMES: Final = {
    "ecs": "ecs",
    "ecr": "ecr",
    "elasticloadbalancing": "elbv2",
    "ec2": "ec2",
    "monitoring": "cloudwatch",
    "application-autoscaling": "application-autoscaling",
    "cloudtrail": "cloudtrail",
    "logs": "logs",
}
"""What requests are signed for, and what botocore calls the service."""
ACTIONS: Final = {"elbv2": "elasticloadbalancing"}
"""What IAM calls a service, where that is another name."""


ROWS: Final = ("GetQueryResults",)
"""Answers of thousands of rows, which are plain JSON as they are: to check each would take longer than AWS."""
_TYPES: Final = {"json": "application/x-amz-json-1.1", "query": "text/xml", "ec2": "text/xml"}


class Refused(Exception):
    """An error of the API: its code, a message, and the HTTP status."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.status = status


@dataclass(frozen=True, kw_only=True)
class Request:
    """One call, understood."""

    service: str
    operation: str
    parameters: Parameters
    region: str

    @property
    def action(self) -> str:
        return f"{ACTIONS.get(self.service, self.service)}:{self.operation}"


def read(headers: Mapping[str, str], body: bytes) -> Request:
    """The request that a boto3 client sent with these *headers* (names in lower case)."""
    scope = headers["authorization"].partition("Credential=")[2].split("/")
    service = NAMES[scope[3]]
    form = {
        name: values[0] for name, values in parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True).items()
    }
    target = headers.get("x-amz-target", "").rpartition(".")[2]
    operation = target or form["Action"]
    given: Any = {"body": body if target else form, "headers": headers, "url_path": "/", "query_string": ""}
    model = _model(service, operation)
    parameters = cast("Any", PROTOCOL_PARSERS)[model.service_model.resolved_protocol](model).parse(
        {**given, "values": form}
    )
    return Request(service=service, operation=operation, parameters=_aware(parameters), region=scope[2])


def written(request: Request, answer: Mapping[str, Any]) -> tuple[bytes, str]:
    """The body of an *answer*, and its content type. ValueError when the answer is not of the model's shape."""
    model = _model(request.service, request.operation)
    if request.operation in ROWS:
        return json.dumps(answer).encode(), _TYPES["json"]
    errors = [*_unknown(model.output_shape, answer), *_mistakes(model.output_shape, answer)]
    if errors:
        raise ValueError(f"{request.operation}: {'; '.join(errors)}")
    made: Any = cast("Any", SERIALIZERS)[model.service_model.resolved_protocol](model).serialize(answer)
    body = made["body"]
    return body.encode() if isinstance(body, str) else body, _TYPES[model.service_model.resolved_protocol]


def nothing(request: Request) -> Parameters:
    """The answer that there is nothing: every list of it is empty."""
    members = _model(request.service, request.operation).output_shape.members
    return {name: [] for name, shape in members.items() if shape.type_name == "list"}


def refusal(request: Request, refused: Refused) -> tuple[bytes, str]:
    """The body of an error, in the words of the service's protocol."""
    protocol = _model(request.service, request.operation).service_model.resolved_protocol
    if protocol == "json":
        return json.dumps({"__type": refused.code, "message": refused.message}).encode(), _TYPES[protocol]
    inner = f"<Error><Code>{refused.code}</Code><Message>{escape(refused.message)}</Message></Error>"
    if protocol == "ec2":
        text = f"<Response><Errors>{inner}</Errors><RequestID>1</RequestID></Response>"
    else:
        text = f"<ErrorResponse>{inner}<RequestId>1</RequestId></ErrorResponse>"
    return text.encode(), _TYPES[protocol]


def _aware(value: Any) -> Any:
    """Times that are in UTC, and say so."""
    if isinstance(value, dict):
        return {name: _aware(each) for name, each in cast("Parameters", value).items()}
    if isinstance(value, list):
        return [_aware(each) for each in cast("list[Any]", value)]
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) and value.tzinfo is None else value


@cache
def _model(service: str, operation: str) -> Any:
    return _service(service).operation_model(operation)


@cache
def _service(name: str) -> Any:
    return cast("Any", get_service_model)(name)


def _mistakes(shape: Any, answer: Mapping[str, Any]) -> list[str]:
    report = cast("Any", ParamValidator)().validate(dict(answer), shape)
    return [report.generate_report()] if report.has_errors() else []


def _unknown(shape: Any, value: Any, path: str = "") -> list[str]:
    """What the model has no name or no word for: a client would never see it, or never get it."""
    if shape.type_name == "structure":
        known = {name for name in value if name in shape.members}
        found = [f"{path}.{name} is unknown" for name in value if name not in known]
        return found + [each for name in known for each in _unknown(shape.members[name], value[name], f"{path}.{name}")]
    if shape.type_name == "list":
        return [each for one in value for each in _unknown(shape.member, one, f"{path}[]")]
    words = getattr(shape, "enum", None)
    return [f"{path}: {value!r} is none of {words}"] if words and value not in words else []
