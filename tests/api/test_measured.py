"""A request is counted once, under labels that nobody can make up."""

from typing import Any, cast

import pytest
from litestar.types import HTTPScope, Message

from api.measured import RPC, Measured, route, rpc_of
from tests.scraped import counted

SSE = [(b"content-type", b"text/event-stream; charset=utf-8")]


def a_request(method: str = "POST", path: str = "/mcp", rpc: str | None = None) -> Measured:
    return Measured(cast("HTTPScope", {"method": method, "path": path, **({RPC: rpc} if rpc else {})}))


def start(status: int = 200, headers: Any = ()) -> Message:
    return cast("Message", {"type": "http.response.start", "status": status, "headers": headers})


def body(text: bytes) -> Message:
    return cast("Message", {"type": "http.response.body", "body": text, "more_body": True})


def test_a_request_is_counted_when_its_answer_is_over():
    """Ours: with the status that was sent."""
    labels = {"method": "POST", "route": "/mcp", "rpc": "tools/list", "status": "404"}
    before = counted("mcp_http_requests_total", **labels)
    request = a_request(rpc="tools/list")

    request.see(start(404))
    assert counted("mcp_http_requests_total", **labels) == before
    request.close()

    assert counted("mcp_http_requests_total", **labels) == before + 1


def test_a_request_that_was_never_answered_has_no_status():
    """Ours: its client left before."""
    labels = {"method": "other", "route": "other", "rpc": "", "status": "none"}
    before = counted("mcp_http_requests_total", **labels)

    a_request("BREW", "/coffee").close()

    assert counted("mcp_http_requests_total", **labels) == before + 1


def test_a_stream_is_open_until_its_answer_is_over():
    """Ours: JSON is no stream."""
    before = counted("mcp_streams_open", route="/mcp")
    stream, plain = a_request(), a_request()

    stream.see(start(headers=SSE))
    plain.see(start(headers=[(b"content-type", b"application/json")]))
    assert counted("mcp_streams_open", route="/mcp") == before + 1
    plain.close()
    assert counted("mcp_streams_open", route="/mcp") == before + 1
    stream.close()

    assert counted("mcp_streams_open", route="/mcp") == before


def test_the_first_event_is_the_first_message():
    """Ours: a comment, and the empty event that opens a stream, say nothing yet; later messages are not the first."""
    before = counted("mcp_first_event_seconds_count")
    request = a_request()

    request.see(start(headers=SSE))
    for frame in (b": working\r\n\r\n", b"id: 7\r\nretry: 500\r\ndata: \r\n\r\n"):
        request.see(body(frame))
    assert counted("mcp_first_event_seconds_count") == before
    for _ in range(3):
        request.see(body(b'event: message\r\ndata: {"jsonrpc":"2.0"}\r\n\r\n'))

    assert counted("mcp_first_event_seconds_count") == before + 1


def test_a_stream_that_was_opened_by_get_has_no_first_event():
    """Ours: it says something when there is something."""
    before = counted("mcp_first_event_seconds_count")
    request = a_request("GET")

    request.see(start(headers=SSE))
    request.see(body(b'data: {"jsonrpc":"2.0"}\r\n\r\n'))

    assert counted("mcp_first_event_seconds_count") == before


@pytest.mark.parametrize(
    ("path", "label"),
    [
        ("/mcp", "/mcp"),
        ("/oauth/token", "/oauth"),
        ("/.well-known/oauth-protected-resource/mcp", "/.well-known"),
        ("/mcp-admin", "other"),
        ("/", "other"),
        ("", "other"),
        ("*", "other"),
    ],
)
def test_a_path_is_known_by_its_first_part(path: str, label: str):
    """Ours: a scanner's paths are one series."""
    assert route(path) == label


def test_a_method_that_is_not_of_the_protocol_is_other():
    """Ours: and a request without a message has none."""
    assert [rpc_of(method) for method in ("tools/call", "x" * 1000, None)] == ["tools/call", "other", ""]
