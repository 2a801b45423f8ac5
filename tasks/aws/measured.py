"""Calls of AWS, counted by what came of them. botocore tells of each once, after its own retries."""

from typing import Any

from botocore.exceptions import ClientError

from storage import metrics
from tasks.aws.errors import kind_of


def measure(client: Any) -> None:  # noqa: ANN401  # boto3 makes clients at run time
    """Count every call of *client*: `ok`, `denied`, `throttled`, `missing` or `error`.

    One that was cut short because its run had to end came to nothing, and is not counted.
    """
    client.meta.events.register("after-call", _answered)
    client.meta.events.register("after-call-error", _broken)


def _answered(*, event_name: str, parsed: dict[str, Any], http_response: Any, **_: object) -> None:  # noqa: ANN401
    if http_response.status_code < 300:  # noqa: PLR2004  # what botocore takes for success
        _count(event_name, "ok")
    else:
        _count(event_name, kind_of(ClientError({"Error": parsed.get("Error", {})}, "")))


def _broken(*, event_name: str, **_: object) -> None:
    _count(event_name, "error")


def _count(event_name: str, outcome: str) -> None:
    _, service, operation = event_name.split(".")
    metrics.AWS_CALLS.labels(service, operation, outcome).inc()
