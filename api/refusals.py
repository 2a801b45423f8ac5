"""Why requests were refused, in words few enough to be counted."""

from collections.abc import Mapping
from typing import Final

from mcp.types import (
    HEADER_MISMATCH,
    INTERNAL_ERROR,
    INVALID_PARAMS,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    PARSE_ERROR,
    ErrorData,
)

from api.errors import (
    INSUFFICIENT_SCOPE,
    RATE_LIMITED,
    REQUEST_CANCELLED,
    REVOKED,
    SERVER_STOPPING,
    SESSION_ENDED,
    TOO_BUSY,
    UNAUTHORIZED,
    UNAVAILABLE,
    UNREADABLE,
)
from storage import metrics, traces

REASONS: Final[Mapping[int, str]] = {
    **dict.fromkeys((HEADER_MISMATCH, INVALID_PARAMS, INVALID_REQUEST, METHOD_NOT_FOUND, PARSE_ERROR), "invalid"),
    INTERNAL_ERROR: "internal",
    INSUFFICIENT_SCOPE: "scope",
    RATE_LIMITED: "rate_limit",
    REVOKED: "revoked",
    SERVER_STOPPING: "stopping",
    SESSION_ENDED: "session_ended",
    TOO_BUSY: "busy",
    UNAUTHORIZED: "unauthorized",
    UNAVAILABLE: "store_away",
    UNREADABLE: "unreadable",
}
"""By the JSON-RPC code that the client is told."""
_OAUTH: Final = frozenset(
    {
        "access_denied",
        "insufficient_scope",
        "invalid_client",
        "invalid_client_metadata",
        "invalid_grant",
        "invalid_redirect_uri",
        "invalid_request",
        "invalid_scope",
        "invalid_target",
        "invalid_token",
        "unauthorized_client",
        "unsupported_grant_type",
        "unsupported_response_type",
    }
)


def count(error: ErrorData) -> None:
    """Count an error that a request was answered with, in its trace too; what its client cancelled was not refused."""
    traces.current().note({"rpc.response.status_code": str(error.code)})
    if error.code != REQUEST_CANCELLED:
        count_as(REASONS.get(error.code, "other"))


def count_oauth(error: str) -> None:
    """Count a refusal of the authorization server by the error code of its RFC."""
    known = error if error in _OAUTH else "other"
    traces.current().note({"error.type": known})
    count_as(f"oauth_{known}")


def count_as(reason: str) -> None:
    metrics.REFUSALS.labels(reason).inc()
