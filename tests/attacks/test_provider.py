"""Attacks on the way back from an identity provider: another's answer, an answer of nobody, an error that bites."""

from typing import Any
from urllib.parse import unquote_plus, urlencode

import pytest

from tests.attacks.company import OIDC, Company, code_of
from tests.attacks.doors import error_sent_back, opens, page_status
from tests.clients import ACCEPT, HANDSHAKE, Heard, Wire, request
from tests.oauth import App, Person, authorize, new_app, query_of
from tests.stand_ins.bendable import Reply, as_json, sent_to
from tests.stand_ins.github import API, TOKEN
from tests.stand_ins.openid import OpenId

MARKUP = "<script>alert(1)</script>\r\nset-cookie: a=b"
DECLARED: dict[str, Any] = {
    "io.modelcontextprotocol/clientCapabilities": {"extensions": {"io.modelcontextprotocol/tasks": {}}}
}


@pytest.fixture
def app(corp: Company) -> App:
    return new_app(corp.stack)


@pytest.fixture
def person(corp: Company) -> Person:
    return Person(corp.stack.url)


def test_every_way_to_sign_in_is_offered_and_leads_to_its_own_provider(corp: Company, app: App, person: Person):
    """Security 2.3: one button each, on one page; each sends to its provider and comes back on a path of its own."""
    page = authorize(person, app)
    sent = {name: corp.set_out(person, app, name).headers["location"] for name in corp.providers}

    assert [f'value="{name}"' in page.text for name in corp.providers] == [True] * 3
    assert "sign in with Corp<" in page.text
    for name, provider in corp.providers.items():
        asked = query_of(sent[name])
        assert sent[name].startswith(provider.url)
        assert asked["redirect_uri"] == f"{corp.stack.url}/oauth/callback/{name}"
        assert (asked["client_id"], asked["code_challenge_method"]) == (provider.client_id, "S256")
        assert code_of(corp.arrive(name, app=app))


def test_a_provider_that_is_not_offered_cannot_be_chosen(corp: Company, app: App, person: Person):
    """Ours: the form's word for it is not taken."""
    for name in ("google", "local", "", "../oidc"):
        assert page_status(corp.set_out(person, app, name)) == 400


@pytest.mark.parametrize(
    ("mine", "other"), [("oidc", "github"), ("github", "oidc"), ("oidc", "auth0"), ("auth0", "oidc"), ("oidc", "local")]
)
def test_the_answer_of_one_provider_does_not_count_at_the_callback_of_another(
    corp: Company, app: App, person: Person, mine: str, other: str
):
    """A4: mix-up (RFC 9700 4.4): the code goes to neither token endpoint, and the sign-in is over."""
    callback = corp.answer(person, app, mine)
    before = corp.token_calls()

    mixed = person.get(callback.replace(f"/callback/{mine}", f"/callback/{other}"))
    late = person.get(callback)

    assert (page_status(mixed), page_status(late)) == (400, 400)
    assert corp.token_calls() == before


@pytest.mark.parametrize(
    "iss", [None, "", "https://evil.example", "{issuer}/", "{issuer}/x", "HTTP://127.0.0.1", "{issuer} ", "{auth0}"]
)
def test_an_answer_that_names_another_issuer_or_none_is_refused_before_its_code_is_used(
    corp: Company, app: App, person: Person, iss: str | None
):
    """A6: RFC 9207 2.4: compared byte for byte; missing is wrong when the provider promised it."""
    said = iss and iss.format(issuer=corp.openid.issuer, auth0=corp.auth0.issuer)
    before = corp.token_calls()

    with corp.openid.bent(answer={"iss": said}):
        refused = corp.arrive(app=app, person=person)

    assert page_status(refused) == 400
    assert corp.token_calls() == before


@pytest.mark.parametrize("iss", ["https://evil.example", "{issuer}"])
def test_a_provider_that_never_promised_its_name_may_not_give_a_wrong_one(corp: Company, app: App, iss: str):
    """A6: Auth0 sends none; if it sends one, it has to be right, with its slash."""
    before = corp.token_calls()

    with corp.auth0.bent(answer={"iss": iss.format(issuer=corp.auth0.url)}):
        refused = corp.arrive("auth0", app=app)

    assert page_status(refused) == 400
    assert corp.token_calls() == before


def test_a_refusal_that_another_issuer_sends_is_not_passed_on(corp: Company, app: App, person: Person):
    """RFC 9207 2.4: of errors too; the client is not told that the person was refused by somebody who did not."""
    with corp.openid.bent(answer={"iss": "https://evil.example", "error": "access_denied", "code": None}):
        refused = corp.arrive(app=app, person=person)

    assert page_status(refused) == 400


def test_an_answer_that_says_something_twice_is_refused(corp: Company, app: App, person: Person):
    """A6, A14: which of two issuers, codes or states counts is nothing to guess at."""
    for name in ("iss", "code", "state"):
        callback, before = corp.answer(person, app), corp.token_calls()

        refused = person.get(f"{callback}&{urlencode({name: query_of(callback)[name]})}")

        assert page_status(refused) == 400
        assert corp.token_calls() == before


def test_the_predecessors_callback_is_auth0s_and_no_others(corp: Company, app: App, person: Person):
    """Ours: an answer that comes to `/oauth/auth0-callback` is taken; it is not a second way for other providers."""
    arrived = person.get(corp.answer(person, app, "auth0").replace("/oauth/callback/auth0", "/oauth/auth0-callback"))
    before = corp.token_calls()
    mixed = person.get(corp.answer(person, app).replace(OIDC, "/oauth/auth0-callback"))

    assert app.token(app.redemption(code_of(arrived))).status_code == 200
    assert page_status(mixed) == 400
    assert corp.token_calls() == before


@pytest.mark.parametrize("provider", ["oidc", "github", "auth0"])
@pytest.mark.parametrize("error", ["access_denied", "server_error", "invalid_grant", MARKUP])
def test_a_provider_that_says_no_is_told_to_the_client_in_our_own_words(
    corp: Company, app: App, person: Person, provider: str, error: str
):
    """RFC 6749 4.1.2.1, RFC 9207: access_denied with state and iss; what the provider wrote is repeated nowhere."""
    before = corp.token_calls()
    state = query_of(corp.set_out(person, app, provider).headers["location"])["state"]
    said = {"error": error, "error_description": MARKUP, "error_uri": "https://evil.example", "state": state}
    if provider == "oidc":
        said["iss"] = corp.openid.issuer

    told = person.get(f"/oauth/callback/{provider}?{urlencode(said | {'code': 'x'})}")
    late = person.get(f"/oauth/callback/{provider}?{urlencode({'code': 'x', 'state': state})}")

    assert error_sent_back(told, app) == "access_denied"
    said_on = unquote_plus(str(told.headers.multi_items()) + told.text)
    assert not [word for word in ("<script", "alert", "evil", "a=b") if word in said_on]
    assert page_status(late) == 400
    assert corp.token_calls() == before


@pytest.mark.parametrize("provider", ["oidc", "github"])
def test_an_answer_without_a_code_is_nobody(corp: Company, app: App, person: Person, provider: str):
    """Ours: nothing is asked of the token endpoint."""
    state = query_of(corp.set_out(person, app, provider).headers["location"])["state"]
    said = {"state": state, "iss": corp.openid.issuer}
    before = corp.token_calls()

    assert page_status(person.get(f"/oauth/callback/{provider}?{urlencode(said)}")) == 400
    assert corp.token_calls() == before


def test_a_code_of_another_sign_in_is_refused_by_what_we_send_with_it(corp: Company, app: App, person: Person):
    """RFC 9700 4.5: a code injected into another sign-in meets the PKCE challenge of that one at the provider."""
    stolen = query_of(corp.answer(Person(corp.stack.url), app))["code"]
    mine = query_of(corp.answer(person, app))

    injected = person.get(f"{OIDC}?{urlencode(mine | {'code': stolen})}")

    assert page_status(injected) == 400


NESTED = Reply(body=b'{"access_token": ' + b"[" * 200_000 + b"]" * 200_000 + b"}")


@pytest.mark.parametrize(
    "reply",
    [
        Reply(503, b"<h1>down</h1>", "text/html"),
        Reply(200, b"<h1>hello</h1>", "text/html"),
        Reply(200, b"\xff\xfe"),
        as_json(None),
        as_json([]),
        as_json({}),
        as_json({"access_token": "x", "token_type": "Bearer", "expires_in": "soon"}),
        as_json({"access_token": ["x"], "id_token": {"a": 1}, "expires_in": []}),
        as_json({"access_token": "x", "id_token": "a.b.c.d.e"}),
        as_json({"error": {"a": 1}}, 400),
        as_json({"error": MARKUP, "error_description": MARKUP}, 400),
        NESTED,
    ],
    ids=["503", "html", "bytes", "null", "list", "empty", "soon", "types", "jwe", "error", "markup", "nested"],
)
@pytest.mark.parametrize("provider", ["oidc", "github"])
def test_whatever_a_token_endpoint_says_a_person_reads_a_sentence(corp: Company, app: App, provider: str, reply: Reply):
    """Ours: A53: a page, never a trace or an error of ours; nothing of the provider's text."""
    with corp.providers[provider].bent(replies={"/token": reply, TOKEN: reply}):
        refused = corp.arrive(provider, app=app)

    assert page_status(refused) == 400
    assert "<h1>This cannot go on</h1>" in refused.text
    assert not [word for word in ("Traceback", "Error", "script", "down", "hello") if word in refused.text]


def test_our_secret_at_a_provider_does_not_follow_a_redirect(corp: Company, app: App):
    """Ours: a token endpoint that answers 307 does not make us hand code, verifier and secret to somebody else."""
    with OpenId().serving() as thief, corp.openid.bent(replies={"/token": Reply(307, headers=where(thief))}):
        refused = corp.arrive(app=app)

    assert page_status(refused) == 400
    assert thief.calls.total() == 0


def where(provider: OpenId) -> dict[str, str]:
    return {"location": f"{provider.url}/token"}


@pytest.mark.parametrize(
    ("path", "reply"),
    [
        ("/user", as_json({})),
        ("/user", as_json({"id": None, "login": "ada"})),
        ("/user", as_json({"id": "815", "login": "ada"})),
        ("/user", as_json([{"id": 815, "login": "ada"}])),
        ("/user", Reply(500)),
        ("/user", sent_to("/api/v3/user/emails")),
        ("/user/emails", as_json({"email": "ada@corp.com"})),
        ("/user/emails", as_json([{"email": "ada@corp.com", "primary": True, "verified": "false"}])),
        ("/user/emails", Reply(200, b"<h1>hello</h1>")),
    ],
)
def test_a_github_that_does_not_say_who_it_is_lets_nobody_in(corp: Company, app: App, path: str, reply: Reply):
    """Ours: a person without a number would be everybody without one."""
    with corp.github.bent(replies={f"{API}{path}": reply}):
        assert page_status(corp.arrive("github", app=app)) == 400


def test_the_same_address_at_two_providers_is_two_people(corp: Company, app: App):
    """A31: no linking: a session and a task of one are as unknown to the other as if they were made up."""
    ada, other = (corp.tokens(name, app=app)["access_token"] for name in ("oidc", "github"))
    session, task = new_session(corp, ada), new_task(corp, ada)

    mine = [in_session(corp, ada, session), seen(corp, ada, task)]
    theirs = [in_session(corp, other, session), seen(corp, other, task)]
    made_up = [in_session(corp, other, "0" * 32), seen(corp, other, "0" * 32)]

    assert corp.openid.person["email"] == corp.github.emails[0]["email"]
    assert [opens(corp.stack, token) for token in (ada, other)] == [[200, 200]] * 2
    assert [each.status for each in mine] == [200, 200]
    assert [(each.status, each.error["code"]) for each in theirs] == [(e.status, e.error["code"]) for e in made_up]
    assert theirs[0].status == 404


def with_token(corp: Company, token: str, **more: Any) -> Wire:
    wire = Wire(corp.stack.mcp_urls[1], **more)
    wire.http.headers["authorization"] = f"Bearer {token}"
    return wire


def new_session(corp: Company, token: str) -> str:
    params = {"protocolVersion": HANDSHAKE, "capabilities": {}, "clientInfo": {"name": "wire", "version": "1"}}
    answer = with_token(corp, token).http.post(corp.stack.mcp_url, json=request("initialize", params), headers=ACCEPT)
    return answer.headers["mcp-session-id"]


def new_task(corp: Company, token: str) -> str:
    handle = with_token(corp, token).call("streaming", {"count": 20, "intervalMs": 100}, meta=DECLARED).result
    return handle["taskId"]


def in_session(corp: Company, token: str, session: str) -> Heard:
    return with_token(corp, token, version=HANDSHAKE, session=session).send("ping")


def seen(corp: Company, token: str, task: str) -> Heard:
    return with_token(corp, token).send("tasks/get", {"taskId": task}, meta=DECLARED)


def test_the_same_person_is_the_same_one_again(corp: Company, app: App):
    """A31: by issuer and subject, whatever became of name and address."""
    session = new_session(corp, corp.tokens(app=app)["access_token"])
    with corp.openid.bent(claims={"email": "countess@corp.com", "name": "Lovelace"}):
        again = corp.tokens(app=app)["access_token"]
    with corp.openid.bent(claims={"sub": "eve"}):
        other = corp.tokens(app=app)["access_token"]

    assert [in_session(corp, token, session).status for token in (again, other)] == [200, 404]
