"""Providers that lie about themselves, or talk nonsense: a person reads a sentence, and nobody is sent anywhere."""

import json
from collections.abc import Generator
from typing import Any

import pytest

from tests.attacks.company import Company, company
from tests.attacks.doors import page_status
from tests.oauth import App, Person, new_app
from tests.servers import ValkeyServer
from tests.stand_ins.bendable import Reply, as_json, sent_to
from tests.stand_ins.openid import DISCOVERY

HTML = Reply(200, b"<!doctype html><h1>hello</h1>", "text/html")
NESTED = Reply(200, b'{"a": ' + b"[" * 200_000 + b"]" * 200_000 + b"}")
SAID_BY_US = "<h1>This cannot go on</h1>"


@pytest.fixture(scope="module")
def misled(valkey: ValkeyServer, tmp_path_factory: pytest.TempPathFactory) -> Generator[Company]:
    """Its `oidc` never tells the truth in its discovery, its `auth0` never in its keys: what was believed is kept."""
    folder = tmp_path_factory.mktemp("misled")
    with company(valkey, 39, folder, replicas=1, worker=False) as running:
        yield running
    assert "Traceback" not in running.stack.webs[0].output()


@pytest.fixture
def app(misled: Company) -> App:
    return new_app(misled.stack)


def in_words(page: str) -> bool:
    """Whether it is our page, with nothing of the provider's or of a trace."""
    return SAID_BY_US in page and not [word for word in ("Traceback", "hello", "evil", "Error") if word in page]


@pytest.mark.parametrize(
    "document",
    [
        {"issuer": "https://evil.example"},
        {"issuer": "{url}/"},
        {"issuer": "{url}/tenant"},
        {"issuer": None},
        {"issuer": ["{url}"]},
        {"authorization_endpoint": None},
        {"token_endpoint": None},
        {"jwks_uri": None},
        {"token_endpoint": ""},
        {"token_endpoint": 5},
        {"jwks_uri": ["{url}/jwks"]},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"authorization_endpoint": "data:text/html,x"},
        {"authorization_endpoint": "//evil.example/authorize"},
        {"authorization_endpoint": "/authorize"},
        {"authorization_endpoint": "{url}/authorize\r\nset-cookie: a=b"},
        {"authorization_endpoint": "{url}/authorize#"},
        {"authorization_endpoint": "{url}/$(id)"},
        {"authorization_endpoint": "{url}/a b"},
        {"authorization_endpoint": "http://[evil"},
        {"authorization_endpoint": "http://user@evil.example/"},
        {"token_endpoint": "file:///etc/passwd"},
        {"jwks_uri": "http://"},
    ],
    ids=str,
)
def test_a_discovery_that_names_somebody_else_or_no_good_address_sends_nobody_anywhere(
    misled: Company, app: App, document: dict[str, Any]
):
    """A39, OpenID Connect Discovery 4.3: the issuer byte for byte; endpoints are plain addresses."""
    written = json.loads(json.dumps(document).replace("{url}", misled.openid.url))

    with misled.openid.bent(document=written):
        refused = misled.set_out(Person(misled.stack.url), app)

    assert page_status(refused) == 502
    assert in_words(refused.text)
    assert "set-cookie" not in refused.headers


@pytest.mark.parametrize(
    "reply",
    [
        Reply(200, json.dumps({"x": "x" * 600_000}).encode()),
        sent_to("/elsewhere"),
        HTML,
        NESTED,
        as_json([]),
        as_json(None),
        Reply(200, b""),
        Reply(200, b"\xff\xfe{}"),
        Reply(200, b"not zipped", headers={"content-encoding": "gzip"}),
        Reply(404),
        Reply(503),
    ],
    ids=["600 kB", "redirect", "html", "nested", "list", "null", "empty", "bytes", "zip", "404", "503"],
)
def test_a_discovery_that_cannot_be_read_sends_nobody_anywhere(misled: Company, app: App, reply: Reply):
    """Ours: within bounds, and without following it elsewhere."""
    truth = as_json(misled.openid.discovery())

    with misled.openid.bent(replies={DISCOVERY: reply, "/elsewhere": truth}):
        refused = misled.set_out(Person(misled.stack.url), app)

    assert page_status(refused) == 502
    assert in_words(refused.text)
    assert misled.openid.calls["/elsewhere"] == 0


@pytest.mark.parametrize(
    "reply",
    [
        HTML,
        NESTED,
        as_json({}),
        as_json([]),
        as_json({"keys": None}),
        as_json({"keys": []}),
        as_json({"keys": {"kid": "first"}}),
        as_json({"keys": ["first", 1, None]}),
        as_json({"keys": [{"kty": "RSA"}]}),
        as_json({"keys": [{"kty": "RSA", "kid": "first", "n": "!!", "e": "AQAB"}]}),
        as_json({"keys": [{"kty": "EC", "kid": "first", "crv": "P-256", "x": "AA", "y": "AA"}]}),
        as_json({"keys": [{"kty": "AKP", "kid": "first", "pub": "AA"}]}),
        as_json({"keys": [{"kty": 1}, {"kty": ["RSA"]}]}),
        Reply(200, json.dumps({"keys": ["x" * 600_000]}).encode()),
        sent_to("/elsewhere"),
        Reply(503),
    ],
    ids=[
        "html", "nested", "no keys", "list", "null", "none", "object", "words", "empty", "base64", "point", "unknown",
        "types", "600 kB", "redirect", "503",
    ],
)  # fmt: skip
def test_keys_that_cannot_be_read_let_nobody_in(misled: Company, app: App, reply: Reply):
    """A30, A53: RFC 7517 5; a page in words, and no error of ours."""
    truth = misled.auth0.routes()["/jwks"]

    with misled.auth0.bent(replies={"/jwks": reply, "/elsewhere": truth}):
        refused = misled.arrive("auth0", app=app)

    assert page_status(refused) == 400
    assert in_words(refused.text)
    assert misled.auth0.calls["/elsewhere"] == 0


def hang_up(_: object) -> Reply:
    raise ConnectionAbortedError


def test_a_provider_that_hangs_up_is_spoken_of_in_a_sentence(misled: Company, app: App):
    """Ours: what a person can do about it, which is to wait."""
    with misled.openid.bent(replies={DISCOVERY: hang_up}):
        refused = misled.set_out(Person(misled.stack.url), app)

    assert page_status(refused) == 502
    assert "cannot be reached just now" in refused.text
