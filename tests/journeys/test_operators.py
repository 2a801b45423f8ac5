"""What operators do while people work: keys, grants, clients and the audit log."""

import json
import threading
from collections.abc import Generator

import httpx2
import pytest

from storage import keys
from storage.keyfile import KeyFile
from storage.seal import new_key
from tests.journeys.test_oauth import call
from tests.oauth import new_app, tokens
from tests.servers import Stack, ValkeyServer, free_port, running_stack


@pytest.fixture(scope="module")
def operated(valkey: ValkeyServer, tmp_path_factory: pytest.TempPathFactory) -> Generator[Stack]:
    """Two replicas and a worker whose key ring is a file."""
    folder, port = tmp_path_factory.mktemp("operated"), free_port()
    settings = {
        "MCP_AUTH": "local",
        "MCP_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "MCP_TRUSTED_PROXIES": "127.0.0.1",
        "MCP_SECRET_KEYS": "",
        "MCP_SECRET_KEYS_FILE": str(KeyFile.of_machine(folder / "keys").path),
        "MCP_AUTH_OPERATORS": "owner@localhost",
    }
    with running_stack(valkey.url(21), folder, replicas=2, settings=settings, port=port) as running:
        yield running
    assert [key for key in valkey.immortal_keys(21) if not key.startswith(keys.BROKER_PREFIX)] == []


def run(stack: Stack, *arguments: str, status: int = 0) -> str:
    """What a command of ours prints."""
    found, printed = stack.run(*arguments)
    assert found == status, printed
    return printed


def rows(stack: Stack, *arguments: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in run(stack, *arguments, "--json").splitlines() if '"logger"' not in line]


def test_keys_rotate_twice_under_load_and_the_oldest_is_dropped(operated: Stack):
    """A50: no request fails, nobody has to sign in again."""
    app = new_app(operated)
    given = tokens(operated, app)
    before = [str(row["key"]) for row in rows(operated, "keys", "list")]
    failed: list[int] = []
    over = threading.Event()

    def load() -> None:
        while not over.is_set():
            answers = [call(url, given["access_token"], "streaming", QUICK) for url in operated.mcp_urls]
            failed.extend(answer.status_code for answer in answers if answer.status_code != 200)

    worker = threading.Thread(target=load)
    worker.start()
    try:
        for _ in range(2):
            run(operated, "keys", "rotate", "--after", "0")
            run(operated, "keys", "sweep")
    finally:
        over.set()
        worker.join(30)
    run(operated, "keys", "sweep")
    run(operated, "keys", "drop", before[0], "--force")
    again = app.refresh(given["refresh_token"])

    assert failed == []
    assert again.status_code == 200
    assert call(operated.mcp_urls[1], again.json()["access_token"]).status_code == 200
    assert before[0] not in [row["key"] for row in rows(operated, "keys", "list") if row["it"] != "is missing"]


QUICK = {"count": 2, "intervalMs": 100}


def test_a_person_is_signed_out_everywhere(operated: Stack):
    """Ours: `grants revoke --subject`, of every client, on every replica at the next request; and it is noted."""
    given = [tokens(operated, new_app(operated)) for _ in range(2)]
    shown = rows(operated, "grants", "list", "--subject", "owner")

    said = run(operated, "grants", "revoke", "--subject", "owner")
    codes = [call(url, each["access_token"]).status_code for url in operated.mcp_urls for each in given]

    assert len(shown) >= 2
    assert {row["through"] for row in shown} == {"local"}
    assert f"{len(shown)} revoked" in said
    assert codes == [401] * 4
    assert rows(operated, "grants", "list", "--subject", "owner") == []
    assert [row["event"] for row in rows(operated, "audit", "-n", "2")] == ["revoked", "revoked"]


def test_a_revoked_client_is_gone_with_what_it_was_granted(operated: Stack):
    """Ours: its tokens, and the client itself."""
    app = new_app(operated, client_name="A [bold]name[/bold]")
    given = tokens(operated, app)
    shown = run(operated, "clients", "list")

    run(operated, "clients", "revoke", app.client_id)

    assert "A [bold]name[/bold]" in shown
    assert call(operated.mcp_url, given["access_token"]).status_code == 401
    assert app.refresh(given["refresh_token"]).json()["error"] == "invalid_client"
    assert "there is no client" in run(operated, "clients", "revoke", app.client_id, status=2)


def test_a_program_without_a_person_comes_in_with_its_secret(operated: Stack):
    """RFC 6749 4.4: only what an operator added, only with the scopes it was given."""
    said = json.loads(run(operated, "clients", "add", "--name", "Nightly", "--scope", "mcp:tools"))
    form = {"grant_type": "client_credentials"}

    def ask(secret: str, **more: str) -> httpx2.Response:
        auth = (said["client_id"], secret)
        return httpx2.post(f"{operated.url}/oauth/token", data={**form, **more}, auth=auth, timeout=20)

    given, wrong = ask(said["client_secret"]), ask("mcp_cs_wrong")
    wide = ask(said["client_secret"], scope="mcp:tools mcp:aws")

    assert given.status_code == 200
    assert "refresh_token" not in given.json()
    assert call(operated.mcp_url, given.json()["access_token"]).status_code == 200
    assert (wrong.status_code, wrong.json()["error"]) == (401, "invalid_client")
    assert (wide.status_code, wide.json()["error"]) == (400, "invalid_scope")


def test_operators_see_figures_and_others_do_not(operated: Stack):
    """Ours: /oauth/stats and /oauth/introspect want mcp:operator, which only operators are granted."""
    plain = tokens(operated, new_app(operated))["access_token"]
    special = tokens(operated, new_app(operated), scope="mcp:tools mcp:operator")["access_token"]

    def stats(token: str) -> httpx2.Response:
        return httpx2.get(f"{operated.url}/oauth/stats", headers={"authorization": f"Bearer {token}"}, timeout=20)

    described = httpx2.post(
        f"{operated.url}/oauth/introspect",
        data={"token": plain},
        headers={"authorization": f"Bearer {special}"},
        timeout=20,
    )

    assert [stats(plain).status_code, stats("nothing").status_code, stats(special).status_code] == [403, 401, 200]
    assert stats(special).json()["grants"] >= 2
    assert described.json()["active"] is True
    assert described.json()["sub"] == "owner"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["grants", "revoke"], "name grants, or --subject"),
        (["grants", "revoke", "0" * 32], "there is no grant"),
        (["clients", "add", "--name", "x", "--redirect-uri", "http://evil.example"], "https"),
        (["clients", "add", "--name", "x", "--scope", "mcp:all"], "there is no scope mcp:all"),
        (["clients", "add", "--name", "x", "--public"], "a public client"),
        (["keys", "drop", "00000000"], "has no key"),
    ],
)
def test_a_slip_is_told_in_a_sentence(operated: Stack, arguments: list[str], sentence: str):
    """Ours: status 2, what is wrong, what would be right."""
    said = run(operated, *arguments, status=2)

    assert sentence in said
    assert "Traceback" not in said


def test_a_ring_in_the_environment_cannot_be_rotated_by_a_command(operated: Stack):
    """Ours: the sentence says where one would have to be."""
    other = Stack(operated.redis_url, operated.folder, {"MCP_SECRET_KEYS": new_key()})

    assert "MCP_SECRET_KEYS_FILE" in run(other, "keys", "rotate", status=2)
