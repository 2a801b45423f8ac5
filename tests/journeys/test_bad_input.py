"""Bad input of every kind: a clear error each time, and a server that goes on."""

import json
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.clients import ACCEPT, ERAS, HANDSHAKE, Wire, request, wire
from tests.servers import Stack

LEAKS = ("input_value", "pydantic", "Traceback", "site-packages", "msgspec", "/work", "/home")

BAD: list[tuple[str, dict[str, Any], str]] = [
    ("echo", {}, "message is required"),
    ("echo", {"message": ""}, "at least 1"),
    ("echo", {"message": "x" * 1001}, "at most 1000"),
    ("echo", {"message": 7}, "valid string"),
    ("echo", {"message": None}, "valid string"),
    ("echo", {"message": "x", "repeat": 0}, "greater than or equal to 1"),
    ("echo", {"message": "x", "repeat": 11}, "less than or equal to 10"),
    ("echo", {"message": "x", "repeat": "2"}, "valid integer"),
    ("echo", {"message": "x", "uppercase": "yes"}, "valid boolean"),
    ("echo", {"message": "x", "color": "red"}, "color is unknown; the arguments are: message, repeat, uppercase"),
    ("system_time", {"format": "stardate"}, "'iso', 'unix', 'human' or 'custom'"),
    ("system_time", {"timezone": "Europe/Berlinn"}, "Did you mean Europe/Berlin?"),
    ("system_time", {"timezone": "../../etc/passwd"}, "Unknown timezone"),
    ("system_time", {"format": "custom"}, "needs customFormat"),
    ("system_time", {"format": "custom", "customFormat": "%Q"}, "unknown directive %Q"),
    ("streaming", {"count": 0}, "greater than or equal to 1"),
    ("streaming", {"count": 51}, "less than or equal to 50"),
    ("streaming", {"count": 1.5}, "valid integer"),
    ("streaming", {"intervalMs": 99}, "greater than or equal to 100"),
    ("streaming", {"intervalMs": 5001}, "less than or equal to 5000"),
    ("streaming", {"dataType": "weather"}, "'metrics', 'stock_prices', 'sensor_data' or 'custom'"),
    ("project", {}, "keywords is required"),
    ("project", {"keywords": []}, "at least 1 item"),
    ("project", {"keywords": "redis"}, "valid array"),
    ("project", {"keywords": [""]}, "at least 1 character"),
    ("project", {"keywords": ["  "]}, "match pattern"),
    ("project", {"keywords": ["x"] * 11}, "at most 10 items"),
    ("aws_s3", {}, "operation is required"),
    ("aws_s3", {"operation": "deleteEverything"}, "'headObject', 'previewObject' or 'presignGet'"),
    ("aws_s3", {"operation": "headObject"}, "headObject needs bucket: the name of one bucket"),
    ("aws_s3", {"operation": "previewObject", "bucket": "shop"}, "previewObject needs key: the key of one object"),
    ("aws_s3", {"operation": "listObjects", "bucket": "shop", "key": "x"}, "takes no key: that is for headObject"),
    ("aws_s3", {"operation": "listObjects", "bucket": "shop", "bucketPrefix": "s"}, "bucket or bucketPrefix, not both"),
    ("aws_s3", {"operation": "listObjects", "bucket": "shop", "cursor": "x"}, "none that aws_s3 gave"),
    ("aws_s3", {"operation": "headObject", "bucket": "arn:aws:s3:::shop", "key": "x"}, "match pattern"),
    ("aws_s3", {"operation": "presignGet", "bucket": "shop", "key": "x"}, "allow them with MCP_S3_PRESIGN"),
    ("aws_s3", {"operation": "previewObject", "bucket": "shop", "key": "x", "maxBytes": 70000}, "equal to 65536"),
    ("investigate_ecs_service", {}, "cluster is required"),
    ("investigate_ecs_service", {"cluster": "shop"}, "give service, or task"),
    (
        "investigate_ecs_service",
        {"cluster": "shop", "service": "web", "start": "yesterday"},
        "such as 2026-06-10T10:00:00Z",
    ),
    ("aws_ecs", {}, "ecsCluster is required"),
    ("aws_ecs", {"ecsCluster": "a b"}, "match pattern"),
    ("aws_ecs", {"ecsCluster": "shop"}, "give ecsTaskArn, or ecsService"),
    ("aws_ecs", {"ecsCluster": "shop", "ecsTaskArn": "x", "windowMinutes": 0}, "greater than or equal to 1"),
    ("search_logs", {}, "logGroups is required"),
    ("search_logs", {"logGroups": ["a b"]}, "match pattern"),
    ("search_logs", {"logGroups": ["/app"], "preset": "everything"}, "'errors', 'slow', 'pattern', 'diff' or 'lines'"),
    ("search_logs", {"logGroups": ["/app"], "start": "2026-06-10T09:00:00"}, "has no time zone: add Z"),
    ("search_logs", {"logGroups": ["/app"], "start": "2999-01-01T00:00:00Z"}, "is in the future"),
    ("tail_logs", {}, "logGroups is required"),
    ("tail_logs", {"logGroups": ["x' | y"]}, "match pattern"),
    ("tail_logs", {"logGroups": ["/app"], "seconds": 901}, "less than or equal to 900"),
    ("tail_logs", {"logGroups": ["/app"], "streams": ["a"], "streamPrefix": "b"}, "streams or streamPrefix, not both"),
]


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(("tool", "arguments", "sentence"), BAD)
def test_a_tool_says_what_is_wrong_with_its_arguments(
    stack: Stack, era: str, tool: str, arguments: dict[str, Any], sentence: str
):
    """MCP, tools: input errors are results with isError, in words a model can act on."""
    result = wire(stack.mcp_url, era).call(tool, arguments).result

    text = result["content"][0]["text"]
    assert result["isError"] is True
    assert sentence in text
    assert not any(leak in text for leak in LEAKS)


BODIES: list[tuple[bytes, int]] = [
    (b"", 400),
    (b"{", 400),
    (b"null", 400),
    (b"[]", 400),
    (b'[{"jsonrpc":"2.0","id":1,"method":"ping"}]', 400),
    (b'"text"', 400),
    (b"\xff\xfe", 400),
    (b'{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}', 400),
    (b'{"jsonrpc":"1.0","id":1,"method":"ping"}', 400),
    (b'{"jsonrpc":"2.0","id":true,"method":"ping"}', 400),
    (b'{"jsonrpc":"2.0","id":1.5,"method":"ping"}', 400),
    (b'{"jsonrpc":"2.0","id":null,"method":"ping"}', 400),
    (b'{"jsonrpc":"2.0","id":{},"method":"ping"}', 400),
    (b'{"jsonrpc":"2.0","id":1,"method":7}', 400),
    (b'{"jsonrpc":"2.0","id":1}', 400),
    (b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":NaN}}', 400),
    (b'{"jsonrpc":"2.0","id":1,"method":"ping","params":' + b'{"a":' * 100_000 + b"1" + b"}" * 100_001, 400),
    (b"x" * (4 * 1024 * 1024 + 1), 413),
]


@pytest.mark.parametrize("version", [HANDSHAKE, "2026-07-28"])
@pytest.mark.parametrize(("body", "status"), BODIES, ids=range(len(BODIES)))
def test_a_body_that_is_no_request_is_refused(stack: Stack, version: str, body: bytes, status: int):
    """JSON-RPC 2.0 section 5.1: a parse error or an invalid request, with an HTTP status to match."""
    any_wire = Wire(stack.mcp_url)

    answer = any_wire.http.post(stack.mcp_url, content=body, headers={**ACCEPT, "mcp-protocol-version": version})

    assert answer.status_code == status
    assert answer.json()["error"]["code"] in (-32700, -32600)
    assert not any(leak in answer.text for leak in LEAKS)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"content-type": "text/plain"}, 415),
        ({"content-type": ""}, 415),
        ({"accept": "image/png"}, 406),
        ({"accept": "text/html, image/*"}, 406),
    ],
)
def test_the_wrong_media_type_is_refused(stack: Stack, headers: dict[str, str], status: int):
    """RFC 9110 sections 15.5.7 and 15.5.16."""
    any_wire = Wire(stack.mcp_url)

    answer = any_wire.http.post(stack.mcp_url, content=b"{}", headers={**ACCEPT, **headers})

    assert answer.status_code == status


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    method=st.sampled_from(["tools/call", "tools/list", "prompts/get", "resources/read", "completion/complete", "x"]),
    params=JSON,
    named=st.booleans(),
)
def test_whatever_comes_the_server_answers_in_kind(stack: Stack, method: str, params: Any, *, named: bool):
    """Ours: no input makes a 5xx or shows what the server is made of."""
    given_params = params
    if named and isinstance(params, dict):
        given_params = cast("dict[str, Any]", params) | {"name": "echo", "arguments": cast("Any", params)}
    session = SESSIONS.setdefault(stack.mcp_url, Wire.handshake(stack.mcp_url).session or "")
    any_wire = Wire(stack.mcp_url, version=HANDSHAKE, session=session)

    answer = any_wire.http.post(
        stack.mcp_url,
        content=json.dumps(request(method) | {"params": given_params}),
        headers=any_wire.headers(method, {}),
    )
    any_wire.http.close()

    assert answer.status_code < 500
    assert not any(leak in answer.text for leak in LEAKS)


SESSIONS: dict[str, str] = {}
