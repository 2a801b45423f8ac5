"""Attacks on the edge: names and origins that are not ours, addresses that lie, headers that claim to be somebody."""

import itertools
import os
import re
import socket
import subprocess
import sys
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any, cast

import httpx2
import pytest
from litestar import Litestar

from api.app import create_app
from api.edge import Edge
from api.settings import read_settings
from storage.errors import SettingsError
from tests.attacks.doors import bases, door, knock, names_of, remove
from tests.attacks.people import as_one, in_session, let_in, person
from tests.clients import ACCEPT, request
from tests.servers import Stack, ValkeyServer, running_stack

RATES = "mcp:rate:*"
LIMIT = 20
NAMED = {
    "MCP_PUBLIC_URL": "https://mcp.example.com",
    "MCP_ALLOWED_HOSTS": "other.example.com:8443",
    "MCP_ALLOWED_ORIGINS": "https://app.example.com",
    "MCP_AUTH": "github",
    "MCP_GITHUB_CLIENT_ID": "x",
    "MCP_GITHUB_CLIENT_SECRET": "x",
}
OURS = b"mcp.example.com"


@pytest.fixture(scope="module")
def limited(valkey: ValkeyServer, tmp_path_factory: pytest.TempPathFactory) -> Generator[Stack]:
    """Two replicas behind nobody and a third behind a proxy; twenty requests an hour, so that none comes back soon."""
    folder = tmp_path_factory.mktemp("limited")
    with door(valkey, 44, folder, MCP_TRUSTED_PROXIES="", MCP_RATE_LIMIT=f"{LIMIT}/hour") as running:
        running.settings = {**running.settings, "MCP_TRUSTED_PROXIES": "127.0.0.1"}
        running.start_web()
        yield running


@pytest.fixture
def rested(limited: Stack) -> Stack:
    """The same, with every bucket full."""
    remove(limited, names_of(limited, RATES))
    return limited


def addresses() -> Iterator[str]:
    """A new address for every request."""
    return (f"192.0.2.{number}" for number in itertools.count(1))


def is_limited(answer: httpx2.Response) -> bool:
    """Whether it was refused for the number of requests, in MCP's form and with what one needs to know."""
    assert answer.headers["ratelimit-limit"] == str(LIMIT)
    assert int(answer.headers["ratelimit-reset"]) > 0
    if answer.status_code != 429:
        return False
    assert answer.json()["error"]["code"] == -31002
    assert answer.headers["ratelimit-remaining"] == "0"
    assert 1 <= int(answer.headers["retry-after"]) <= 3600 / LIMIT
    return True


LIES = ["x-forwarded-for", "forwarded", "x-real-ip", "true-client-ip", "cf-connecting-ip", "user-agent"]


def lie(header: str, address: str) -> dict[str, str]:
    forms = {"forwarded": f"for={address}", "user-agent": "kube-probe/1.30"}
    return {header: forms.get(header, address)}


@pytest.mark.parametrize("header", LIES)
@pytest.mark.parametrize("who", ["nobody", "a stranger", "a principal"])
def test_calls_are_counted_whatever_a_client_says_of_itself(rested: Stack, header: str, who: str):
    """A36: CVE-2025-59152; twenty over both replicas, with and without a token, for a probe by name too."""
    token = (
        {"nobody": None, "a stranger": "x"}.get(who) if who != "a principal" else let_in(rested, [person(header)])[0]
    )
    urls = rested.mcp_urls[:2] * 12

    answers = [knock(url, token, **lie(header, address)) for url, address in zip(urls, addresses(), strict=False)]

    assert [is_limited(answer) for answer in answers] == [False] * LIMIT + [True] * 4
    assert {answer.status_code for answer in answers[:LIMIT]} == {200 if who == "a principal" else 401}


def test_one_principal_has_one_limit_wherever_it_calls_from(rested: Stack):
    """A36: by principal, not by address, once somebody is known; with two tokens, over all replicas."""
    tokens = let_in(rested, [person("roams")] * 2)
    behind = rested.mcp_urls[2]

    used = [
        knock(behind, token, **{"x-forwarded-for": address})
        for token, address in zip(tokens * 10, addresses(), strict=False)
    ]
    more = [knock(url, token) for url in rested.mcp_urls for token in tokens]

    assert not any(is_limited(answer) for answer in used)
    assert all(is_limited(answer) for answer in more)


def test_two_principals_behind_one_address_have_a_limit_each(rested: Stack):
    """A36: a loud colleague, or a stranger at the same address, locks nobody out; nor the other way round."""
    loud, quiet = let_in(rested, [person("loud"), person("quiet")])
    url = rested.mcp_url

    shouted = [knock(url, loud) for _ in range(LIMIT + 2)]
    strangers = [knock(url, None) for _ in range(LIMIT + 2)]
    quietly = [knock(url, quiet) for _ in range(LIMIT)]

    assert [is_limited(answer) for answer in shouted].count(True) == 2
    assert [is_limited(answer) for answer in strangers].count(True) == 2
    assert not any(is_limited(answer) for answer in quietly)


@pytest.fixture(scope="module")
def named(valkey: ValkeyServer, tmp_path_factory: pytest.TempPathFactory) -> Generator[Stack]:
    """Two replicas that clients reach by a name, with every route there is but the `local` provider's."""
    folder = tmp_path_factory.mktemp("named")
    with running_stack(valkey.url(45), folder, worker=False, replicas=2, settings=NAMED) as running:
        yield running


@pytest.fixture(scope="module")
def routes(named: Stack) -> list[tuple[str, str]]:
    """Method and path of everything that the running application answers, and of what it does not."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in named.environment().items():
            patch.setenv(name, value)
        edge = cast("Edge", create_app(read_settings()))
    litestar = cast("Litestar", edge._app)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # its own table, not a list by hand
    found = {
        (method, re.sub(r"\{[^}]*\}", "github", route.path))
        for route in litestar.routes
        for method in cast("Any", route).methods
    }
    assert {("GET", "/mcp"), ("POST", "/oauth/consent"), ("GET", "/health/live")} <= found
    nothing = {("GET", "/"), ("GET", "/nothing"), ("GET", "/docs"), ("GET", "/openapi.json"), ("PUT", "/mcp")}
    return sorted(found | nothing)


@pytest.mark.parametrize("base", [0, 1])
def test_the_routes_are_those_that_the_server_says_it_has(named: Stack, routes: list[tuple[str, str]], base: int):
    """A37: what is walked below is no smaller than the document that everybody can read, and is really there."""
    said = httpx2.get(f"{bases(named)[base]}/schema/openapi.json").json()["paths"]

    open_routes = {(method.upper(), path) for path, methods in said.items() for method in methods}
    plain = {(method, path) for method, path in open_routes if "{" not in path}

    assert len(plain) >= 10
    assert plain <= set(routes)


def exchange(port: int, request_bytes: bytes) -> tuple[int, dict[bytes, bytes], bytes]:
    """What a server answers to these very bytes, which end with the connection."""
    found = b""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(request_bytes)
        while chunk := connection.recv(65536):
            found += chunk
    head, _, body = found.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    pairs = (line.partition(b": ")[::2] for line in lines[1:])
    changing = (b"x-request-id", b"date")
    return int(lines[0].split()[1]), {name: value for name, value in pairs if name not in changing}, body


def raw(method: str, target: str, *headers: bytes) -> bytes:
    """A request of these headers alone, with a token of nobody."""
    usual = (b"accept: application/json, text/event-stream", b"connection: close", b"content-length: 0")
    return b"\r\n".join([f"{method} {target} HTTP/1.1".encode(), *headers, *usual, b"", b""])


HOSTS: list[tuple[bytes, ...]] = [
    (b"host: evil.example",),
    (b"host: evil.example:443",),
    (b"host: mcp.example.com.evil.example",),
    (b"host: evilmcp.example.com",),
    (b"host: mcpXexample.com",),
    (b"host: mcp.example.com@evil.example",),
    (b"host: evil.example#mcp.example.com",),
    (b"host: mcp.example.com, evil.example",),
    (b"host: mcp.example.com.",),
    (b"host: other.example.com",),
    (b"host: 127.0.0.1.evil.example",),
    (b"host: 0x7f.1",),
    (b"host: ",),
    (),
    (b"x-forwarded-host: " + OURS,),
    (b"host: evil.example", b"x-forwarded-host: " + OURS, b"forwarded: host=" + OURS),
    (b"host: evil.example", b"x-original-host: " + OURS, b"x-host: " + OURS),
    (b"host: evil.example", b"host: " + OURS),
    (b"host: " + OURS, b"host: evil.example"),
    (b"host: " + OURS, b"Host: " + OURS),
]


@pytest.mark.parametrize("headers", HOSTS, ids=lambda headers: b" ".join(headers).decode() or "none")
def test_a_name_that_is_not_ours_is_misdirected_on_every_route(
    named: Stack, routes: list[tuple[str, str]], headers: tuple[bytes, ...]
):
    """A37: CVE-2025-66416, GHSA-89vp-x53w-74fx, CVE-2026-48061; the very same answer everywhere, streams too."""
    answers = [
        exchange(port, raw(method, path, *headers))
        for number, (method, path) in enumerate(routes)
        for port in named.ports[number % 2 : number % 2 + 1]
    ]

    status, said, body = answers[0]
    assert status == 421
    assert body.startswith(b"Host is not a name of this server")
    assert not any(name.startswith(b"access-control") for name in said)
    assert [answer for answer in answers if answer != answers[0]] == []


@pytest.mark.parametrize(
    "target", ["http://evil.example", "https://evil.example:443", "http://mcp.example.com@evil.example", "http://"]
)
def test_a_target_that_names_another_host_is_misdirected_on_every_route(
    named: Stack, routes: list[tuple[str, str]], target: str
):
    """A37: RFC 9112 3.2.2: in absolute form the target names the host, whatever the Host header says."""
    answers = [
        exchange(named.ports[number % 2], raw(method, f"{target}{path}", b"host: " + OURS))[0]
        for number, (method, path) in enumerate(routes)
    ]

    # A target that no URL parser takes ends before there is a route.
    assert set(answers) <= ({421} if target != "http://" else {400, 421})


def test_a_target_that_names_us_is_served(named: Stack):
    """RFC 9112 3.2.2: a server must take the absolute form."""
    request_bytes = raw("GET", "https://mcp.example.com/ping", b"host: evil.example")

    status, _, body = exchange(named.port, request_bytes)

    assert (status, body) == (200, b"pong")


@pytest.mark.parametrize(
    "host", [b"mcp.example.com", b"MCP.Example.COM", b"mcp.example.com:443", b"other.example.com:8443", b"127.0.0.1"]
)
def test_our_own_names_are_served(named: Stack, routes: list[tuple[str, str]], host: bytes):
    """A37, the good case: no route takes our own name for another's."""
    answers = [exchange(named.port, raw(method, path, b"host: " + host)) for method, path in routes]

    statuses = {status for status, _, _ in answers}
    assert {200, 401, 404} <= statuses
    assert 421 not in statuses
    assert 500 not in statuses
    assert [body for _, _, body in answers if body.startswith((b"Host is not", b"Origin may not"))] == []


ORIGINS: list[tuple[bytes, ...]] = [
    (b"origin: https://evil.example",),
    (b"origin: null",),
    (b"origin: ",),
    (b"origin: https://mcp.example.com.evil.example",),
    (b"origin: https://evilmcp.example.com",),
    (b"origin: https://mcpXexample.com",),
    (b"origin: https://appXexample.com",),
    (b"origin: https://mcp.example.com@evil.example",),
    (b"origin: https://evil.example/https://mcp.example.com",),
    (b"origin: http://mcp.example.com",),
    (b"origin: https://mcp.example.com:8443",),
    (b"origin: https://app.example.com:444",),
    (b"origin: https://localhost.evil.example",),
    (b"origin: http://localhost:80@evil.example",),
    (b"origin: http://127.0.0.1.evil.example",),
    (b"origin: https://evil.example https://mcp.example.com",),
    (b"origin: https://evil.example", b"origin: https://mcp.example.com"),
    (b"origin: https://mcp.example.com", b"origin: https://evil.example"),
    (b"origin: null", b"sec-fetch-site: same-origin"),
]
FORMS = {"/oauth/consent", "/oauth/local"}


@pytest.mark.parametrize("headers", ORIGINS, ids=lambda headers: b" ".join(headers).decode())
def test_a_page_of_another_origin_may_call_no_route(
    named: Stack, routes: list[tuple[str, str]], headers: tuple[bytes, ...]
):
    """A38: RFC 6454, MCP transports; suffix, scheme, port; no header that would let a page read the refusal."""
    vouched = b"sec-fetch-site: same-origin" in headers
    preflight = (b"access-control-request-method: POST", b"access-control-request-headers: authorization")

    answers = [
        exchange(named.ports[number % 2], raw(method, path, b"host: " + OURS, *headers, *more))
        for number, (method, path) in enumerate(routes)
        for more in ([(), preflight] if method == "OPTIONS" else [()])
        if not (vouched and path in FORMS)
    ]

    status, said, body = answers[0]
    assert status == 403
    assert body.startswith(b"Origin may not call this server")
    assert not any(name.startswith(b"access-control") for name in said)
    assert [answer for answer in answers if answer != answers[0]] == []


@pytest.mark.parametrize(
    ("origin", "headers"),
    [
        ("null", {}),
        ("null", {"sec-fetch-site": "cross-site"}),
        ("null", {"sec-fetch-site": "none"}),
        ("https://evil.example", {"sec-fetch-site": "same-origin"}),
    ],
)
def test_a_form_without_an_origin_is_ours_only_if_the_browser_says_so(
    named: Stack, origin: str, headers: dict[str, str]
):
    """A38: Fetch metadata; a sandboxed page has the origin `null` too."""
    form = {"ticket": "x", "decision": "allow"}
    sent = {"host": OURS.decode(), "origin": origin, **headers}

    answers = [httpx2.post(f"{base}/oauth/consent", data=form, headers=sent) for base in bases(named)]

    assert [answer.status_code for answer in answers] == [403, 403]
    assert {answer.text for answer in answers} == {"Origin may not call this server: MCP_ALLOWED_ORIGINS must list it"}


@pytest.mark.parametrize("origin", ["https://mcp.example.com", "https://app.example.com", "http://localhost:6274"])
def test_a_page_of_a_listed_origin_may_call(named: Stack, origin: str):
    """A38, the good case: and only that origin is let read the answer."""
    headers = {"host": OURS.decode(), "origin": origin, **ACCEPT}

    answer = httpx2.post(named.mcp_url, content=b"{}", headers=headers)

    assert answer.status_code == 401
    assert answer.headers["access-control-allow-origin"] == origin


BAD_ORIGINS = [
    "https://$(id).example",
    "https://a.example`id`",
    "https://a.example\r\nX-Evil: 1",
    "https://a.example\n",
    'https://a.example"',
    "https://a.example'",
    "https://a.example;id",
    "https://a.example|id",
    "https://a.example id",
    "https://a.example\\@evil.example",
    "https://user:secret@a.example",
    "https://user@a.example",
    "https://a.example/path",
    "https://a.example/mcp/..",
    "https://a.example?x=1",
    "https://a.example#x",
    "https://a.example%0d%0aX: 1",
    "https://ä.example",
    "https://",
    "https://:443",
    "https://[",
    "https://[::1",
    "https://[nonsense]",
    "https://a:b",
    "https://a:1:2",
    "https://a.example:99999",
    "https://a.example:",
    "javascript:alert(1)",
    "ftp://a.example",
    "//a.example",
    "a.example",
    "https://a.example,https://b.example",
]
BAD_SETTINGS = [
    *(("MCP_PUBLIC_URL", value) for value in BAD_ORIGINS),
    ("MCP_PUBLIC_URL", "http://a.example"),
    ("MCP_PUBLIC_URL", "http://10.0.0.1"),
    ("MCP_PUBLIC_URL", "http://127.0.0.1.evil.example"),
    *(
        (name, value)
        for name in ("MCP_OIDC_ISSUER", "MCP_GITHUB_URL")
        for value in (
            "https://$(id).example/",
            "https://a.example/\r\nX: 1",
            'https://a.example/"',
            "https://user:secret@a.example/",
            "https://a.example/?x=1",
            "https://a.example/#x",
            "https://a.example/;id",
            "https://[",
            "https://",
            "https://a.example:99999/",
            "javascript:alert(1)",
            "file:///etc/passwd",
        )
    ),
    ("MCP_AUTH0_DOMAIN", "https://a.auth0.com"),
    ("MCP_AUTH0_DOMAIN", "a.auth0.com/$(id)"),
    ("MCP_AUTH0_DOMAIN", "user@a.auth0.com"),
    ("MCP_AUTH0_DOMAIN", "a.auth0.com\r\nX: 1"),
]
GOOD: dict[str, str] = {
    "MCP_REDIS_URL": "redis://127.0.0.1:1/0",
    "MCP_AUTH": "oidc",
    "MCP_PUBLIC_URL": "https://mcp.example.com",
    "MCP_OIDC_ISSUER": "https://id.example.com/realms/a",
    "MCP_OIDC_CLIENT_ID": "x",
}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """Settings of a server that would start, and nothing else of ours."""
    for name in list(os.environ):
        if name.startswith("MCP_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    for name, value in GOOD.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


@pytest.mark.parametrize(("name", "value"), BAD_SETTINGS, ids=lambda value: repr(value)[:50])
def test_an_address_that_could_carry_something_else_is_no_setting(
    environment: pytest.MonkeyPatch, name: str, value: str
):
    """A39: CVE-2025-6514; what is printed in metadata, headers and redirects is an address and nothing else."""
    environment.setenv(name, value)

    with pytest.raises(SettingsError) as refused:
        read_settings()

    sentence = str(refused.value)
    assert name in sentence
    assert "\n" not in sentence
    assert "\r" not in sentence


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MCP_PUBLIC_URL", "https://mcp.example.com/"),
        ("MCP_PUBLIC_URL", "https://mcp-1.example.com:8443"),
        ("MCP_PUBLIC_URL", "http://127.0.0.1:3000"),
        ("MCP_PUBLIC_URL", "http://[::1]:3000"),
        ("MCP_OIDC_ISSUER", "http://127.0.0.1:8080/realms/a"),
        ("MCP_GITHUB_URL", "https://github.example.com"),
    ],
)
def test_an_address_that_is_one_is_taken(environment: pytest.MonkeyPatch, name: str, value: str):
    """A39, the good case."""
    environment.setenv(name, value)

    assert read_settings().auth.is_on()


def test_a_server_with_such_an_address_does_not_start(tmp_path: Path):
    """A39: one sentence that names the variable, and an exit status that an orchestrator sees."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MCP_")}
    values = ["https://$(id).example", "https://a.example\r\nX-Evil: 1", "https://[", "http://a.example"]
    command = [sys.executable, "-m", "api.cli.main", "serve", "--port", "0"]

    started = [
        subprocess.Popen(
            command,
            env=clean | GOOD | {"MCP_PUBLIC_URL": value},
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for value in values
    ]
    told = [process.communicate(timeout=60)[0] for process in started]

    assert all(process.returncode not in (0, None) for process in started)
    assert all("MCP_PUBLIC_URL" in text and "Traceback" not in text for text in told), told
    assert {len(text.strip().splitlines()) for text in told} == {1}


def claims(name: str, subject: str) -> dict[str, str]:
    """Headers by which some gateway says who somebody is, or what they want."""
    return {
        "x-user": subject,
        "x-user-id": subject,
        "x-forwarded-user": subject,
        "x-forwarded-email": f"{subject}@example.com",
        "x-auth-request-user": subject,
        "x-auth-request-email": f"{subject}@example.com",
        "x-remote-user": subject,
        "remote-user": subject,
        "x-mcp-user": subject,
        "x-mcp-principal": f"{subject}@test via {name}",
        "x-mcp-client-id": name,
        "x-mcp-scopes": "mcp:operator mcp:aws mcp:project",
        "x-mcp-session-id": "x",
        "x-amzn-oidc-identity": subject,
        "x-goog-authenticated-user-email": f"accounts.google.com:{subject}@example.com",
        "forwarded": f'for=127.0.0.1;host=evil.example;proto=https;by="{subject}"',
        "x-forwarded-proto": "http",
        "x-forwarded-prefix": "/evil",
        "x-forwarded-host": "evil.example",
        "x-original-url": "/health/live",
        "x-rewrite-url": "/health/live",
        "x-http-method-override": "DELETE",
        "x-http-method": "DELETE",
        "x-method-override": "DELETE",
    }


def shape(answer: httpx2.Response) -> tuple[int, dict[str, str], str]:
    """An answer without what differs from one to the next."""
    changing = ("x-request-id", "date", "mcp-session-id")
    headers = {name: value for name, value in answer.headers.items() if name not in changing}
    return answer.status_code, headers, answer.text


@pytest.mark.parametrize("header", sorted(claims("", "")))
def test_nobody_is_somebody_because_a_header_says_so(guarded: Stack, header: str):
    """A40: GHSA-g53w-w6mj-hrpp; no identity, no scope, no route and no method from a header, on either replica."""
    victim, attacker = person("victim"), person("attacker", "other")
    token = let_in(guarded, [attacker])[0]
    claim = {header: claims(victim.client_id, victim.subject)[header]}
    mine = as_one(guarded.mcp_url, token).send("tools/call", CALL).result["content"][1]["uri"]

    for url in guarded.mcp_urls:
        base = url.removesuffix("/mcp")
        asked: list[tuple[str, str, dict[str, Any], str | None]] = [
            ("POST", url, request("tools/list", ENVELOPE), None),
            ("POST", url, request("tools/list", ENVELOPE), token),
            ("POST", url, request("resources/read", {"uri": mine, **ENVELOPE}), token),
            ("POST", url, request("tools/call", {"name": "project", "arguments": {}, **ENVELOPE}), token),
            ("GET", f"{base}/oauth/stats", {}, token),
            ("GET", f"{base}/oauth/stats", {}, None),
            ("GET", f"{base}/.well-known/oauth-authorization-server", {}, None),
            ("GET", f"{base}/.well-known/oauth-protected-resource", {}, None),
        ]
        for method, address, body, bearer in asked:
            headers = headers_for(body, bearer)
            without = httpx2.request(method, address, json=body or None, headers=headers)
            with_it = httpx2.request(method, address, json=body or None, headers=headers | claim)

            assert shape(with_it) == shape(without)
            assert with_it.status_code in (200, 401, 403)


CALL = {"name": "echo", "arguments": {"message": "mine"}}
ENVELOPE: dict[str, Any] = {
    "_meta": {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    }
}


def headers_for(body: dict[str, Any], token: str | None) -> dict[str, str]:
    own = {**ACCEPT} if body else {}
    own |= {"authorization": f"Bearer {token}"} if token else {}
    if body:
        params: dict[str, str] = body["params"]
        own |= {"mcp-protocol-version": "2026-07-28", "mcp-method": body["method"]}
        own |= {"mcp-name": name} if (name := params.get("name") or params.get("uri")) else {}
    return own


@pytest.mark.parametrize("header", ["x-http-method-override", "x-http-method", "x-method-override"])
def test_a_stream_that_is_opened_does_not_end_its_session(guarded: Stack, header: str):
    """A40: GET with an override is a GET; the session lives on."""
    wire = in_session(guarded.mcp_url, let_in(guarded, [person(header)])[0])

    with wire.http.stream("GET", wire.url, headers=wire.headers("", {}) | {header: "DELETE"}) as answer:
        status = answer.status_code

    assert status == 200
    assert wire.send("ping").result == {}
