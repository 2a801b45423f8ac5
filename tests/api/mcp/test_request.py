"""Which form an answer takes, by Accept (RFC 9110 12.5.1; MCP, transports)."""

import pytest

from tests.clients import Wire
from tests.servers import Stack

ECHO = {"name": "echo", "arguments": {"message": "x"}}


@pytest.mark.parametrize("era", ["stateless", "handshake"])
@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("application/json, text/event-stream", "application/json"),
        ("text/event-stream, application/json", "text/event-stream"),
        ("text/event-stream;q=0.5, application/json", "application/json"),
        ("application/json;q=0.5, text/event-stream", "text/event-stream"),
        ("text/event-stream", "text/event-stream"),
        ("*/*", "application/json"),
        ("application/json, text/event-stream;q=0", "application/json"),
        ("application/json;q=high, text/event-stream", "application/json"),
    ],
)
def test_an_answer_that_is_ready_comes_in_the_form_the_client_would_rather_have(
    stack: Stack, era: str, accept: str, content_type: str
):
    """Ours: both are allowed; weight decides, and of equals the one named first."""
    wire = Wire(stack.mcp_url) if era == "stateless" else Wire.handshake(stack.mcp_url)
    heard = wire.send("tools/call", ECHO, headers={"accept": accept})

    assert heard.headers["content-type"].partition(";")[0] == content_type
    assert heard.result["structuredContent"]["processedMessage"] == "x"


def test_an_error_with_a_status_of_its_own_stays_json(stack: Stack):
    """MCP, transports: a refused request is no stream."""
    heard = Wire(stack.mcp_url).send("tools/list", headers={"accept": "text/event-stream", "mcp-method": "other"})

    assert heard.status == 400
    assert heard.headers["content-type"] == "application/json"
