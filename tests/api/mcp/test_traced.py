"""The spans of MCP's methods are ours; the SDK's are not made."""

import pytest
from mcp import MCPError
from mcp.server import Server
from mcp.types import INTERNAL_ERROR, ErrorData

from api.errors import UNAVAILABLE, UNREADABLE
from api.mcp.traced import code_of
from storage.errors import Unreadable


def test_the_sdk_adds_nothing_of_its_own_but_its_spans():
    """ADR 0021: what the server drops, while it is made, is this and no more."""
    assert [type(each).__name__ for each in Server("x").middleware] == ["OpenTelemetryMiddleware"]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (MCPError.from_error_data(ErrorData(code=-31006, message="busy")), -31006),
        (ConnectionError("redis.example:6379"), UNAVAILABLE),
        (Unreadable("changed"), UNREADABLE),
        (RuntimeError("what nobody is told"), INTERNAL_ERROR),
    ],
)
def test_an_error_is_told_by_the_code_that_its_client_gets(error: Exception, code: int):
    """A52: and by nothing that it says."""
    assert code_of(error) == code
