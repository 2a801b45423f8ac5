"""F12: what never finishes is ended, and holds nobody up."""

import socket
from collections.abc import Generator
from pathlib import Path

import httpx2
import pytest

from tests.servers import Stack, ValkeyServer, running_stack

HEAD = b"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
MANY = 100


@pytest.fixture(scope="module")
def web(valkey: ValkeyServer, tmp_path_factory: pytest.TempPathFactory) -> Generator[Stack]:
    """A web process that is not patient."""
    settings = {"MCP_HEADER_TIMEOUT": "1", "MCP_BODY_TIMEOUT": "1.5"}
    folder: Path = tmp_path_factory.mktemp("deadlines")
    with running_stack(valkey.url(22), folder, worker=False, settings=settings) as running:
        yield running


def stalled(web: Stack, sent: bytes) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", web.port), timeout=10)
    connection.sendall(sent)
    return connection


@pytest.mark.parametrize("sent", [b"", b"POST /mcp HT", HEAD, HEAD + b"X-Slow: " + b"a" * 1000], ids=len)
def test_headers_that_do_not_come_close_the_connection(web: Stack, sent: bytes):
    """Ours: a hundred of them at once, while others are served."""
    connections = [stalled(web, sent) for _ in range(MANY)]

    alive = httpx2.get(f"{web.url}/ping", timeout=10).status_code
    # A reset is an end as well.
    ended = [_rest(connection) for connection in connections]

    assert alive == 200
    assert ended == [b""] * MANY


def test_the_next_request_of_a_connection_has_a_deadline_too(web: Stack):
    """Ours: uvicorn's limit is for silence between two requests, not for half of one."""
    with stalled(web, b"GET /ping HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n") as connection:
        first = b""
        while not first.endswith(b"pong"):
            first += connection.recv(65536)
        connection.sendall(b"GET /ping HTTP/1.1\r\nHo")

        assert b" 200 " in first
        assert _rest(connection) == b""


@pytest.mark.parametrize("path", [b"/mcp", b"/nothing/there", b"/oauth/token"])
@pytest.mark.parametrize("more", [b"Content-Length: 100\r\n\r\n{", b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n"])
def test_a_body_that_does_not_come_is_answered_408(web: Stack, path: bytes, more: bytes):
    """RFC 9110 15.5.9, and the connection is closed."""
    with stalled(web, HEAD.replace(b"/mcp", path) + more) as connection:
        answer = _rest(connection)

    assert answer.startswith((b"HTTP/1.1 408", b"HTTP/1.1 404", b"HTTP/1.1 405"))
    assert path != b"/mcp" or b" 408 " in answer
    assert b"in time" in answer or path != b"/mcp"


def test_a_body_that_comes_slowly_and_in_time_is_served(web: Stack):
    """Ours: the deadline is for the whole, not for the pauses."""
    with stalled(web, HEAD + b"Content-Length: 2\r\nConnection: close\r\n\r\n{") as connection:
        connection.sendall(b"}")
        answer = _rest(connection)

    assert b" 400 " in answer.splitlines()[0]


def _rest(connection: socket.socket) -> bytes:
    """What still comes until the other side closes."""
    found = b""
    try:
        while chunk := connection.recv(65536):
            found += chunk
    except ConnectionResetError:
        pass
    finally:
        connection.close()
    return found
