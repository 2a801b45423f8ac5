"""Attacks on registration and its limits, and what we say of ourselves."""

import itertools
import json
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.attacks.doors import (
    bases,
    crowd_in,
    door,
    error_of,
    flood,
    knock,
    let_go,
    life_of,
    names_of,
    page_status,
    remove,
    statuses,
)
from tests.oauth import REDIRECT, App, Person, authorize, new_app, register, ticket_of, tokens
from tests.servers import Stack, ValkeyServer

DAY = 86_400_000
RATES = "mcp:rate:*"
CLIENTS = "mcp:client:*"
UNUSED = "mcp:clients:unused"
METADATA: dict[str, Any] = {"redirect_uris": [REDIRECT], "token_endpoint_auth_method": "none"}


@pytest.fixture(scope="module")
def proxied(valkey: ValkeyServer, tmp_path_factory: pytest.TempPathFactory) -> Generator[Stack]:
    """Behind a proxy on this machine."""
    with door(valkey, 32, tmp_path_factory.mktemp("proxied")) as running:
        yield running


@pytest.fixture(scope="module")
def exposed(valkey: ValkeyServer, tmp_path_factory: pytest.TempPathFactory) -> Generator[Stack]:
    """Behind nobody, with a limit of twenty requests a minute."""
    folder = tmp_path_factory.mktemp("exposed")
    with door(valkey, 33, folder, MCP_TRUSTED_PROXIES="", MCP_RATE_LIMIT="20/minute") as running:
        yield running


@pytest.fixture
def rested(exposed: Stack) -> Stack:
    """The same, with every bucket full."""
    remove(exposed, names_of(exposed, RATES))
    return exposed


def is_limited(answer: httpx2.Response) -> bool:
    """Whether it was refused for the number of requests, in OAuth's form; anything else was let in."""
    if answer.status_code != 429:
        return False
    assert error_of(answer) == (429, "temporarily_unavailable")
    assert 1 <= int(answer.headers["retry-after"]) <= 3600
    return True


@pytest.mark.timeout(300)
def test_a_thousand_registrations_from_one_address_become_ten_a_minute(proxied: Stack):
    """A35: over both replicas; what was refused is kept nowhere, and another address is served as before."""
    before, began = len(names_of(proxied, CLIENTS)), time.monotonic()

    answers = flood(proxied, METADATA, ["203.0.113.1"] * 1000)

    refilled = (time.monotonic() - began) / 6
    accepted = [answer for answer in answers if not is_limited(answer)]
    assert {answer.status_code for answer in accepted} == {201}
    assert 10 <= len(accepted) <= 11 + refilled
    assert len(names_of(proxied, CLIENTS)) - before == len(accepted)
    assert register(proxied).status_code == 201


def test_minutes_that_pass_do_not_lift_the_limit_of_an_hour(proxied: Stack):
    """A35: fifty an hour from one address, however patient it is: its minute is over six times here."""
    before = set(names_of(proxied, RATES))
    accepted: list[httpx2.Response] = []

    for _ in range(6):
        answers = flood(proxied, METADATA, ["203.0.113.2"] * 10)
        accepted += [answer for answer in answers if not is_limited(answer)]
        added = set(names_of(proxied, RATES)) - before
        remove(proxied, [name for name in added if life_of(proxied, name) <= 60_000])

    assert {answer.status_code for answer in accepted} == {201}
    assert 50 <= len(accepted) <= 51


@pytest.mark.timeout(300)
def test_what_two_hundred_addresses_register_is_gone_in_a_day(proxied: Stack):
    """A35: each within its quota; every client that is kept will be forgotten, and nothing else is kept for long."""
    addresses = [f"198.51.100.{number}" for number in range(1, 201)] * 12
    before, names, began = set(names_of(proxied, "*")), len(names_of(proxied, CLIENTS)), time.monotonic()

    answers = flood(proxied, METADATA, addresses)

    accepted = [answer for answer in answers if not is_limited(answer)]
    added = set(names_of(proxied, "*")) - before
    clients = [name for name in added if name.startswith("mcp:client:")]
    assert 2000 <= len(accepted) <= 2200 + 200 * (time.monotonic() - began) / 6
    assert len(names_of(proxied, CLIENTS)) - names == len(accepted) == len(clients)
    assert len(added) <= len(accepted) + 2 * 200 + 4
    assert [name for name in clients if not 0 < life_of(proxied, name) <= DAY] == []


def test_a_client_that_is_never_used_is_forgotten(proxied: Stack):
    """A35: RFC 7591 5; it must register again, and one that was used is kept longer than a day."""
    (unused, its_name), (used, name) = registered(proxied), registered(proxied)
    tokens(proxied, used)
    known = authorize(Person(proxied.url), unused).status_code

    let_go(proxied, its_name)

    assert known == 200
    assert page_status(authorize(Person(proxied.url), unused)) == 400
    assert life_of(proxied, name) > 30 * DAY


def registered(stack: Stack) -> tuple[App, str]:
    """A new client, and the key it is kept under."""
    before = set(names_of(stack, CLIENTS))
    app = new_app(stack)
    (name,) = set(names_of(stack, CLIENTS)) - before
    return app, name


def test_a_flood_from_everywhere_pushes_out_unused_clients_only(valkey: ValkeyServer, tmp_path: Path):
    """A35: ten thousand unused clients at most; the oldest makes room, and whoever was used stays."""
    with door(valkey, 34, tmp_path) as stack:
        used, oldest = new_app(stack), new_app(stack)
        given = tokens(stack, used)
        crowd_in(stack, UNUSED, 9_999)
        full = authorize(Person(stack.url), oldest).status_code

        newest = new_app(stack)

        pages = [authorize(Person(stack.url), app) for app in (oldest, newest, used)]
        assert full == 200
        assert [page.status_code for page in pages] == [400, 200, 200]
        assert knock(stack.mcp_url, given["access_token"]).status_code == 200


def addresses() -> Iterator[str]:
    """A new address for every request."""
    return (f"192.0.2.{number}" for number in itertools.count(1))


HEADERS = [
    "x-forwarded-for",
    "forwarded",
    "x-real-ip",
    "x-client-ip",
    "true-client-ip",
    "cf-connecting-ip",
    "x-envoy-external-address",
    "x-forwarded-host",
    "user-agent",
]


def lie(header: str, address: str) -> dict[str, str]:
    forms = {"forwarded": f"for={address}", "x-forwarded-host": f"{address}.example", "user-agent": "kube-probe/1.30"}
    return {header: forms.get(header, address)}


@pytest.mark.parametrize("header", HEADERS)
def test_registrations_are_counted_by_the_connection(rested: Stack, header: str):
    """A36: CVE-2025-59152; a header of the client's own, new each time, is no new client. Nor is a probe's name."""
    others = [base for base in bases(rested) for _ in range(8)]

    answers = [
        httpx2.post(f"{base}/oauth/register", json=METADATA, headers=lie(header, address))
        for base, address in zip(others, addresses(), strict=False)
    ]

    assert statuses(answers[:10]) == [201] * 10
    assert 5 <= len([answer for answer in answers if is_limited(answer)]) <= 6


PATHS = [
    ("GET", "/oauth/authorize?client_id=x"),
    ("POST", "/oauth/token"),
    ("POST", "/oauth/revoke"),
    ("POST", "/oauth/consent"),
    ("POST", "/oauth/local"),
    ("GET", "/oauth/callback/local?state=x"),
    ("GET", "/.well-known/oauth-authorization-server"),
    ("POST", "/mcp"),
]


@pytest.mark.parametrize(("method", "path"), PATHS)
@pytest.mark.parametrize("header", ["x-forwarded-for", "user-agent"])
def test_every_endpoint_counts_by_the_connection(rested: Stack, method: str, path: str, header: str):
    """A36: twenty a minute over both replicas; the predecessor let any `kube-probe` pass."""
    kind = {"content-type": "application/json" if path == "/mcp" else "application/x-www-form-urlencoded"}
    content = b"{}" if path == "/mcp" else b"a=b"

    answers = [
        httpx2.request(method, f"{base}{path}", content=content, headers=kind | lie(header, address))
        for base, address in zip(bases(rested) * 15, addresses(), strict=False)
    ]

    refused = [answer for answer in answers if answer.status_code == 429]
    assert 429 not in statuses(answers[:20])
    # One is there again every three seconds, and thirty requests may take a few of them.
    assert 5 <= len(refused) <= 10
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in refused)


@pytest.mark.parametrize("split", [False, True])
def test_behind_a_proxy_the_address_is_the_one_that_the_proxy_saw(proxied: Stack, *, split: bool):
    """A36: what stands left of it was written by the client; in one header or in several."""
    seen = "203.0.113.7" if split else "203.0.113.8"

    def send(spoofed: str, real: str) -> httpx2.Response:
        both = [("x-forwarded-for", spoofed), ("x-forwarded-for", real)]
        headers = both if split else [("x-forwarded-for", f"{spoofed}, {real}")]
        return httpx2.post(f"{proxied.url}/oauth/register", json=METADATA, headers=headers)

    answers = [send(spoofed, seen) for spoofed, _ in zip(addresses(), range(15), strict=False)]

    assert statuses(answers[:10]) == [201] * 10
    assert 4 <= len([answer for answer in answers if is_limited(answer)]) <= 5
    assert send(seen, "203.0.113.9").status_code == 201


def test_one_network_is_not_a_new_stranger_with_every_address(proxied: Stack):
    """A35: whoever has one IPv6 network (RFC 4291 2.5.1: a /64) has all of its addresses: they share a quota."""
    answers = flood(proxied, METADATA, [f"2001:db8:1:1::{number:x}" for number in range(1, 101)])

    assert len([answer for answer in answers if not is_limited(answer)]) <= 51
    assert register(proxied).status_code == 201


@pytest.mark.parametrize(
    "uris",
    [
        [f"https://a.example/{number}" for number in range(11)],
        [REDIRECT, "http://evil.example/cb"],
        ["https://a.example/" + "x" * 495],
        [],
        None,
        "https://a.example/cb",
        [None],
        [["https://a.example/cb"]],
        [""],
        ["https://a.example/cb\r\nx: y"],
        ["https://"],
        ["vscode://x/cb"],
        ["http://0.0.0.0/cb"],
        ["http://127.0.0.1.evil.example/cb"],
        ["https://a.example:99999/cb"],
    ],
    ids=lambda uris: str(uris)[:40],
)
def test_a_list_with_a_bad_redirect_is_not_registered(proxied: Stack, uris: object):
    """A12, the rest: eleven, one bad among good ones, too long, no list at all; nothing is kept."""
    before = names_of(proxied, CLIENTS)

    refused = register(proxied, redirect_uris=uris)

    assert error_of(refused) == (400, "invalid_redirect_uri")
    assert names_of(proxied, CLIENTS) == before


def test_ten_redirects_of_the_longest_kind_are(proxied: Stack):
    """A12, the good case: each can be asked for."""
    uris = [f"https://a.example/{number}/" + "x" * 492 for number in range(10)]
    answer = register(proxied, redirect_uris=uris)
    app = App(proxied.url, proxied.url, answer.json()["client_id"])

    assert answer.status_code == 201
    assert answer.json()["redirect_uris"] == uris
    assert [authorize(Person(proxied.url), app, redirect_uri=uri).status_code for uri in uris] == [200] * 10


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"[]", 400),
        (b"null", 400),
        (b'"x"', 400),
        (b"\xff\xfe", 400),
        (b'{"redirect_uris":["https://a.example/cb"],"client_name":"\xff"}', 400),
        (b"[" * 7000, 400),
        (b'{"a":' * 1200 + b"1" + b"}" * 1200, 400),
        (b'{"redirect_uris":["https://a.example/cb"],"grant_types":["implicit"]}', 400),
        (b'{"redirect_uris":["https://a.example/cb"],"grant_types":["authorization_code",{}]}', 400),
        (b'{"redirect_uris":["https://a.example/cb"],"response_types":["token"]}', 400),
        (b'{"redirect_uris":["https://a.example/cb"],"token_endpoint_auth_method":["none"]}', 400),
        (b'{"redirect_uris":["https://a.example/cb"],"token_endpoint_auth_method":"private_key_jwt"}', 400),
        (b'{"redirect_uris":["https://a.example/cb"],"client_name":"\\ud800"}', 400),
        (b'{"redirect_uris":["https://a.example/cb"],"x":"' + b"x" * 9000 + b'"}', 413),
    ],
    ids=lambda value: str(value)[:60],
)
def test_what_is_no_metadata_is_refused_in_words(proxied: Stack, body: bytes, status: int):
    """RFC 7591 3.2.2; the predecessor validated nothing."""
    where = {"x-forwarded-for": f"203.0.113.{100 + len(body) % 100}", "content-type": "application/json"}

    refused = httpx2.post(f"{proxied.url}/oauth/register", content=body, headers=where)

    assert refused.status_code == status
    assert refused.json()["error"] in ("invalid_client_metadata", "invalid_request")
    assert "client_id" not in refused.json()


def test_nobody_registers_over_another_client(proxied: Stack):
    """The predecessor's defect: a registration that names an existing client is a new one, and changes none."""
    app = new_app(proxied, client_name="Mine")
    claimed = {"client_id": app.client_id, "client_secret": "mine", "client_id_issued_at": 0}

    answer = register(proxied, client_name="Thief", redirect_uris=["https://evil.example/cb"], **claimed)
    page = authorize(Person(proxied.url), app)
    moved = authorize(Person(proxied.url), app, redirect_uri="https://evil.example/cb")

    assert answer.status_code == 201
    assert answer.json()["client_id"] != app.client_id
    assert "client_secret" not in answer.json()
    assert page.status_code == 200
    assert "Mine wants" in page.text
    assert page_status(moved) == 400


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_a_client_is_read_and_changed_by_nobody(proxied: Stack, method: str):
    """RFC 7592 is not offered: no management token, and nobody needs one to be refused."""
    app = new_app(proxied)

    answers = [
        httpx2.request(method, f"{proxied.url}/oauth/register{path}", json=METADATA)
        for path in ("", f"/{app.client_id}", f"?client_id={app.client_id}")
    ]

    assert set(statuses(answers)) <= {404, 405}
    assert ticket_of(authorize(Person(proxied.url), app))
    assert "registration_access_token" not in register(proxied).json()


def test_a_client_without_a_secret_is_given_none_and_one_with_a_secret_a_long_one(proxied: Stack):
    """RFC 7591 3.2.1; two registrations share nothing."""
    public, private, other = (
        register(proxied, token_endpoint_auth_method=method).json()
        for method in ("none", "client_secret_basic", "client_secret_basic")
    )

    assert "client_secret" not in public
    assert private["client_secret_expires_at"] == 0
    assert len(private["client_secret"]) >= 43
    assert len({each["client_id"] for each in (public, private, other)}) == 3
    assert private["client_secret"] != other["client_secret"]
    assert [name for name in names_of(proxied, "*") if private["client_secret"] in name] == []


def test_a_closed_server_registers_nobody(valkey: ValkeyServer, tmp_path: Path):
    """Ours: MCP_AUTH_REGISTRATION; and it does not say that it would."""
    with door(valkey, 34, tmp_path, MCP_AUTH_REGISTRATION="false") as stack:
        refused = register(stack)
        said = httpx2.get(f"{stack.url}/.well-known/oauth-authorization-server").json()
        kept = names_of(stack, CLIENTS)

    assert refused.status_code == 404
    assert kept == []
    assert "registration_endpoint" not in said
    assert said["token_endpoint"] == f"{stack.url}/oauth/token"


def test_every_endpoint_that_is_named_is_there(proxied: Stack):
    """RFC 8414 2; the predecessor named more than it had. The same document on every replica, at both addresses."""
    paths = ("/.well-known/oauth-authorization-server", "/.well-known/openid-configuration")
    documents = [httpx2.get(f"{base}{path}").json() for base in bases(proxied) for path in paths]
    said = documents[0]
    endpoints = {name: address for name, address in said.items() if name.endswith("_endpoint")}

    found = {name: httpx2.options(address).headers["allow"] for name, address in endpoints.items()}

    assert {json.dumps(document) for document in documents} == {json.dumps(said)}
    assert said["issuer"] == proxied.url
    assert all(address.startswith(f"{proxied.url}/oauth/") for address in endpoints.values())
    assert "GET" in found.pop("authorization_endpoint")
    assert len(found) == 4
    assert all("POST" in allowed for allowed in found.values())


def test_only_what_is_safe_is_offered(proxied: Stack):
    """RFC 9700 2.1, OAuth 2.1: code with S256; no implicit or password grant, no fragment, our name on every answer."""
    said = httpx2.get(f"{proxied.url}/.well-known/oauth-authorization-server").json()

    assert said["code_challenge_methods_supported"] == ["S256"]
    assert said["response_types_supported"] == ["code"]
    assert said["response_modes_supported"] == ["query"]
    assert not {"implicit", "password"} & set(said["grant_types_supported"])
    assert said["authorization_response_iss_parameter_supported"] is True


def test_every_scope_that_is_named_can_be_asked_for(proxied: Stack):
    """RFC 8414 2, RFC 9728 2: scopes_supported, each by itself; the operators' is not advertised."""
    app, person = new_app(proxied), Person(proxied.url)
    server = httpx2.get(f"{proxied.url}/.well-known/oauth-authorization-server").json()
    resource = httpx2.get(f"{proxied.url}/.well-known/oauth-protected-resource/mcp").json()

    answers = {scope: authorize(person, app, scope=scope).status_code for scope in server["scopes_supported"]}

    assert set(answers.values()) == {200}
    assert set(resource["scopes_supported"]) <= answers.keys()
    assert "mcp:operator" not in answers


def test_every_grant_type_that_is_named_can_be_had(proxied: Stack):
    """RFC 8414 2: grant_types_supported; the predecessor claimed more than it did."""
    said = httpx2.get(f"{proxied.url}/.well-known/oauth-authorization-server").json()

    answer = register(
        proxied, grant_types=said["grant_types_supported"], token_endpoint_auth_method="client_secret_basic"
    )

    assert {"authorization_code", "refresh_token"} <= set(said["grant_types_supported"])
    assert answer.status_code == 201, answer.text
