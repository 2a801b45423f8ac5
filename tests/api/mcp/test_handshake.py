"""The handshake eras on the wire: sessions that live in Redis."""

from typing import Any

import pytest

from tests.clients import ACCEPT, HANDSHAKE, Wire, request
from tests.servers import Stack

VERSIONS = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"]


@pytest.fixture
def session(stack: Stack) -> Wire:
    return Wire.handshake(stack.mcp_url)


@pytest.mark.parametrize("version", VERSIONS)
def test_initialize_gives_a_session_of_the_version_asked_for(stack: Stack, version: str):
    """MCP, lifecycle: the id is visible ASCII and hard to guess."""
    wire = Wire.handshake(stack.mcp_url, version)

    assert wire.version == version
    assert wire.session is not None
    assert len(wire.session) >= 32
    assert all(0x21 <= ord(char) <= 0x7E for char in wire.session)
    assert wire.call("echo", {"message": "x"}).result["structuredContent"]["length"] == 1


def test_an_unknown_version_is_answered_with_the_newest_handshake_version(stack: Stack):
    """MCP, lifecycle: version negotiation."""
    assert Wire.handshake(stack.mcp_url, "1999-01-01").version == HANDSHAKE


def test_capabilities_are_what_the_server_does(session: Wire):
    """MCP, lifecycle: nothing is announced that is not served."""
    params = {"protocolVersion": HANDSHAKE, "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
    answer = session.http.post(session.url, json=request("initialize", params), headers=ACCEPT).json()["result"]

    assert {"tools", "prompts", "resources", "logging", "completions"} == answer["capabilities"].keys()
    assert answer["serverInfo"]["name"] == "mcp-server-playground"


@pytest.mark.parametrize(
    "params",
    [{}, {"protocolVersion": 7}, {"protocolVersion": HANDSHAKE}, {"protocolVersion": HANDSHAKE, "capabilities": []}],
)
def test_a_broken_initialize_opens_no_session(stack: Stack, params: dict[str, object]):
    """Ours: -32602 without a dump of the validator, and no session id."""
    wire = Wire(stack.mcp_url)
    answer = wire.http.post(stack.mcp_url, json=request("initialize", params), headers=ACCEPT)

    assert answer.json()["error"]["code"] == -32602
    assert "mcp-session-id" not in answer.headers
    assert "pydantic" not in answer.text


def test_a_session_must_be_named_and_known(stack: Stack, session: Wire):
    """MCP, transports: 400 without an id, 404 for one that is unknown."""
    without = session.send("tools/list", headers={"mcp-session-id": ""})
    unknown = session.send("tools/list", headers={"mcp-session-id": "x" * 43})
    huge = session.send("tools/list", headers={"mcp-session-id": "x" * 4000})

    assert [each.status for each in (without, unknown, huge)] == [400, 404, 404]


def test_delete_ends_the_session(session: Wire):
    """MCP, transports: afterwards it is as if it had never been."""
    headers = session.headers("", {})

    ended = session.http.delete(session.url, headers=headers)
    again = session.http.delete(session.url, headers=headers)

    assert (ended.status_code, again.status_code) == (204, 404)
    assert session.send("tools/list").status == 404


def test_an_unknown_version_header_is_refused(session: Wire):
    """MCP, transports: 400."""
    assert session.send("ping", headers={"mcp-protocol-version": "2020-01-01"}).status == 400


def test_the_version_header_may_be_missing(session: Wire):
    """MCP, transports: a server assumes 2025-03-26."""
    assert session.send("ping", headers={"mcp-protocol-version": ""}).result == {}


@pytest.mark.parametrize(
    "method", ["notifications/initialized", "notifications/roots/list_changed", "notifications/made-up"]
)
def test_notifications_are_taken(session: Wire, method: str):
    """MCP, transports: 202."""
    assert session.notify(method, {}) == 202


def test_a_response_that_nobody_waits_for_is_refused(session: Wire):
    """MCP, transports: what the server cannot accept gets an HTTP error; silence would look like success."""
    body: dict[str, Any] = {"jsonrpc": "2.0", "id": 9, "result": {}}

    answer = session.http.post(session.url, json=body, headers=session.headers("", {}))

    assert answer.status_code == 400
    assert "No question with this id" in answer.json()["error"]["message"]


@pytest.mark.parametrize("request_id", [0, 7, -1, "7", "a b", ""])
def test_the_answer_has_the_requests_own_id(session: Wire, request_id: int | str):
    """JSON-RPC 2.0 section 5: the same value and type."""
    answer = session.send("ping", request_id=request_id).messages[0].message

    assert answer["id"] == request_id
    assert type(answer["id"]) is type(request_id)


def test_a_missing_resource_has_the_code_of_its_time(session: Wire):
    """MCP 2025-11-25, resources: -32002."""
    heard = session.send("resources/read", {"uri": "echo://nothing"})

    assert (heard.error["code"], heard.error["data"]) == (-32002, {"uri": "echo://nothing"})


def test_an_unknown_tool_is_a_protocol_error(session: Wire):
    """MCP, tools: -32602 in this era too."""
    assert session.call("nope", {}).error["code"] == -32602


def test_an_unknown_level_is_refused(session: Wire):
    """MCP, logging: -32602."""
    assert session.send("logging/setLevel", {"level": "loud"}).error["code"] == -32602
