"""The outermost layer: the same answer on every route."""

import httpx2
import pytest

from tests.clients import ACCEPT
from tests.servers import Stack

ROUTES = ["/mcp", "/ping", "/health/live", "/health/ready", "/schema/openapi.json", "/nothing"]


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:3000", "localhost.evil.example", "127.0.0.1.evil.example", ""]
)
def test_a_name_that_is_not_ours_is_misdirected(stack: Stack, path: str, host: str):
    """MCP, transports: DNS rebinding is refused, on every route and whatever X-Forwarded-Host says."""
    answer = httpx2.get(stack.url + path, headers={"host": host, "x-forwarded-host": "localhost"})

    assert answer.status_code == 421


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://localhost.evil.example", "http://127.0.0.1@evil"]
)
def test_a_foreign_page_may_not_call(stack: Stack, path: str, origin: str):
    """MCP, transports: a present and invalid Origin gets 403."""
    assert httpx2.get(stack.url + path, headers={"origin": origin}).status_code == 403


@pytest.mark.parametrize("origin", ["http://localhost:6274", "http://127.0.0.1:5173", "http://[::1]:80"])
def test_a_page_on_this_machine_may_call_and_read_the_session_id(stack: Stack, origin: str):
    """Fetch standard, CORS: an inspector in a local browser works."""
    headers = {"origin": origin, "access-control-request-method": "POST"}
    asked = {"access-control-request-headers": "content-type,mcp-session-id,mcp-protocol-version,authorization"}

    preflight = httpx2.options(f"{stack.url}/mcp", headers={**headers, **asked})
    answer = httpx2.post(f"{stack.url}/mcp", content=b"{}", headers={**ACCEPT, "origin": origin})

    assert preflight.status_code in (200, 204)
    assert preflight.headers["access-control-allow-origin"] in (origin, "*")
    assert answer.headers["access-control-allow-origin"] == origin
    assert "mcp-session-id" in answer.headers["access-control-expose-headers"].lower()


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "10.1.2.3:8080"])
def test_an_address_needs_no_list(stack: Stack, host: str):
    """Ours: an address cannot be rebound; probes that call a pod by its address work."""
    assert httpx2.get(f"{stack.url}/ping", headers={"host": host}).status_code == 200


@pytest.mark.parametrize("path", ROUTES)
def test_every_answer_has_the_security_headers(stack: Stack, path: str):
    """OWASP, secure headers; written out even where they are defaults."""
    headers = httpx2.get(stack.url + path).headers

    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "server" not in headers


def test_a_request_keeps_a_sane_id_and_gets_one_otherwise(stack: Stack):
    """Ours: logs of both sides can be joined, and no header is copied into them unseen."""
    kept = httpx2.get(f"{stack.url}/ping", headers={"x-request-id": "abc-123-def"})
    replaced = httpx2.get(f"{stack.url}/ping", headers={"x-request-id": 'x" onload="'})

    assert kept.headers["x-request-id"] == "abc-123-def"
    assert len(replaced.headers["x-request-id"]) == 32


def test_health_is_cheap_to_ask(stack: Stack):
    """The predecessor's /ping says pong; ours too."""
    assert httpx2.get(f"{stack.url}/ping").text == "pong"
    assert httpx2.get(f"{stack.url}/health/ready").json() == {"status": "ready"}
