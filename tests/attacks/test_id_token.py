"""Attacks by ID token: a provider's answer that is forged, borrowed, stale, or somebody else's, in a real sign-in."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from joserfc.jwk import RSAKey

from tests.attacks.company import Company, company
from tests.attacks.doors import bases, page_status
from tests.oauth import App, Person, new_app
from tests.servers import ValkeyServer
from tests.stand_ins.openid import OpenId, Sign, half_hash, new_key, signed

Parts = dict[str, Any]
STOLEN = new_key("first")
"""An attacker's key, by the name of the provider's."""


@pytest.fixture(scope="module")
def rotating(valkey: ValkeyServer, tmp_path_factory: pytest.TempPathFactory) -> Generator[Company]:
    """Two replicas whose providers' keys nobody but the test of them asks for."""
    with company(valkey, 40, tmp_path_factory.mktemp("rotating"), worker=False) as running:
        yield running


@pytest.fixture(scope="module")
def thief() -> Generator[OpenId]:
    """Another provider, which signs as ours does, and notes who asks for its keys."""
    with OpenId(client_id="us-at-corp", key=STOLEN).serving() as running:
        yield running


@pytest.fixture
def app(corp: Company) -> App:
    return new_app(corp.stack)


def segment(part: Parts) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


def rs256(key: RSAKey, text: bytes) -> bytes:
    assert key.private_key is not None
    return key.private_key.sign(text, PKCS1v15(), SHA256())


def by_hand(header: Mapping[str, Any], *, key: RSAKey | None = None, secret: str = "") -> Sign:
    """A token whose header no library would write, signed by the provider's key, another *key*, or a shared secret.

    A *secret* names a form of the provider's public key, which everybody knows.
    """

    def sign(provider: OpenId, usual: Parts, claims: Parts) -> str:
        full = {name: value for name, value in (usual | dict(header)).items() if value is not None}
        text = f"{segment(full)}.{segment(claims)}".encode()
        if full["alg"].lower() == "none":
            return f"{text.decode()}."
        signature = hmac_of(provider.key, secret, text) if secret else rs256(key or provider.key, text)
        return f"{text.decode()}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"

    return sign


def hmac_of(key: RSAKey, form: str, text: bytes) -> bytes:
    forms = {
        "pem": key.as_pem(private=False),
        "der": key.as_der(private=False),
        "jwk": json.dumps(key.as_dict(private=False)).encode(),
        "n": str(key.as_dict(private=False)["n"]).encode(),
        "empty": b"",
    }
    return hmac.new(forms[form], text, hashlib.sha256).digest()


def tampered(provider: OpenId, header: Parts, claims: Parts) -> str:
    """Signed for Ada, and then made out to Eve."""
    head, _, signature = signed(provider, header, claims).split(".")
    return f"{head}.{segment(claims | {'sub': 'eve'})}.{signature}"


def in_two_parts(provider: OpenId, header: Parts, claims: Parts) -> str:
    return signed(provider, header, claims).rpartition(".")[0]


def always(token: str) -> Sign:
    return lambda _provider, _header, _claims: token


@pytest.mark.parametrize(
    "sign",
    [
        by_hand({"alg": "none"}),
        by_hand({"alg": "None", "kid": None}),
        by_hand({"alg": "nOnE"}),
        *(by_hand({"alg": "HS256"}, secret=form) for form in ("pem", "der", "jwk", "n", "empty")),
        by_hand({"alg": "HS256", "kid": None}, secret="pem"),
        by_hand({}, key=STOLEN),
        by_hand({"kid": None}, key=STOLEN),
        by_hand({"kid": "../../dev/null"}, key=STOLEN),
        by_hand({"alg": "ES256"}),
        by_hand({"alg": "RS512"}),
        by_hand({"alg": "XX1"}),
        by_hand({"alg": "rs256"}),
        by_hand({"crit": ["x"], "x": 1}),
        by_hand({"crit": ["exp"], "exp": 1}),
        by_hand({"crit": []}),
        by_hand({"crit": ["b64"], "b64": False}),
        by_hand({"b64": False}),
        tampered,
        in_two_parts,
        always(""),
        always("a.b.c"),
        always(f"{segment({'alg': 'RS256', 'kid': 'first'})}.{'W1td' * 100_000}.AAAA"),
    ],
    ids=[
        "none", "None", "nOnE", "pem", "der", "jwk", "n", "empty secret", "pem without kid", "same kid", "no kid",
        "path as kid", "es256", "rs512", "unknown", "lower case", "crit", "crit exp", "crit empty", "crit b64", "b64",
        "tampered", "two parts", "empty", "letters", "long",
    ],
)  # fmt: skip
def test_a_token_that_the_providers_key_did_not_sign_as_it_should_is_refused(corp: Company, app: App, sign: Sign):
    """A27, A29: CVE-2026-28802, 27962, 28498, CVE-2025-59420: the algorithm and the key are ours to choose."""
    with corp.openid.bent(sign=sign):
        refused = corp.arrive(app=app)

    assert page_status(refused) == 400


@pytest.mark.parametrize("header", ["jwk", "jku", "x5u", "x5c"])
@pytest.mark.parametrize("kid", ["first", "unknown", None])
def test_a_token_cannot_bring_its_own_key(corp: Company, app: App, thief: OpenId, header: str, kid: str | None):
    """A27: RFC 8725 3.5, 3.10: neither embedded nor by address, and nothing is fetched from there."""
    theirs: Mapping[str, Any] = {
        "jwk": STOLEN.as_dict(private=False),
        "jku": f"{thief.url}/jwks",
        "x5u": f"{thief.url}/certificate",
        "x5c": ["MIIB"],
    }

    with corp.openid.bent(sign=by_hand({header: theirs[header], "kid": kid}, key=STOLEN)):
        refused = corp.arrive(app=app)

    assert page_status(refused) == 400
    assert thief.calls.total() == 0


def timed(claims: Parts) -> Parts:
    """With a time for each duration: so long from now."""
    now = int(time.time())
    return {name: now + value.seconds if isinstance(value, After) else value for name, value in claims.items()}


@dataclass(frozen=True)
class After:
    seconds: int


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "somebody"},
        {"aud": "somebody", "azp": "us-at-corp"},
        {"aud": ["us-at-corp", "somebody"]},
        {"aud": ["us-at-corp", "somebody"], "azp": "us-at-corp"},
        {"aud": []},
        {"aud": None},
        {"aud": "us-at-corp "},
        {"aud": {"us-at-corp": 1}},
        {"azp": "somebody"},
        {"iss": "https://evil.example"},
        {"iss": None},
        {"exp": After(-120)},
        {"exp": None},
        {"exp": "9999999999"},
        {"iat": After(600)},
        {"iat": None},
        {"nonce": None},
        {"nonce": ""},
        {"nonce": "of another sign-in"},
        {"nonce": ["x"]},
        {"sub": None},
        {"sub": ""},
        {"sub": 815},
        {"sub": ["ada"]},
        {"at_hash": half_hash("another access token")},
        {"at_hash": ""},
        {"at_hash": 1},
    ],
    ids=str,
)
def test_a_signed_token_with_a_wrong_claim_is_refused(corp: Company, app: App, claims: Parts):
    """A28, A29: OpenID Connect Core 3.1.3.7 and 3.1.3.8, whatever else is right about it."""
    with corp.openid.bent(claims=timed(claims)):
        refused = corp.arrive(app=app)

    assert page_status(refused) == 400


def test_a_token_of_the_same_person_from_another_sign_in_is_refused(corp: Company, app: App):
    """A28: replay: good once, with the nonce of that sign-in, and its access token."""
    kept: list[str] = []

    def keep(provider: OpenId, header: Parts, claims: Parts) -> str:
        kept.append(signed(provider, header, {name: claims[name] for name in claims if name != "at_hash"}))
        return kept[0]

    with corp.openid.bent(sign=keep):
        first, second = corp.arrive(app=app), corp.arrive(app=app)

    assert (first.status_code, page_status(second)) == (303, 400)


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": ["us-at-corp"]},
        {"azp": "us-at-corp"},
        {"at_hash": None},
        {"iat": After(30)},
        {"exp": After(-20)},
    ],
    ids=str,
)
def test_a_token_that_is_right_in_another_way_is_believed(corp: Company, app: App, claims: Parts):
    """OpenID Connect Core 2: what may be left out or written otherwise; clocks differ by a minute at most."""
    with corp.openid.bent(claims=timed(claims)):
        assert corp.arrive(app=app).status_code == 303


def test_a_token_without_the_name_of_its_key_is_believed_of_a_provider_with_one_key(corp: Company, app: App):
    """OpenID Connect Core 10.1: a `kid` is needed only where there are several."""
    with corp.openid.bent(header={"kid": None}):
        assert corp.arrive(app=app).status_code == 303


def signs_in(company: Company, base: str, provider: str) -> int:
    return company.arrive(provider, app=new_app(company.stack), person=Person(base)).status_code


def test_tokens_by_unknown_keys_make_each_replica_ask_for_new_ones_once(rotating: Company):
    """A30: one look within 60 s and replica, not one for each; whoever has a good token is not kept out."""
    provider, here = rotating.openid, bases(rotating.stack)
    first = [signs_in(rotating, base, "oidc") for base in here]
    fetched = provider.calls["/jwks"]

    with provider.bent(sign=by_hand({"kid": "unknown"}, key=STOLEN)):
        forged = [signs_in(rotating, base, "oidc") for base in here * 10]
    last = [signs_in(rotating, base, "oidc") for base in here]

    assert (first, forged, last) == ([303] * 2, [400] * 20, [303] * 2)
    assert fetched == 2
    assert provider.calls["/jwks"] == 4


def test_a_key_that_was_really_rotated_is_found_by_one_look(rotating: Company):
    """A30: at once, also just after the old ones were fetched; the old key counts no more then."""
    provider, here = rotating.auth0, bases(rotating.stack)
    first = [signs_in(rotating, base, "auth0") for base in here]
    old, fetched = provider.key, provider.calls["/jwks"]

    with provider.bent(key=new_key("second")):
        rotated = [signs_in(rotating, base, "auth0") for base in here * 2]
        with provider.bent(sign=by_hand({"kid": "first"}, key=old)):
            late = [signs_in(rotating, base, "auth0") for base in here]

    assert (first, rotated, late) == ([303] * 2, [303] * 4, [400] * 2)
    assert (fetched, provider.calls["/jwks"]) == (2, 4)
