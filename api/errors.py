"""One table for what is refused: JSON-RPC code, HTTP status, and a sentence for a person."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from mcp.shared.inbound import ERROR_CODE_HTTP_STATUS
from mcp.types import INTERNAL_ERROR, INVALID_REQUEST, ErrorData, RequestId

REQUEST_CANCELLED: Final = -32800
"""The code of the SDK, and of LSP before it, for a request its client cancelled."""
SERVER_STOPPING: Final = -31001
"""Ours, outside the range that JSON-RPC and MCP reserve: call again, another replica will answer."""
RATE_LIMITED: Final = -31002
UNAVAILABLE: Final = -31003
SESSION_ENDED: Final = -31004
TOO_BUSY: Final = -31006
"""No room for another task now; `data.retryAfter` says when to try again, in seconds."""
UNAUTHORIZED: Final = -31007
"""No access token, or one that is not good here; `WWW-Authenticate` says what to do."""
INSUFFICIENT_SCOPE: Final = -31008
REVOKED: Final = -31009
"""The access token was revoked while its request was answered."""
UNREADABLE: Final = -31010
NO_ANSWER: Final = -31005
"""The client did not answer a request of ours."""

_ENCODER: Final = msgspec.json.Encoder()
_STATUS: Final[Mapping[int, int]] = {
    RATE_LIMITED: 429,
    TOO_BUSY: 429,
    UNAVAILABLE: 503,
    UNAUTHORIZED: 401,
    REVOKED: 401,
    INSUFFICIENT_SCOPE: 403,
    SERVER_STOPPING: 503,
    SESSION_ENDED: 404,
    UNREADABLE: 410,
}


class Refused(Exception):
    """A request answered with an error before any handler saw it."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: int = INVALID_REQUEST,
        data: object = None,
        request_id: RequestId | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.request_id = request_id
        self.error = ErrorData(code=code, message=message, data=data)
        self.headers = dict(headers or {})


INTERNAL: Final = ErrorData(code=INTERNAL_ERROR, message="Internal server error")
REDIS_AWAY: Final = ErrorData(
    code=UNAVAILABLE, message="The server cannot reach its store just now. Try again in a few seconds."
)
DAMAGED: Final = ErrorData(
    code=UNREADABLE, message="What is stored for this cannot be read: it was changed, or its key is gone. Begin again."
)


def status_of(error: ErrorData) -> int:
    """The HTTP status that goes with a JSON-RPC error when the answer is not a stream."""
    return _STATUS.get(error.code) or ERROR_CODE_HTTP_STATUS.get(error.code, 200)


def encode(message: Mapping[str, Any]) -> bytes:
    return _ENCODER.encode(message)


def result_message(request_id: RequestId, result: Mapping[str, Any]) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": request_id, "result": result}


def error_message(request_id: RequestId | None, error: ErrorData) -> dict[str, Any]:
    """A JSON-RPC error; `id` is null when the request's could not be read (JSON-RPC 2.0 section 5)."""
    body: dict[str, Any] = {"code": error.code, "message": error.message}
    if error.data is not None:
        body["data"] = error.data
    return {"jsonrpc": "2.0", "id": request_id, "error": body}
