"""What stands at a client's address when it is no good: refused in words, soon, and without a second question."""

import gzip
import json
import time
from collections.abc import Generator, Mapping
from typing import Any

import pytest
from joserfc.jwk import ECKey

from tests.attacks.documents import Place, good, host_of, new_id, place
from tests.attacks.doors import error_of, page_status
from tests.oauth import REDIRECT
from tests.servers import ValkeyServer
from tests.stand_ins.internet import home
from tests.stand_ins.website import IMPOSTOR, SELF_MADE, Page

AS_JSON = {"content-type": "application/json"}
METADATA = "http://169.254.169.254/latest/meta-data/"
PROVES = {"token_endpoint_auth_method": "private_key_jwt"}


@pytest.fixture(scope="module")
def here(valkey: ValkeyServer, tmp_path_factory: pytest.TempPathFactory) -> Generator[Place]:
    with place(valkey, 43, tmp_path_factory.mktemp("faults")) as running:
        yield running


BOMB = gzip.compress(b" " * 4_000_000)
FAULTS: dict[str, Mapping[str, Any]] = {
    "another's id": {"client_id": "https://another.clients.example/client"},
    "an id with a slash more": {"client_id": "/"},
    "no id": {"client_id": None},
    "no name": {"client_name": None},
    "no redirects": {"redirect_uris": None},
    "an empty list": {"redirect_uris": []},
    "a script": {"redirect_uris": [REDIRECT, "javascript:alert(1)"]},
    "data": {"redirect_uris": ["data:text/html,x"]},
    "plain http": {"redirect_uris": ["http://evil.example/cb"]},
    "a wildcard": {"redirect_uris": ["https://*.example/cb"]},
    "eleven": {"redirect_uris": [f"https://a.example/{number}" for number in range(11)]},
    "a secret": {"client_secret": "x"},
    "a secret's end": {"client_secret_expires_at": 0},
    "a shared method": {"token_endpoint_auth_method": "client_secret_basic"},
    "no keys to prove by": PROVES,
    "a private key": PROVES | {"jwks": {"keys": [ECKey.generate_key("P-256").as_dict(private=True)]}},
    "a shared key": PROVES | {"jwks": {"keys": [{"kty": "oct", "k": "AA"}]}},
    "keys that are none": PROVES | {"jwks": {"keys": [7]}},
    "keys inside": PROVES | {"jwks_uri": "https://169.254.169.254/keys"},
    "6 kB": {"padding": "x" * 6000},
}
PAGES: dict[str, Page] = {
    "to metadata": Page(status=302, headers={"location": METADATA}),
    "to itself": Page(status=307, headers={"location": "/client"}),
    "not found": Page(status=404, headers=AS_JSON, body=b"{}"),
    "created": Page(status=201, headers=AS_JSON),
    "without end": Page(headers=AS_JSON | {"content-length": "999999999"}, body=b" " * 6000),
    "a bomb": Page(headers=AS_JSON | {"content-encoding": "gzip"}, body=BOMB),
    "deep": Page(headers=AS_JSON, body=b"[" * 5000),
    "deep in itself": Page(headers=AS_JSON, body=b'{"client_id":' + b"[" * 2000 + b"]" * 2000 + b"}"),
    "a list": Page(headers=AS_JSON, body=b"[]"),
    "null": Page(headers=AS_JSON, body=b"null"),
    "nothing": Page(headers=AS_JSON),
    "not UTF-8": Page(headers=AS_JSON, body=b'{"client_id":"\xff"}'),
    "slow": Page(headers=AS_JSON, body=b" " * 60, pause=1),
}


def assert_refused(here: Place, client_id: str) -> float:
    """A page for the person and JSON for the client, the second without a fetch; seconds until the first."""
    began = time.monotonic()
    page = here.visit(client_id)
    took, before = time.monotonic() - began, len(here.web.connections)

    assert page_status(page) == 400
    assert error_of(here.refresh(client_id)) == (401, "invalid_client")
    assert len(here.web.connections) == before
    return took


@pytest.mark.parametrize("fault", FAULTS)
def test_a_document_with_a_fault_is_refused(here: Place, fault: str):
    """A33; draft 4 and 4.1: complete, its own, without secrets, with redirects as for everybody."""
    client_id, change = new_id(), dict(FAULTS[fault])
    if change.get("client_id") == "/":
        change["client_id"] = f"{client_id}/"
    here.web.put(client_id, good(client_id, **change))

    assert_refused(here, client_id)

    assert here.web.asked_for(client_id) == 1


@pytest.mark.parametrize("answer", PAGES)
def test_an_answer_that_is_no_document_is_refused_soon(here: Place, answer: str):
    """A33; draft 5: 200 and nothing else, followed nowhere; 8.7: 5 kB; within five seconds whatever happens."""
    client_id = new_id()
    here.web.pages[client_id] = PAGES[answer]

    took = assert_refused(here, client_id)

    assert took < 7
    assert (here.web.asked_for(client_id), here.web.journal("connect").count(f"{home(host_of(client_id))} 443")) == (
        1,
        1,
    )
    assert [line for line in here.web.journal("connect") if line.startswith("169.254")] == []


@pytest.mark.parametrize("status", [201, 203, 206, 301, 302, 307, 400, 404, 410])
def test_a_document_under_another_status_is_none(here: Place, status: int):
    """A33; draft 5: 200, and every other status is an error, whatever comes with it."""
    client_id = new_id()
    body = json.dumps(good(client_id)).encode()
    here.web.pages[client_id] = Page(status=status, headers=AS_JSON, body=body)

    assert_refused(here, client_id)


@pytest.mark.parametrize("kind", ["", "text/html", "text/json", "application/jsonp", "application/json+x", "json"])
def test_what_is_not_called_json_is_not_read(here: Place, kind: str):
    """A33: nobody's upload or error page becomes a client."""
    client_id = new_id()
    body = json.dumps(good(client_id)).encode()
    here.web.pages[client_id] = Page(headers={"content-type": kind} if kind else {}, body=body)

    assert_refused(here, client_id)


@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "application/Client-Metadata+json"])
def test_what_is_json_by_another_name_is(here: Place, kind: str):
    """Draft 4."""
    client_id = new_id()
    here.web.put(client_id, good(client_id), content_type=kind)

    assert here.visit(client_id).status_code == 200


@pytest.mark.parametrize("host", [IMPOSTOR, SELF_MADE])
def test_a_site_that_cannot_show_whose_it_is_is_asked_nothing(here: Place, host: str):
    """A33: another name's certificate, and one that no authority signed, though the address is the right one."""
    client_id = f"https://{host}/client"
    here.web.put(client_id, good(client_id))

    assert_refused(here, client_id)

    assert here.web.asked_for(client_id) == 0
