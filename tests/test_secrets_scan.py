"""A scan that cannot find anything proves nothing: each kind of secret is planted, in each kind of place."""

import base64
import json
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from storage.seal import decode_key, new_key
from tests.secrets_scan import Canaries, found_in, scan_logs, scan_redis, secrets_of
from tests.servers import Program, Stack, ValkeyServer, running_stack

HEX, RANDOM = "0123456789abcdef" * 2, "Az09-_" * 7 + "x"
KEY = new_key()
SETTINGS = {
    "MCP_SECRET_KEYS": f"{KEY},{new_key()}",
    "MCP_OIDC_CLIENT_SECRET": "the-secret-of-a-provider",
    "MCP_REDIS_URL": "redis://web:pass-of-redis@127.0.0.1:1/0",
    "FLOWER_BASIC_AUTH": "viewer:pass-of-flower",
    "AWS_SECRET_ACCESS_KEY": "aws/secret+access/key",
}
PLANTED = {
    "a code": f"mcp_ac_{HEX}_{RANDOM}",
    "an access token": f"mcp_at_{HEX}_{RANDOM}",
    "a refresh token": f"mcp_rt_{HEX}_{RANDOM}",
    "a client secret": f"mcp_cs_{RANDOM}",
    "a private key": "-----BEGIN EC PRIVATE KEY-----",
    "a key of the ring": KEY,
    "a key of the ring, in hexadecimal": decode_key(KEY).hex(),
    "a provider's client secret": "the-secret-of-a-provider",
    "the password of Redis": "pass-of-redis",
    "the password of Flower": "pass-of-flower",
    "the AWS key": "aws/secret+access/key",
    "a canary": "what-a-person-typed",
}


@pytest.fixture
def database(valkey: ValkeyServer) -> Generator[Any]:
    valkey.flush(48)
    with valkey.client(48) as client:
        yield client
    valkey.flush(48)


@pytest.fixture
def canaries(monkeypatch: pytest.MonkeyPatch) -> Canaries:
    """Of this test alone."""
    own = Canaries()
    own.note("a canary", PLANTED["a canary"])
    monkeypatch.setattr("tests.secrets_scan.CANARIES", own)
    return own


PLACES: dict[str, Callable[[Any, str], object]] = {
    "a key's name": lambda client, secret: client.set(f"mcp:{secret}", "x"),
    "a string": lambda client, secret: client.set("mcp:a", f"before {secret}"),
    "a hash's field": lambda client, secret: client.hset("mcp:a", secret, "x"),
    "a hash's value": lambda client, secret: client.hset("mcp:a", "x", json.dumps({"a": secret})),
    "a list": lambda client, secret: client.rpush("mcp:a", "x", f"q={secret}&z=1"),
    "a set": lambda client, secret: client.sadd("mcp:a", secret),
    "a sorted set": lambda client, secret: client.zadd("mcp:a", {secret: 1}),
    "a stream": lambda client, secret: client.xadd("mcp:a", {"e": secret}),
    "a message of kombu's": lambda client, secret: client.rpush(
        "mcp:a", json.dumps({"body": base64.b64encode(f'[["{secret}"]]'.encode()).decode()})
    ),
}


@pytest.mark.parametrize("place", list(PLACES))
@pytest.mark.parametrize("secret", list(PLANTED))
def test_a_secret_in_redis_is_found(database: Any, canaries: Canaries, place: str, secret: str):
    """Ours: of every kind, under every type that Redis has."""
    PLACES[place](database, PLANTED[secret])
    url = f"redis://127.0.0.1:{database.connection_pool.connection_kwargs['port']}/48"

    found = scan_redis(url, SETTINGS)

    assert 1 <= len(found) <= 2
    assert PLANTED[secret] not in found[0]


@pytest.mark.parametrize("secret", list(PLANTED))
def test_a_secret_in_a_log_is_found(tmp_path: Path, canaries: Canaries, secret: str):
    """Ours: in the middle of a line, as JSON has it; and a file of a ring counts as the ring."""
    log = tmp_path / "web-0.log"
    log.write_text(f'{{"event": "x"}}\n{{"event": "GET /cb?code={PLANTED[secret]}&state=1"}}\n')

    assert 1 <= len(scan_logs([log], SETTINGS)) <= 2


def test_nothing_is_found_where_nothing_is(database: Any, canaries: Canaries, tmp_path: Path):
    """Ours: hashes, ids and sealed values are no secrets."""
    database.hset("mcp:a", mapping={"refresh": HEX * 2, "grant": f"mcp:{{{HEX}}}:grant", "sealed": bytes(range(256))})
    log = tmp_path / "web-0.log"
    log.write_text(f"grant {HEX} of mcp_at_… for person")
    url = f"redis://127.0.0.1:{database.connection_pool.connection_kwargs['port']}/48"

    assert scan_redis(url, SETTINGS) == []
    assert scan_logs([log], SETTINGS) == []


def test_what_is_printed_on_purpose_may_not_be_stored(database: Any, canaries: Canaries, tmp_path: Path):
    """Ours: the `local` provider prints its codes, and Redis has them sealed."""
    canaries.note_printed("a sign-in code", "ABCD-EFGH")
    log = tmp_path / "web-0.log"
    log.write_text("ABCD-EFGH")
    database.set("mcp:signin:x", "ABCD-EFGH")
    url = f"redis://127.0.0.1:{database.connection_pool.connection_kwargs['port']}/48"

    assert scan_logs([log], {}) == []
    assert scan_redis(url, {}) == ["Redis: a sign-in code (b'ABCD'…)"]


def test_a_ring_in_a_file_is_a_secret_too(tmp_path: Path):
    """Ours: `MCP_SECRET_KEYS_FILE`, with comments and times in it."""
    ring = tmp_path / "ring"
    ring.write_text(f"# two keys\n{KEY} from=2026-01-01T00:00:00+00:00\n{new_key()}\n")

    assert 1 <= len(found_in([KEY.encode()], secrets_of({"MCP_SECRET_KEYS_FILE": str(ring)}))) <= 2


@pytest.mark.parametrize(
    ("answer", "secret"),
    [
        (httpx2.Response(200, headers={"set-cookie": "__Host-x=cookie-of-a-person; Path=/"}), "cookie-of-a-person"),
        (httpx2.Response(303, headers={"location": "http://c/cb?code=code-of-a-client&iss=x"}), "code-of-a-client"),
        (httpx2.Response(303, headers={"location": "http://p/?state=state-of-a-visit"}), "state-of-a-visit"),
        (httpx2.Response(200, html='<input name="ticket" value="ticket-of-a-page">'), "ticket-of-a-page"),
        (httpx2.Response(200, json={"refresh_token": "token-of-a-client"}), "token-of-a-client"),
        (httpx2.Response(201, json={"client_secret": "secret-of-a-client"}), "secret-of-a-client"),
    ],
)
def test_what_a_server_hands_out_becomes_a_canary(answer: httpx2.Response, secret: str):
    """Ours: without the test saying so."""
    answer.request = httpx2.Request("GET", "http://127.0.0.1/")
    own = Canaries()

    own.learn(answer)

    assert secret.encode() in own.anywhere


def test_every_stack_is_looked_through_when_it_stops(valkey: ValkeyServer, canaries: Canaries, tmp_path: Path):
    """Ours: what one program logged, and what was left in its database."""
    log = tmp_path / "worker-0.log"

    def use(stack: Stack) -> None:
        log.write_text(f"the token is {PLANTED['an access token']}")
        stack.programs.append(_Ended("worker", Any, log))  # type: ignore[arg-type]
        with valkey.client(48) as client:
            client.set("mcp:a", PLANTED["a canary"])

    with (
        pytest.raises(AssertionError) as caught,
        running_stack(valkey.url(48), tmp_path, worker=False, replicas=0) as stack,
    ):
        use(stack)
    valkey.flush(48)

    assert "worker-0.log: what we issue" in str(caught.value)
    assert "Redis: a canary" in str(caught.value)


class _Ended(Program):
    """A program that has ended already."""

    def stop(self, within: float = 30.0) -> int:
        return 0
