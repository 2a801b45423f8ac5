"""What is left of one's requests stands on every answer."""

from collections.abc import Generator
from datetime import timedelta

import httpx2
import pytest

from api.limit import left
from storage.rate import Rate, Taken
from tests.clients import Wire
from tests.oauth import new_app, tokens
from tests.servers import Stack, ValkeyServer, free_port, running_stack

NAMES = ("ratelimit-limit", "ratelimit-remaining", "ratelimit-reset")


@pytest.fixture(scope="module")
def limited(valkey: ValkeyServer, tmp_path_factory: pytest.TempPathFactory) -> Generator[Stack]:
    """Two replicas where one may come twenty times an hour, and proxies are believed."""
    port = free_port()
    settings = {
        "MCP_AUTH": "local",
        "MCP_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "MCP_RATE_LIMIT": "20/hour",
        "MCP_TRUSTED_PROXIES": "127.0.0.1",
    }
    folder = tmp_path_factory.mktemp("limited")
    with running_stack(valkey.url(23), folder, replicas=2, settings=settings, port=port) as running:
        yield running


def ask(url: str, address: str, agent: str = "test") -> httpx2.Response:
    return httpx2.post(url, json={}, headers={"x-forwarded-for": address, "user-agent": agent}, timeout=20)


@pytest.mark.parametrize(
    ("taken", "expected"),
    [(Taken(0, 60), (60, 60, 0)), (Taken(0, 30), (60, 30, 30)), (Taken(7, 0), (60, 0, 7))],
)
def test_the_headers_say_what_is_left(taken: Taken, expected: tuple[int, ...]):
    """draft-ietf-httpapi-ratelimit-headers-03: in seconds, until all are there; or until one is."""
    found = left(Rate(60, timedelta(minutes=1)), taken)

    assert found == [(name.encode(), str(value).encode()) for name, value in zip(NAMES, expected, strict=True)]


def test_replicas_count_together_and_say_so_on_every_answer(limited: Stack):
    """Ours: whichever of them is asked, whatever the client calls itself."""
    answers = [ask(limited.mcp_urls[n % 2], "192.0.2.1", agent=f"agent {n}") for n in range(22)]

    left_over = [int(answer.headers["ratelimit-remaining"]) for answer in answers]
    assert [answer.status_code for answer in answers] == [401] * 20 + [429] * 2
    assert left_over == [*range(19, -1, -1), 0, 0]
    assert int(answers[-1].headers["retry-after"]) > 0
    assert answers[-1].json()["error"]["message"].startswith("Too many requests: try again in")


def test_oauth_endpoints_share_the_limit_and_have_their_own_form(limited: Stack):
    """Ours: one bucket per address; RFC 6749's words for it."""
    for _ in range(20):
        ask(limited.mcp_urls[0], "192.0.2.2")

    answer = ask(f"{limited.url}/oauth/token", "192.0.2.2")

    assert answer.status_code == 429
    assert answer.json()["error"] == "temporarily_unavailable"
    assert {"retry-after", *NAMES} <= set(answer.headers)


def test_whoever_signed_in_is_counted_as_themselves(limited: Stack):
    """Ours: behind one address of an office there are many."""
    one, two = (tokens(limited, new_app(limited))["access_token"] for _ in range(2))

    def remaining(token: str, address: str) -> int:
        wire = Wire(limited.mcp_url)
        wire.http.headers |= {"authorization": f"Bearer {token}", "x-forwarded-for": address}
        return int(wire.send("tools/list").headers["ratelimit-remaining"])

    assert [remaining(one, "192.0.2.3"), remaining(one, "192.0.2.4"), remaining(two, "192.0.2.3")] == [19, 18, 19]
