"""A20, RFC 7523: how a client proves itself, and what is none."""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from secrets import token_urlsafe
from typing import Any

import httpx2
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from tests.attacks.doors import error_of
from tests.journeys.test_operators import run
from tests.oauth import new_app
from tests.servers import Stack

BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@pytest.fixture(scope="module")
def key() -> ECKey:
    return ECKey.generate_key("P-256", {"kid": "one"})


@pytest.fixture(scope="module")
def signer(guarded: Stack, key: ECKey, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A client that signs what it asks for."""
    path: Path = tmp_path_factory.mktemp("signer") / "jwks.json"
    path.write_text(json.dumps({"keys": [key.as_dict(private=False)]}))
    return json.loads(run(guarded, "clients", "add", "--name", "Signer", "--jwks", str(path)))["client_id"]


def ask(stack: Stack, signer: str, key: ECKey, **changes: Any) -> httpx2.Response:
    """Tokens by an assertion; None leaves a claim out."""
    now = int(time.time())
    usual = {"iss": signer, "sub": signer, "aud": stack.url, "exp": now + 60, "iat": now, "jti": token_urlsafe(8)}
    claims = {name: value for name, value in {**usual, **changes}.items() if value is not None}
    form = {
        "grant_type": "client_credentials",
        "client_assertion_type": BEARER,
        "client_assertion": jwt.encode({"alg": "ES256", "kid": "one"}, claims, key),
    }
    return httpx2.post(f"{stack.url}/oauth/token", data=form, timeout=20)


def test_a_signed_assertion_is_good_once(guarded: Stack, signer: str, key: ECKey):
    """RFC 7523 3 (7): on whichever replica; a list that names us is good too."""
    again = token_urlsafe(8)

    first, second = (ask(guarded, signer, key, jti=again) for _ in range(2))

    assert first.status_code == 200
    assert error_of(second) == (401, "invalid_client")
    assert ask(guarded, signer, key, aud=["https://other.example", f"{guarded.url}/oauth/token"]).status_code == 200


WRONG: list[dict[str, Any]] = [
    {"nbf": time.time() + 3600},
    {"nbf": "soon"},
    {"aud": [{}]},
    {"aud": {}},
    {"aud": "https://other.example"},
    {"aud": None},
    {"exp": time.time() - 3600},
    {"exp": time.time() + 86_400},
    {"exp": None},
    {"iss": "somebody"},
    {"sub": "somebody"},
    {"jti": None},
    {"jti": 7},
]


@pytest.mark.parametrize(
    "changes",
    WRONG,
    ids=[f"{number} {next(iter(changes))}" for number, changes in enumerate(WRONG)],
)
def test_an_assertion_that_is_not_quite_right_proves_nothing(
    guarded: Stack, signer: str, key: ECKey, changes: Mapping[str, Any]
):
    """RFC 7523 3: refused in OAuth's words, whatever JSON it holds."""
    assert error_of(ask(guarded, signer, key, **changes)) == (401, "invalid_client")


def test_another_key_proves_nothing(guarded: Stack, signer: str):
    """RFC 7523 3 (9)."""
    stranger = ECKey.generate_key("P-256", {"kid": "one"})

    assert error_of(ask(guarded, signer, stranger)) == (401, "invalid_client")


@pytest.mark.parametrize("header", ["Basic /////w==", "Basic", "Basic %%%", "Basic Og==", "Basic " + "A" * 3000])
@pytest.mark.parametrize("path", ["/oauth/token", "/oauth/revoke"])
def test_a_header_that_is_not_basic_is_refused_in_words(guarded: Stack, path: str, header: str):
    """RFC 7617 2: bytes that are no text, nothing, no base64."""
    form = {"grant_type": "refresh_token", "refresh_token": "x", "token": "x"}
    refused = httpx2.post(f"{guarded.url}{path}", data=form, headers={"authorization": header}, timeout=20)

    assert error_of(refused)[0] in (400, 401)


def test_a_client_names_itself_once(guarded: Stack):
    """RFC 6749 2.3: not one client in the header and another in the form."""
    one, two = new_app(guarded), new_app(guarded, token_endpoint_auth_method="client_secret_basic")
    form = {"grant_type": "refresh_token", "refresh_token": "x", "client_id": one.client_id}

    refused = httpx2.post(f"{guarded.url}/oauth/token", data=form, auth=(two.client_id, "wrong"), timeout=20)

    assert error_of(refused) == (401, "invalid_client")


def test_a_request_without_a_grant_type_is_not_of_an_unknown_one(guarded: Stack):
    """RFC 6749 5.2."""
    assert error_of(new_app(guarded).token({"code": "x"})) == (400, "invalid_request")


def test_the_metadata_says_how_operators_are_known(guarded: Stack):
    """RFC 8414 2: introspection takes an access token, and revocation says what signs an assertion."""
    said = httpx2.get(f"{guarded.url}/.well-known/oauth-authorization-server").json()

    assert said["introspection_endpoint_auth_methods_supported"] == ["Bearer"]
    assert "ES256" in said["revocation_endpoint_auth_signing_alg_values_supported"]
