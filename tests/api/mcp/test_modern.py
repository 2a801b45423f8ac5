"""The stateless era on the wire, as the 2026-07-28 specification has it."""

import base64
import http.client
import json
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest

from tests.clients import ACCEPT, MODERN, Wire, request
from tests.servers import Stack

VERSION_KEY = "io.modelcontextprotocol/protocolVersion"
CAPABILITIES_KEY = "io.modelcontextprotocol/clientCapabilities"
OUR_TOOLS = (
    "echo",
    "system_time",
    "streaming",
    "project",
    "aws_s3",
    "investigate_ecs_service",
    "aws_ecs",
    "search_logs",
    "tail_logs",
)
ENVELOPE: dict[str, Any] = {VERSION_KEY: MODERN, CAPABILITIES_KEY: {}}


@pytest.fixture
def stateless(stack: Stack) -> Wire:
    return Wire(stack.mcp_url)


def test_discovery_says_what_the_server_is_and_can(stateless: Wire):
    """MCP, server/discover: versions, capabilities, cache hints, and who answers."""
    result = stateless.send("server/discover").result

    assert result["supportedVersions"] == [MODERN]
    assert result["resultType"] == "complete"
    assert {"tools", "prompts", "resources", "completions"} <= result["capabilities"].keys()
    assert isinstance(result["ttlMs"], int)
    assert result["cacheScope"] == "private"
    assert result["_meta"]["io.modelcontextprotocol/serverInfo"]["name"] == "mcp-server-playground"


@pytest.mark.parametrize("method", ["tools/list", "prompts/list", "resources/list", "resources/templates/list"])
def test_lists_carry_cache_hints_and_take_no_cursor_they_did_not_give(stateless: Wire, method: str):
    """MCP, caching and pagination."""
    listed = stateless.send(method)
    unknown = stateless.send(method, {"cursor": "made up"})

    assert {"ttlMs", "cacheScope"} <= listed.result.keys()
    assert unknown.error["code"] == -32602


def test_every_tool_has_title_annotations_and_schemas(stateless: Wire):
    """Ours: a model and a person can tell what each tool does and takes."""
    tools = {tool["name"]: tool for tool in stateless.send("tools/list").result["tools"]}

    assert list(tools) == [*OUR_TOOLS, "job_status", "job_result", "job_cancel", "job_list"]
    for tool in tools.values():
        assert tool["title"]
        assert tool["description"]
        assert tool["inputSchema"]["$schema"] == "https://json-schema.org/draft/2020-12/schema"
        assert "title" not in tool["inputSchema"]
    for name in OUR_TOOLS:
        assert tools[name]["annotations"]["readOnlyHint"] is True
        assert tools[name]["outputSchema"]["type"] == "object"
        assert all(part.get("description") for part in tools[name]["inputSchema"]["properties"].values())


@pytest.mark.parametrize(
    "change",
    [
        {"mcp-protocol-version": ""},
        {"mcp-method": "tools/list"},
        {"mcp-method": ""},
        {"mcp-name": "streaming"},
        {"mcp-name": ""},
        {"mcp-protocol-version": "2027-01-01"},
    ],
)
def test_headers_that_contradict_the_body_are_refused(stateless: Wire, change: dict[str, str]):
    """MCP, transports: required headers must be there and match: 400 and -32020."""
    heard = stateless.call("echo", {"message": "x"}, headers=change)

    assert heard.status == 400
    assert heard.error["code"] == -32020


def test_a_name_may_come_as_base64_and_values_may_have_spaces_around(stateless: Wire):
    """MCP, transports: the sentinel form; RFC 9110 section 5.5: surrounding white space is not part of a value."""
    sentinel = f"=?base64?{base64.b64encode(b'echo').decode()}?="
    params = stateless.params({"name": "echo", "arguments": {"message": "x"}}, {})
    headers = stateless.headers("tools/call", params) | {"mcp-name": f"  {sentinel} \t", "mcp-method": "tools/call  "}
    host = urlsplit(stateless.url)

    # The usual clients refuse to send such values; the standard library's does not.
    connection = http.client.HTTPConnection(host.hostname or "", host.port, timeout=10)
    connection.request("POST", host.path, body=json.dumps(request("tools/call", params)), headers=headers)
    answer = connection.getresponse()
    connection.close()

    assert answer.status == 200


def test_an_unknown_version_is_answered_with_the_known_ones(stack: Stack):
    """MCP, versioning: -32022 with what is supported and what was asked for."""
    wire = Wire(stack.mcp_url, version="2030-01-01")

    heard = wire.send("tools/list")

    assert heard.status == 400
    assert heard.error["code"] == -32022
    assert heard.error["data"] == {"supported": [MODERN], "requested": "2030-01-01"}


@pytest.mark.parametrize("meta", [None, {}, {VERSION_KEY: MODERN}, {CAPABILITIES_KEY: {}}, "text"])
def test_an_incomplete_envelope_is_refused(stateless: Wire, meta: Any):
    """MCP, basics: version and capabilities are required: 400 and -32602; client info is not."""
    body = request("tools/list", {} if meta is None else {"_meta": meta})

    answer = stateless.http.post(stateless.url, json=body, headers=stateless.headers("tools/list", {}))

    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == -32602


def test_a_body_of_this_era_without_its_header_is_told_so(stateless: Wire):
    """MCP, transports: the header is required; -32020 rather than a puzzle about sessions."""
    answer = stateless.http.post(stateless.url, json=request("tools/list", {"_meta": ENVELOPE}), headers=ACCEPT)

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, -32020)


@pytest.mark.parametrize("method", ["no/such", "initialize", "ping", "logging/setLevel", "resources/subscribe"])
def test_unknown_and_removed_methods_are_not_found(stateless: Wire, method: str):
    """MCP, transports: 404 and -32601."""
    heard = stateless.send(method)

    assert (heard.status, heard.error["code"]) == (404, -32601)


def test_a_notification_is_taken(stateless: Wire):
    """MCP, transports: 202 and no body."""
    assert stateless.notify("notifications/cancelled", {"requestId": 1}) == 202


@pytest.mark.parametrize("verb", ["GET", "DELETE"])
def test_only_post_is_spoken(stateless: Wire, verb: str):
    """MCP, transports: 405, and Allow says what would be right."""
    answer = stateless.http.request(verb, stateless.url, headers={"mcp-protocol-version": MODERN, **ACCEPT})

    assert answer.status_code == 405
    assert "POST" in answer.headers["allow"]


def test_no_session_is_ever_given(stateless: Wire):
    """MCP, transports: this era has none, and ignores the header."""
    heard = stateless.call("echo", {"message": "x"}, headers={"mcp-session-id": "whatever"})

    assert heard.status == 200
    assert "mcp-session-id" not in heard.headers


@pytest.mark.parametrize(
    ("name", "hint"), [("ecko", "Did you mean echo?"), ("nope", "tools/list names those there are.")]
)
def test_an_unknown_tool_is_a_protocol_error_with_a_hint(stateless: Wire, name: str, hint: str):
    """MCP, tools: -32602, not a result."""
    heard = stateless.call(name, {})

    assert heard.error["code"] == -32602
    assert heard.error["message"].startswith(f"Unknown tool: {name}.")
    assert hint in heard.error["message"]


def test_an_unknown_resource_is_an_error_with_its_uri(stateless: Wire):
    """MCP, resources: -32602 with data.uri, never empty contents."""
    for uri in ("echo://nothing", "echo://result/" + "0" * 32, "file:///etc/passwd"):
        heard = stateless.send("resources/read", {"uri": uri})
        assert (heard.error["code"], heard.error["data"]) == (-32602, {"uri": uri})


def test_a_result_can_be_read_again_under_its_link(stateless: Wire):
    """The predecessor's was a placeholder; ours is the stored result."""
    called = stateless.call("echo", {"message": "again", "repeat": 2})
    link = called.result["content"][2]["uri"]

    read = stateless.send("resources/read", {"uri": link})

    assert json.loads(read.result["contents"][0]["text"]) == called.result["structuredContent"]
    assert called.result["structuredContent"]["processedMessage"] == "again again"


def test_a_prompt_is_filled_and_its_argument_completed(stateless: Wire):
    """MCP, prompts and completion."""
    filled = stateless.send("prompts/get", {"name": "echo", "arguments": {"message": "hi"}})
    missing = stateless.send("prompts/get", {"name": "echo"})
    unknown = stateless.send("prompts/get", {"name": "nope"})
    reference = {"type": "ref/prompt", "name": "echo"}
    completed = stateless.send(
        "completion/complete", {"ref": reference, "argument": {"name": "message", "value": "he"}}
    )

    assert "hi" in filled.result["messages"][0]["content"]["text"]
    assert (missing.error["code"], unknown.error["code"]) == (-32602, -32602)
    assert completed.result["completion"]["values"] == ["hello", "hello, world"]


def test_a_listener_is_acknowledged_first(stateless: Wire):
    """MCP, subscriptions: the acknowledgement names the request and comes before anything else."""
    params = {"notifications": {"toolsListChanged": True}}
    with stateless.open("subscriptions/listen", params, request_id="ears") as response:
        line = next(line for line in response.iter_lines() if line.startswith("data: "))

    message = json.loads(line.removeprefix("data: "))
    assert message["method"] == "notifications/subscriptions/acknowledged"
    assert message["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"] == "ears"


def test_connections_of_a_client_that_left_do_not_hurt(stack: Stack):
    """Ours: aborting requests leaves the server answering."""
    for _ in range(20):
        wire = Wire(stack.mcp_url)
        wire.http.timeout = 0.02
        with pytest.raises(httpx2.TimeoutException):
            wire.call("streaming", {"count": 50, "intervalMs": 5000}, token=1)

    assert Wire(stack.mcp_url).call("echo", {"message": "still here"}).status == 200
