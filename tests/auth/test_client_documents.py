"""A client that is described by its own address: what may stand there."""

import pytest

from auth.client_documents import read, read_keys
from auth.fetch import BadDocument

ID = "https://app.example/oauth/client.json"
GOOD = {"client_id": ID, "client_name": "App", "redirect_uris": ["http://127.0.0.1/cb"]}
KEY = {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}


def test_a_good_document_is_the_client():
    """draft-ietf-oauth-client-id-metadata-document."""
    client = read(ID, GOOD, schemes=())

    assert (client.id, client.name, client.redirect_uris) == (ID, "App", ("http://127.0.0.1/cb",))
    assert (client.auth_method, client.origin) == ("none", "document")


@pytest.mark.parametrize(
    "change",
    [
        {"client_id": "https://app.example/other"},
        {"client_secret": "x"},
        {"token_endpoint_auth_method": "client_secret_basic"},
        {"redirect_uris": []},
        {"redirect_uris": ["javascript:alert(1)"]},
        {"redirect_uris": "http://127.0.0.1/cb"},
        {"client_name": None},
        {"client_name": " "},
        {"client_secret_expires_at": 0},
        {"token_endpoint_auth_method": "client_secret_jwt"},
        {"token_endpoint_auth_method": ["none"]},
        {"token_endpoint_auth_method": "private_key_jwt"},
        {"token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": []}},
        {"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": "http://app.example/keys"},
        {"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": "https://127.0.0.1/keys"},
        {"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": ["https://app.example/keys"]},
        {"jwks": {"keys": [KEY]}, "jwks_uri": "https://app.example/keys"},
        {"jwks": {"keys": [KEY | {"d": "AA"}]}},
    ],
)
def test_a_document_must_be_complete_and_its_own(change: dict[str, object]):
    """A33: its client_id is its address; no shared secret; redirect URIs as for everybody."""
    with pytest.raises(BadDocument):
        read(ID, GOOD | change, schemes=())


def test_keys_may_be_elsewhere():
    """Draft 8.2: `jwks_uri`, which is fetched when it is needed."""
    client = read(ID, GOOD | {"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": f"{ID}/keys"}, schemes=())

    assert (client.auth_method, client.jwks, client.jwks_uri) == ("private_key_jwt", None, f"{ID}/keys")


NO_KEY_SETS: list[object] = [
    None,
    [],
    {},
    {"keys": KEY},
    {"keys": [1]},
    {"keys": [{}]},
    {"keys": [{"kty": []}]},
    {"keys": [{"kty": "oct", "k": "AA"}]},
    {"keys": [KEY, KEY | {"d": "AA"}]},
    {"keys": [KEY] * 21},
]


@pytest.mark.parametrize("document", NO_KEY_SETS, ids=str)
def test_a_key_set_holds_public_keys_alone(document: object):
    """Draft 4.1: no private key, no shared one."""
    with pytest.raises(BadDocument):
        read_keys(document)
