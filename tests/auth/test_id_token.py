"""An ID token is believed for what is checked, and for nothing that it says of itself."""

from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet, OctKey, RSAKey

from auth.id_token import BadToken, Expected, verify

NOW = 1_800_000_000
KEY = RSAKey.generate_key(2048, parameters={"kid": "one"})
KEYS = KeySet([KEY])
EXPECTED = Expected(issuer="https://id.example", client_id="us", nonce="n1", now=NOW)
CLAIMS: dict[str, Any] = {
    "iss": "https://id.example",
    "aud": "us",
    "sub": "ada",
    "nonce": "n1",
    "iat": NOW - 5,
    "exp": NOW + 300,
}


def signed(claims: dict[str, Any], header: dict[str, Any] | None = None, key: Any = KEY) -> str:
    return jwt.encode({"alg": "RS256", "kid": "one"} | (header or {}), claims, key)


def test_a_good_token_is_believed():
    """OpenID Connect Core 3.1.3.7."""
    assert verify(signed(CLAIMS), KEYS, EXPECTED)["sub"] == "ada"


@pytest.mark.parametrize(
    "change",
    [
        {"aud": "them"},
        {"aud": "them", "azp": "us"},
        {"aud": ["us", "them"]},
        {"azp": "them"},
        {"iss": "https://evil.example"},
        {"exp": NOW - 61},
        {"exp": None},
        {"iat": NOW + 61},
        {"nonce": None},
        {"nonce": "n2"},
        {"sub": ""},
    ],
)
def test_a_wrong_claim_is_refused(change: dict[str, Any]):
    """A28."""
    claims = {name: value for name, value in (CLAIMS | change).items() if value is not None}

    with pytest.raises(BadToken):
        verify(signed(claims), KEYS, EXPECTED)


def test_no_nonce_of_ours_is_no_excuse():
    """A28: whoever forgets to pass one gets nobody."""
    with pytest.raises(BadToken):
        verify(signed(CLAIMS), KEYS, Expected(issuer="https://id.example", client_id="us", nonce="", now=NOW))


def test_only_the_providers_own_keys_and_algorithms_count():
    """A27, A29: none, a shared secret, an embedded key, a critical header, an unknown algorithm."""
    other = RSAKey.generate_key(2048, parameters={"kid": "one"})
    unsigned = ".".join([*signed(CLAIMS).split(".")[:2], ""])
    forged = [
        unsigned,
        signed(CLAIMS, key=other),
        signed(CLAIMS, {"jwk": other.as_dict(private=False)}, other),
        signed(CLAIMS, {"jku": "https://evil.example/keys"}),
        jwt.encode({"alg": "HS256", "kid": "one"}, CLAIMS, OctKey.import_key("s" * 32)),
        "not.a.token",
        "",
    ]

    for token in forged:
        with pytest.raises(BadToken):
            verify(token, KEYS, EXPECTED)


def test_an_access_token_of_another_sign_in_is_refused():
    """3.1.3.8: at_hash, when it is there."""
    with pytest.raises(BadToken, match="another access token"):
        verify(signed(CLAIMS | {"at_hash": "x"}), KEYS, EXPECTED, access_token="stolen")
