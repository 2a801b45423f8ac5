"""Attacks on the authorization endpoint: where it sends a browser, and what it asks of a request."""

import base64
import hashlib
from collections.abc import Mapping
from urllib.parse import urlencode

import httpx2
import pytest

from tests.attacks.doors import code_for, door, error_of, error_sent_back, knock, names_of, page_status
from tests.oauth import BASIC, REDIRECT, App, Person, agree, authorize, new_app, query_of, sign_in, ticket_of, tokens
from tests.servers import Stack, ValkeyServer

CALLBACK = "https://a.example/cb"
LOOPBACK = "http://127.0.0.1/cb"
FOREIGN = "https://other.example/mcp"


@pytest.fixture
def app(guarded: Stack) -> App:
    return new_app(guarded)


@pytest.fixture
def person(guarded: Stack) -> Person:
    return Person(guarded.url)


def registered(stack: Stack, *uris: str) -> App:
    found = new_app(stack, redirect_uris=list(uris))
    found.redirect_uri = uris[0]
    return found


def asks(answer: httpx2.Response) -> bool:
    return answer.status_code == 200 and bool(ticket_of(answer))


@pytest.mark.parametrize(
    "uri",
    [
        "https://A.example/cb",
        "https://a.example:443/cb",
        "https://a.example/x/../cb",
        "https://a.example/./cb",
        "https://a.example\\cb",
        "https://a.example/cb\t",
        " https://a.example/cb",
        "https://a.example/cb ",
        "https://a.example/cb\r\nlocation: https://evil.example",
        "https://a.example/cb\x00",
        "https://a.example/cb/",
        "https://a.example./cb",
        "https://a.example//cb",
        "https://a.example/cb;x",
        "HTTPS://a.example/cb",
        "http://a.example/cb",
        "//a.example/cb",
        "https://a.example/cb?x",
        "https://a.example/cb#f",
        "https://a.example/%63b",
        "https://user@a.example/cb",
        "https://a.example:443@evil.example/cb",
        "https://a.example.evil.example/cb",
        "https://evil.example/?https://a.example/cb",
        "javascript:alert(1)",
        "https://\uff41.example/cb",
    ],
    ids=ascii,
)
def test_a_browser_is_sent_nowhere_but_to_the_registered_address(guarded: Stack, person: Person, uri: str):
    """A10: RFC 9700 4.1.3, byte for byte, whatever a browser would make of it; a page, never a redirect."""
    app = registered(guarded, CALLBACK)

    other, good = authorize(person, app, redirect_uri=uri), authorize(person, app)

    assert page_status(other) == 400
    assert asks(good)


@pytest.mark.parametrize("change", [{"response_type": "token"}, {"scope": "nonsense"}, {"code_challenge": None}])
def test_an_error_is_no_reason_to_trust_the_address(guarded: Stack, person: Person, change: Mapping[str, str | None]):
    """A10, RFC 6749 4.1.2.1: no open redirector; the same error at the registered address is sent there."""
    app = registered(guarded, CALLBACK)

    other = authorize(person, app, **{**change, "redirect_uri": "https://evil.example/cb"})

    assert page_status(other) == 400
    assert error_sent_back(authorize(person, app, **change), app)


@pytest.mark.parametrize("client_id", [None, "", "nobody", "mcp_client_", "../clients", "mcp_client_*", "A" * 5000])
def test_a_client_that_never_registered_is_not_sent_back(
    guarded: Stack, person: Person, app: App, client_id: str | None
):
    """A10: nobody registers by asking, either (the predecessor's defect)."""
    clients = names_of(guarded, "mcp:client:*")

    answers = [authorize(person, app, client_id=client_id) for _ in range(2)]

    assert [page_status(answer) for answer in answers] == [400, 400]
    assert names_of(guarded, "mcp:client:*") == clients
    assert asks(authorize(person, app))


def test_an_address_that_is_left_out_must_be_the_only_one(guarded: Stack, person: Person):
    """A10, RFC 6749 3.1.2.3."""
    one, two = registered(guarded, CALLBACK), registered(guarded, CALLBACK, "https://b.example/cb")

    assert page_status(authorize(person, two, redirect_uri=None)) == 400
    assert page_status(authorize(person, two, redirect_uri="")) == 400
    assert asks(authorize(person, two))
    assert asks(authorize(person, one, redirect_uri=None))


def test_another_clients_address_is_not_registered(guarded: Stack, person: Person):
    """A10: each client has its own list."""
    mine, other = registered(guarded, CALLBACK), registered(guarded, "https://b.example/cb")

    assert page_status(authorize(person, mine, redirect_uri=other.redirect_uri)) == 400
    assert asks(authorize(person, mine))
    assert asks(authorize(person, other))


@pytest.mark.parametrize("port", ["", ":1", ":49152", ":65535"])
def test_a_program_on_this_machine_may_listen_on_any_port(guarded: Stack, person: Person, port: str):
    """A11: RFC 8252 7.3; and the code comes to that very port."""
    app = registered(guarded, LOOPBACK)
    app.redirect_uri = f"http://127.0.0.1{port}/cb"

    arrived = sign_in(guarded, person, agree(person, authorize(person, app)))

    assert arrived.headers["location"].startswith(f"http://127.0.0.1{port}/cb?code=")


@pytest.mark.parametrize(
    "uri",
    [
        "http://127.0.0.1:49152/other",
        "http://127.0.0.1:49152/cb/",
        "http://127.0.0.1:49152/cb?x",
        "http://127.0.0.1:49152/cb#x",
        "http://127.0.0.2:49152/cb",
        "http://0x7f.1:49152/cb",
        "http://2130706433:49152/cb",
        "http://017700000001:49152/cb",
        "http://127.1:49152/cb",
        "http://[::1]:49152/cb",
        "http://[::ffff:127.0.0.1]:49152/cb",
        "http://localhost:49152/cb",
        "http://localhost.evil.example:49152/cb",
        "http://127.0.0.1.evil.example:49152/cb",
        "http://127.0.0.1:49152@evil.example/cb",
        "http://evil@127.0.0.1:49152/cb",
        "http://127.0.0.1:0/cb",
        "http://127.0.0.1:65536/cb",
        "http://127.0.0.1:+80/cb",
        "http://127.0.0.1:\u0661/cb",
        "http://127.0.0.1:/cb",
        "https://127.0.0.1:49152/cb",
        "http://127.0.0.1:49152/cb\n",
    ],
    ids=ascii,
)
def test_only_the_port_of_a_loopback_address_is_free(guarded: Stack, person: Person, uri: str):
    """A11: another path, another address of this machine, and names that only look like it."""
    app = registered(guarded, LOOPBACK)

    assert page_status(authorize(person, app, redirect_uri=uri)) == 400
    assert asks(authorize(person, app, redirect_uri="http://127.0.0.1:49152/cb"))


def test_a_registered_name_that_begins_with_localhost_has_no_free_port(guarded: Stack, person: Person):
    """A11: `localhost.evil.example` is a host like any other."""
    app = registered(guarded, "https://localhost.evil.example/cb")

    assert page_status(authorize(person, app, redirect_uri="https://localhost.evil.example:8443/cb")) == 400
    assert asks(authorize(person, app))


@pytest.mark.parametrize(
    "change",
    [
        {"code_challenge": None, "code_challenge_method": None},
        {"code_challenge": None},
        {"code_challenge": ""},
        {"code_challenge_method": "plain"},
        {"code_challenge_method": None},
        {"code_challenge_method": ""},
        {"code_challenge_method": "s256"},
        {"code_challenge_method": "S512"},
        {"code_challenge": "a" * 42},
        {"code_challenge": "a" * 129},
        {"code_challenge": "a" * 42 + "="},
        {"code_challenge": "a" * 42 + "+"},
        {"code_challenge": "a" * 42 + "\u00e4"},
    ],
    ids=str,
)
@pytest.mark.parametrize("method", ["none", "client_secret_basic"])
def test_a_request_without_a_good_challenge_goes_no_further(
    guarded: Stack, person: Person, method: str, change: Mapping[str, str | None]
):
    """A13: RFC 7636 4.4.1, OAuth 2.1 4.1.1: at authorize and not later, for clients with a secret too."""
    app = new_app(guarded, token_endpoint_auth_method=method)

    refused = authorize(person, app, **change)

    assert error_sent_back(refused, app) == "invalid_request"
    assert asks(authorize(person, app))


@pytest.mark.parametrize(
    "name",
    [
        "response_type",
        "client_id",
        "redirect_uri",
        "scope",
        "state",
        "code_challenge",
        "code_challenge_method",
        "prompt",
        "nonce",
    ],
)
@pytest.mark.parametrize("same", [True, False])
def test_a_parameter_that_is_there_twice_is_refused(guarded: Stack, person: Person, app: App, name: str, *, same: bool):
    """A14: RFC 6749 3.1; a page, for which of the two is to be trusted nobody knows. Unknown names count too."""
    request = app.request() | {"prompt": "consent", "nonce": "n"}
    twice = [*request.items(), (name, request[name] if same else "other")]

    refused = person.get(f"/oauth/authorize?{urlencode(twice)}")

    assert page_status(refused) == 400
    assert asks(person.get(f"/oauth/authorize?{urlencode(request)}"))


def test_the_one_resource_may_be_named_twice_but_no_other_beside_it(person: Person, app: App):
    """A14, A24: RFC 8707 2 lets `resource` be repeated; we serve one, and refuse a request that names another."""
    ours = [*app.request().items(), ("resource", f"{app.issuer}/mcp")]
    mixed = [*app.request().items(), ("resource", FOREIGN)]
    mixed_first = [("resource", FOREIGN), *app.request().items()]

    answers = [person.get(f"/oauth/authorize?{urlencode(pairs)}") for pairs in (ours, mixed, mixed_first)]

    assert asks(answers[0])
    assert [error_sent_back(answer, app) for answer in answers[1:]] == ["invalid_target", "invalid_target"]


@pytest.mark.parametrize("query", ["client_id", "a=1&&b", "client_id=%ff%fe", "&" * 30, "a=1;b=2", "x=1&" * 60 + "y=1"])
def test_what_is_no_query_of_parameters_is_refused_by_a_page(person: Person, app: App, query: str):
    """A14: RFC 6749 3.1, appendix B: malformed, not UTF-8, or endless."""
    assert page_status(person.get(f"/oauth/authorize?{query}")) == 400
    assert asks(authorize(person, app))


@pytest.mark.parametrize(
    "response_type", ["token", "id_token", "code token", "code id_token", "token code", "none", "CODE", "code code"]
)
def test_only_codes_are_given_out(person: Person, app: App, response_type: str):
    """A15: no implicit and no hybrid flow (OAuth 2.1 10.1)."""
    refused = authorize(person, app, response_type=response_type)

    assert error_sent_back(refused, app) == "unsupported_response_type"
    assert asks(authorize(person, app))


@pytest.mark.parametrize("response_type", [None, ""])
def test_a_request_says_what_it_wants(person: Person, app: App, response_type: str | None):
    """A15: RFC 6749 4.1.1, response_type is required."""
    assert error_sent_back(authorize(person, app, response_type=response_type), app) == "invalid_request"
    assert asks(authorize(person, app))


@pytest.mark.parametrize("mode", ["fragment", "form_post", "web_message"])
def test_a_code_travels_in_the_query_and_nowhere_else(guarded: Stack, person: Person, app: App, mode: str):
    """A15: a `response_mode` that would move it changes nothing."""
    page = person.get(f"/oauth/authorize?{urlencode(app.request() | {'response_mode': mode})}")

    location = sign_in(guarded, person, agree(person, page)).headers["location"]

    assert query_of(location).keys() == {"code", "state", "iss"}
    assert "#" not in location


@pytest.mark.parametrize(
    "scope", ["nonsense", f"{BASIC} nonsense", "mcp:*", "*", "MCP:TOOLS", "mcp:tools,mcp:aws", "mcp:tools\tmcp:operato"]
)
def test_a_scope_that_there_is_not_is_refused(person: Person, app: App, scope: str):
    """A16: RFC 6749 4.1.2.1."""
    assert error_sent_back(authorize(person, app, scope=scope), app) == "invalid_scope"
    assert asks(authorize(person, app))


def test_who_is_no_operator_gets_no_operators_scope(guarded: Stack, app: App):
    """A16: asked for, shown on the page, and taken out when it is known who the person is; the rest is given."""
    given = tokens(guarded, app, scope=f"{BASIC} mcp:operator")
    headers = {"authorization": f"Bearer {given['access_token']}"}

    stats = httpx2.get(f"{guarded.url}/oauth/stats", headers=headers)
    widened = app.refresh(given["refresh_token"], scope=f"{BASIC} mcp:operator")

    assert set(given["scope"].split()) == set(BASIC.split())
    assert error_of(stats) == (403, "insufficient_scope")
    assert error_of(widened) == (400, "invalid_scope")
    assert knock(guarded.mcp_url, given["access_token"]).status_code == 200


def test_an_operators_name_opens_what_operators_see(valkey: ValkeyServer, tmp_path_factory: pytest.TempPathFactory):
    """A16, the good case; the predecessor showed its figures to everybody."""
    folder = tmp_path_factory.mktemp("operators")
    with door(valkey, 34, folder, MCP_AUTH_OPERATORS="local:owner") as stack:
        app = new_app(stack)
        named, plain = tokens(stack, app, scope=f"{BASIC} mcp:operator"), tokens(stack, app)
        answers = [
            httpx2.get(f"{stack.url}/oauth/stats", headers={"authorization": f"Bearer {token}"})
            for token in (named["access_token"], plain["access_token"], "nothing")
        ]
        bare = httpx2.get(f"{stack.url}/oauth/stats")

    assert answers[0].status_code == 200
    assert answers[0].json()["clients"] == 1
    assert [error_of(answer) for answer in (*answers[1:], bare)] == [
        (403, "insufficient_scope"),
        (401, "invalid_token"),
        (401, "invalid_token"),
    ]


def test_every_scope_that_is_given_was_shown(guarded: Stack, person: Person, app: App):
    """A16: consent says in words what the token will hold, and no more than that is given."""
    page = authorize(person, app, scope="mcp:tools mcp:aws")
    code = query_of(sign_in(guarded, person, agree(person, page)).headers["location"])["code"]
    given = app.token(app.redemption(code)).json()

    assert page.text.count("<li>") == 2
    assert "AWS account" in page.text
    assert given["scope"].split() == ["mcp:tools", "mcp:aws"]


@pytest.mark.parametrize(
    "resource",
    [
        "https://other.example",
        FOREIGN,
        "{issuer}",
        "{issuer}/",
        "{issuer}/mcp/other",
        "{issuer}/mcp?x",
        "{issuer}/mcp#x",
        "{issuer}/mcpx",
        "{issuer}.evil.example/mcp",
        "https://user@{host}/mcp",
        "not a uri",
        "http://[",
    ],
)
def test_a_code_for_another_resource_is_not_asked_for(person: Person, app: App, resource: str):
    """A24: RFC 8707 2, CVE-2025-69196: the origin is not the endpoint either."""
    named = resource.replace("{issuer}", app.issuer).replace("{host}", app.issuer.removeprefix("http://"))

    assert error_sent_back(authorize(person, app, resource=named), app) == "invalid_target"
    assert asks(authorize(person, app))


@pytest.mark.parametrize(
    "state", ["x y", "a&code=b", "%0d%0a", "\r\nset-cookie: x=1", "\u00e4\u20ac", "<script>", "=" * 2048]
)
def test_a_clients_state_comes_back_as_it_was(guarded: Stack, person: Person, app: App, state: str):
    """RFC 6749 4.1.2, on success and on error; the predecessor lost it. It adds no parameter and no header."""
    app.state = state
    arrived = sign_in(guarded, person, agree(person, authorize(person, app)))
    refused = authorize(person, app, scope="nonsense")

    answer = query_of(arrived.headers["location"])
    assert answer["state"] == state
    assert answer["code"].startswith("mcp_ac_")
    assert error_sent_back(refused, app) == "invalid_scope"
    assert "x" not in arrived.cookies


def test_a_client_without_state_gets_none(guarded: Stack, person: Person, app: App):
    """RFC 6749 4.1.2: only if it was there; and one that is too long is refused by a page."""
    arrived = sign_in(guarded, person, agree(person, authorize(person, app, state=None)))

    assert query_of(arrived.headers["location"]).keys() == {"code", "iss"}
    assert page_status(authorize(person, app, state="x" * 2049)) == 400


def test_a_redirect_never_repeats_a_form(guarded: Stack, person: Person, app: App):
    """RFC 9700 4.12: 303 on every step, so that no browser posts a code or ticket on."""
    sent = agree(person, authorize(person, app))
    arrived = sign_in(guarded, person, sent)

    assert [sent.status_code, arrived.status_code] == [303, 303]
    assert [sent.headers["cache-control"], arrived.headers["cache-control"]] == ["no-store", "no-store"]


def test_the_challenge_is_that_of_the_request_and_of_no_other(guarded: Stack, app: App):
    """A13, code injection: a code from another request of the same client does not fit this one's verifier."""
    code = code_for(guarded, app)
    foreign = App(app.url, app.issuer, app.client_id)
    digest = base64.urlsafe_b64encode(hashlib.sha256(foreign.verifier.encode()).digest()).rstrip(b"=").decode()

    refused = app.token(foreign.redemption(code))
    given = app.token(app.redemption(code_for(guarded, app)))

    assert digest == foreign.challenge != app.challenge
    assert error_of(refused) == (400, "invalid_grant")
    assert given.status_code == 200
    assert app.redirect_uri == REDIRECT
