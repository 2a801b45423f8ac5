"""Clients that are described by a document: how they come in, prove themselves, and are remembered."""

import time
from collections.abc import Generator
from typing import Any

import httpx2
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from tests.attacks.documents import Place, good, host_of, new_id, new_label, place
from tests.attacks.doors import bases, error_of, let_go, life_of, names_of, opens, page_status
from tests.oauth import agree, authorize, new_app, query_of, sign_in
from tests.servers import ValkeyServer
from tests.stand_ins.internet import home
from tests.stand_ins.website import CLIENTS, Page

BY_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
PROVES = {"token_endpoint_auth_method": "private_key_jwt"}


@pytest.fixture(scope="module")
def here(valkey: ValkeyServer, tmp_path_factory: pytest.TempPathFactory) -> Generator[Place]:
    with place(valkey, 41, tmp_path_factory.mktemp("documents")) as running:
        yield running


def code_of(here: Place, client_id: str) -> dict[str, str]:
    """The token request of a client that was let in, on the way over the second replica."""
    app, person = here.app(client_id, replica=1), here.person(replica=1)
    arrived = sign_in(here.stack, person, agree(person, authorize(person, app)))
    return app.redemption(query_of(arrived.headers["location"])["code"])


def test_a_stranger_with_a_document_signs_in(here: Place):
    """draft-ietf-oauth-client-id-metadata-document: without registering; one fetch for both replicas."""
    client_id = new_id("/a/client.json?v=1")
    here.web.put(client_id, good(client_id), cache_control="max-age=3600")

    given = here.ask_token(code_of(here, client_id))
    again = here.visit(client_id)

    assert given.status_code == 200, given.text
    assert opens(here.stack, given.json()["access_token"]) == [200, 200]
    assert again.status_code == 200
    assert here.web.asked_for(client_id) == 1
    assert (host_of(client_id), client_id) in here.web.asked
    assert f"{home(host_of(client_id))} 443" in here.web.journal("connect")


def test_the_consent_page_tells_the_documents_host_and_who_is_not_verified(here: Place):
    """Draft 8.5: the host is shown, whatever name the document gives; only a registered name is called unverified."""
    client_id = new_id()
    here.web.put(client_id, good(client_id, client_name="Claude"))

    described, registered = here.visit(client_id), here.visit(new_app(here.stack, client_name="Claude").client_id)

    assert f"<strong>{host_of(client_id)}</strong>" in described.text
    assert "nobody has verified" not in described.text
    assert "nobody has verified" in registered.text
    assert "described at" not in registered.text
    assert "Claude wants" in described.text


def key(name: str) -> ECKey:
    return ECKey.generate_key("P-256", parameters={"kid": name})


def key_set(*own: ECKey) -> dict[str, Any]:
    return {"keys": [each.as_dict(private=False) for each in own]}


def signed(here: Place, client_id: str, own: ECKey, **changes: Any) -> dict[str, str]:
    claims = {
        "iss": client_id,
        "sub": client_id,
        "aud": here.stack.url,
        "exp": int(time.time()) + 60,
        "jti": new_label(),
    }
    assertion = jwt.encode({"alg": "ES256", "kid": own.kid}, claims | changes, own)
    return {"client_assertion_type": BY_ASSERTION, "client_assertion": assertion}


@pytest.mark.parametrize("elsewhere", [False, True], ids=["jwks", "jwks_uri"])
def test_a_client_that_says_it_proves_itself_must(here: Place, *, elsewhere: bool):
    """Draft 8.2, RFC 7523 3: by a key of its document or of what that points to, once, and by nothing less."""
    client_id, keys_at, own = new_id(), new_id("/keys"), key("first")
    here.web.put(
        client_id, good(client_id, **PROVES, **({"jwks_uri": keys_at} if elsewhere else {"jwks": key_set(own)}))
    )
    here.web.put(keys_at, key_set(own))
    first, second = code_of(here, client_id), code_of(here, client_id)
    proof = signed(here, client_id, own)

    refused = [
        here.ask_token(code_of(here, client_id) | wrong)
        for wrong in (
            {},
            {"client_secret": "x"},
            signed(here, client_id, key("first")),
            signed(here, client_id, own, sub="another"),
            signed(here, client_id, own, aud="https://another.example"),
        )
    ]
    given = here.ask_token(first | proof)
    replayed = here.ask_token(second | proof, replica=1)

    assert [error_of(answer) for answer in [*refused, replayed]] == [(401, "invalid_client")] * 6
    assert given.status_code == 200, given.text
    assert here.web.asked_for(keys_at) == int(elsewhere)


def test_keys_that_change_are_known_at_once_and_asked_for_once_a_minute(here: Place):
    """Draft 8.4.1: an assertion with a new key's id is worth a look, a thousand of them are not (A34)."""
    client_id, keys_at, old, new = new_id(), new_id("/keys"), key("old"), key("new")
    here.web.put(client_id, good(client_id, **PROVES, jwks_uri=keys_at))
    here.web.put(keys_at, key_set(old), cache_control="max-age=3600")
    before = here.ask_token(code_of(here, client_id) | signed(here, client_id, old))
    here.web.put(keys_at, key_set(new))

    after = here.ask_token(code_of(here, client_id) | signed(here, client_id, new))
    forged = [
        here.ask_token({"grant_type": "refresh_token"} | signed(here, client_id, key(f"k{n}"))) for n in range(20)
    ]
    revoked = here.ask_token(code_of(here, client_id) | signed(here, client_id, old))

    assert (before.status_code, after.status_code) == (200, 200)
    assert {error_of(answer) for answer in [*forged, revoked]} == {(401, "invalid_client")}
    assert here.web.asked_for(keys_at) == 2


@pytest.mark.parametrize(
    "keys_at",
    ["https://inside.clients.example/keys", "https://127.0.0.1/keys", "https://gone.clients.example/keys"],
)
def test_keys_are_fetched_as_carefully_as_documents(here: Place, keys_at: str):
    """A32: `jwks_uri` is an address that a stranger chose, too (draft 8.6)."""
    client_id, own = new_id(), key("first")
    here.web.names(inside=[["10.0.0.1"]], gone=[[]])
    here.web.put(client_id, good(client_id, **PROVES, jwks_uri=keys_at))
    here.web.put(keys_at, key_set(own))
    here.visit(client_id)
    before = here.web.journal("connect")

    refused = here.ask_token({"grant_type": "refresh_token", "refresh_token": "x"} | signed(here, client_id, own))

    assert error_of(refused) == (401, "invalid_client")
    assert here.web.journal("connect") == before
    assert here.web.asked_for(keys_at) == 0


def kept(here: Place, client_id: str, *, caller: str | None = None) -> tuple[httpx2.Response, list[str]]:
    """The answer to an authorization request, and what is newly kept of documents."""
    before = set(names_of(here.stack, "mcp:document:*"))
    answer = here.visit(client_id, caller=caller)
    return answer, [name for name in names_of(here.stack, "mcp:document:*") if name not in before]


@pytest.mark.parametrize(
    ("headers", "seconds", "lasting"),
    [
        ({}, 300, True),
        ({"cache_control": "max-age=1200"}, 1200, True),
        ({"cache_control": "max-age=1200", "age": "600"}, 600, True),
        ({"cache_control": "max-age=5"}, 300, True),
        ({"cache_control": "max-age=99999999"}, 86_400, True),
        ({"cache_control": "no-store, max-age=1200"}, 300, False),
        ({"cache_control": "max-age=1200, must-revalidate"}, 1200, False),
    ],
    ids=str,
)
def test_a_document_is_kept_as_its_headers_say_within_bounds(
    here: Place, headers: dict[str, str], seconds: int, *, lasting: bool
):
    """Draft 5.2, RFC 9111: from five minutes to a day, for both replicas; a copy for bad times if it may be."""
    client_id = new_id()
    here.web.put(client_id, good(client_id), **headers)

    page, names = kept(here, client_id)

    assert page.status_code == here.visit(client_id, replica=1).status_code == 200
    assert here.web.asked_for(client_id) == 1
    assert seconds - 20 < life_of(here.stack, names[0]) / 1000 <= seconds
    assert len(names) == 1 + lasting
    assert all(0 < life_of(here.stack, name) <= 86_400_000 for name in names)


def test_a_failure_is_remembered_for_a_minute(here: Place):
    """A34: whoever asks meanwhile is refused without a fetch; then a good document is found."""
    client_id = new_id()

    page, (name,) = kept(here, client_id)
    here.web.put(client_id, good(client_id))
    again = [here.visit(client_id, replica=replica) for replica in (0, 1, 0)]
    life, asked = life_of(here.stack, name), here.web.asked_for(client_id)
    let_go(here.stack, name)

    assert {page_status(each) for each in [page, *again]} == {400}
    assert asked == 1
    assert 40_000 < life <= 60_000
    assert here.visit(client_id).status_code == 200


def test_a_client_whose_site_is_down_goes_on_until_it_is_withdrawn(here: Place):
    """RFC 9111 4.2.4: an old copy while its name or its site is not there; none when there is no document any more."""
    label = new_label()
    client_id, nothing = new_id(label=label), list[str]()
    here.web.names(**{label: [[home(f"{label}.{CLIENTS}")], nothing]})
    here.web.put(client_id, good(client_id))
    _, names = kept(here, client_id)
    fresh = min(names, key=len)
    let_go(here.stack, fresh)

    found = [here.visit(client_id).status_code, here.visit(client_id, replica=1).status_code]
    here.web.names(**{label: [[home(f"{label}.{CLIENTS}")]]})
    for page in (Page(status=503), Page(status=404), Page(status=503)):
        here.web.pages[client_id] = page
        let_go(here.stack, fresh)
        found += [here.visit(client_id).status_code, here.visit(client_id, replica=1).status_code]

    assert found == [200, 200, 200, 200, 400, 400, 400, 400]
    assert here.web.asked_for(client_id) == 4


def test_a_redirect_that_the_document_does_not_list_is_a_page(here: Place):
    """MCP, client registration: redirect URIs are checked against the document."""
    client_id = new_id()
    here.web.put(client_id, good(client_id, redirect_uris=["https://app.example/cb"]))
    app = here.app(client_id)

    answers = [
        authorize(here.person(), app, redirect_uri=uri)
        for uri in ("https://app.example/cb2", "https://evil.example/cb", f"https://{host_of(client_id)}/cb")
    ]

    assert [page_status(answer) for answer in answers] == [400] * 3
    assert authorize(here.person(), app, redirect_uri="https://app.example/cb").status_code == 200
    assert len(bases(here.stack)) == 2
