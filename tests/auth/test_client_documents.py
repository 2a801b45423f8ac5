"""A client that is described by its own address: what may stand there."""

import pytest

from auth.client_documents import BadDocument, check_id, read

ID = "https://app.example/oauth/client.json"
GOOD = {"client_id": ID, "client_name": "App", "redirect_uris": ["http://127.0.0.1/cb"]}


@pytest.mark.parametrize(
    "client_id",
    [
        "http://app.example/c",
        "https://app.example",
        "https://app.example/",
        "https://app.example/c#f",
        "https://user@app.example/c",
        "https://app.example:22/c",
        "https://app.example/a/../c",
        "https://app.example/./c",
        "https://127.0.0.1/c",
        "https://2130706433/c",
        "https://[::1]/c",
        "https://localhost./c",
        "https://app.example/" + "x" * 512,
    ],
)
def test_a_bad_address_is_refused_before_anything_is_asked(client_id: str):
    """A32, A33."""
    with pytest.raises(BadDocument):
        check_id(client_id)


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
    ],
)
def test_a_document_must_be_complete_and_its_own(change: dict[str, object]):
    """A33: its client_id is its address; no shared secret; redirect URIs as for everybody."""
    with pytest.raises(BadDocument):
        read(ID, GOOD | change, schemes=())
