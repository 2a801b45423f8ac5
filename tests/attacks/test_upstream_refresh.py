"""A grant lasts as long as the provider stands behind it: when a client refreshes, the provider is asked."""

import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest

from tests.attacks.company import Company
from tests.attacks.doors import Crowd, bases, error_of, opens, statuses
from tests.clients import Wire
from tests.oauth import App, new_app
from tests.servers import until
from tests.stand_ins.bendable import Asked, Reply, as_json, sent_to
from tests.stand_ins.github import API

ENDED = as_json({"error": "invalid_grant", "error_description": "<script>"}, 400)
ENDS_WITHIN = 2.0


@pytest.fixture
def app(corp: Company) -> App:
    return new_app(corp.stack)


def presented(corp: Company, since: int = 0) -> list[str]:
    """The refresh tokens that the OpenID provider was shown, without the first *since*."""
    return [form["refresh_token"] for form in corp.openid.forms("/token", grant_type="refresh_token")][since:]


def is_over(corp: Company, app: App, given: Mapping[str, Any]) -> bool:
    """Whether nothing of a grant is good on any replica."""
    refreshed = [error_of(app.refresh(given["refresh_token"], url=base)) for base in bases(corp.stack)]
    return opens(corp.stack, given["access_token"]) == [401, 401] and refreshed == [(400, "invalid_grant")] * 2


def test_a_person_whom_the_provider_has_shut_out_is_out_everywhere(corp: Company, app: App):
    """Security 2.5: invalid_grant upstream ends the family: each token of it, on both replicas; and no other family."""
    first, other = corp.tokens(app=app), corp.tokens(app=app)
    second = app.refresh(first["refresh_token"]).json()
    before = opens(corp.stack, first["access_token"]) + opens(corp.stack, second["access_token"])

    with corp.openid.bent(replies={"/token": ENDED}):
        refused = app.refresh(second["refresh_token"])

    assert before == [200] * 4
    assert error_of(refused) == (400, "invalid_grant")
    assert "script" not in refused.json()["error_description"].lower()
    assert [is_over(corp, app, each) for each in (first, second)] == [True, True]
    assert opens(corp.stack, other["access_token"]) == [200, 200]
    assert app.refresh(other["refresh_token"]).status_code == 200


def test_what_is_open_for_a_person_who_was_shut_out_is_closed(corp: Company, app: App):
    """A47: a stream on the other replica ends within two seconds, in the middle of a call."""
    given = corp.tokens(app=app)
    wire = Wire(corp.stack.mcp_urls[1])
    wire.http.headers["authorization"] = f"Bearer {given['access_token']}"
    arguments = {"count": 50, "intervalMs": 200}

    with wire.open("tools/call", {"name": "streaming", "arguments": arguments}, meta={"progressToken": 1}) as response:
        lines = response.iter_lines()
        first = next(line for line in lines if line.startswith("data:"))
        with corp.openid.bent(replies={"/token": ENDED}):
            refused = app.refresh(given["refresh_token"], url=bases(corp.stack)[0])
        told = time.monotonic()
        last = [line for line in lines if line.startswith("data:")][-1]
        waited = time.monotonic() - told

    assert "notifications/progress" in first
    assert error_of(refused) == (400, "invalid_grant")
    assert "-31009" in last
    assert waited <= ENDS_WITHIN


@pytest.mark.parametrize(
    "reply",
    [
        Reply(503),
        Reply(500, b"<h1>down</h1>", "text/html"),
        Reply(429, b"slow down", "text/plain"),
        Reply(200, b"<h1>hello</h1>", "text/html"),
        as_json(None),
        as_json({"error": "temporarily_unavailable"}, 400),
        as_json({"error": "invalid_client"}, 401),
        as_json({"error": ["invalid_grant"]}, 400),
        as_json({"access_token": "x", "expires_in": "soon"}),
        Reply(200, b'{"a": ' + b"[" * 200_000),
        sent_to("/elsewhere"),
    ],
    ids=["503", "500", "429", "html", "null", "later", "client", "list", "soon", "nested", "redirect"],
)
def test_a_provider_that_cannot_be_asked_has_not_said_no(corp: Company, app: App, reply: Reply):
    """Ours: an outage there, or a secret of ours that ran out, signs nobody out; the next refresh asks again."""
    given, asked = corp.tokens(app=app), len(presented(corp))

    with corp.openid.bent(replies={"/token": reply}):
        first = app.refresh(given["refresh_token"])
    second = app.refresh(first.json()["refresh_token"])

    assert statuses([first, second]) == [200, 200]
    assert opens(corp.stack, second.json()["access_token"]) == [200, 200]
    assert len(set(presented(corp, asked))) == 1
    assert len(presented(corp, asked)) == 2


def test_the_providers_own_rotation_is_followed(corp: Company, app: App):
    """RFC 6749 6: its new refresh token replaces the old one, on whichever replica the client refreshes."""
    given, asked = corp.tokens(app=app), len(presented(corp))

    for base in bases(corp.stack) * 2:
        answer = app.refresh(given["refresh_token"], url=base)
        assert answer.status_code == 200
        given = answer.json()

    # The stand-in takes each of them once.
    assert len(set(presented(corp, asked))) == 4


def test_a_provider_that_does_not_rotate_keeps_its_token(corp: Company, app: App):
    """RFC 6749 6: without a new one the old one stays."""
    given, asked = corp.tokens(app=app), len(presented(corp))

    with corp.openid.bent(replies={"/token": as_json({"access_token": "new", "token_type": "Bearer"})}):
        second = app.refresh(given["refresh_token"]).json()
        third = app.refresh(second["refresh_token"])

    assert third.status_code == 200
    assert len(presented(corp, asked)) == 2
    assert len(set(presented(corp, asked))) == 1


def test_twenty_refreshes_at_once_ask_the_provider_once(corp: Company, app: App):
    """A21: over both replicas; all get the same answer."""
    given, asked = corp.tokens(app=app), len(presented(corp))
    form = {"grant_type": "refresh_token", "refresh_token": given["refresh_token"], "client_id": app.client_id}

    answers = Crowd(corp.stack, 20).post("/oauth/token", form)

    assert statuses(answers) == [200] * 20
    assert len({answer.text for answer in answers}) == 1
    assert len(presented(corp, asked)) == 1


def test_who_refreshes_again_while_the_provider_thinks_does_not_ask_it_too(corp: Company, app: App):
    """Security 2.5: one flight for all replicas: two would show the provider one token twice, and end it all."""
    given, asked = corp.tokens(app=app), len(presented(corp))
    here, there = bases(corp.stack)

    with corp.openid.held("/token") as gate, ThreadPoolExecutor(1) as pool:
        slow = pool.submit(app.refresh, given["refresh_token"], url=here)
        until(lambda: len(presented(corp, asked)) == 1, "the provider being asked")
        # The same client, impatient: the answer is there already, and its refresh token is good.
        second = app.refresh(given["refresh_token"], url=there)
        third = app.refresh(second.json()["refresh_token"], url=there)
        gate.set()
        first = slow.result(20)

    assert statuses([first, second, third]) == [200] * 3
    assert first.text == second.text
    assert len(presented(corp, asked)) == 1
    assert app.refresh(third.json()["refresh_token"]).status_code == 200


def test_a_client_that_was_answered_while_the_provider_thought_is_out_when_it_says_no(corp: Company, app: App):
    """Security 2.5: whatever was handed out meanwhile ends with the grant."""
    given, asked = corp.tokens(app=app), len(presented(corp))
    here, there = bases(corp.stack)

    with corp.openid.held("/token") as gate, ThreadPoolExecutor(1) as pool:
        slow = pool.submit(app.refresh, given["refresh_token"], url=here)
        until(lambda: len(presented(corp, asked)) == 1, "the provider being asked")
        early = app.refresh(given["refresh_token"], url=there)
        corp.openid.refresh_tokens.clear()
        gate.set()
        refused = slow.result(20)

    assert early.status_code == 200
    assert error_of(refused) == (400, "invalid_grant")
    assert is_over(corp, app, early.json())


def test_github_that_no_longer_knows_its_token_ends_the_grant(corp: Company, app: App):
    """Ours: 401 of its API says that the token was revoked, or that its owner may not come in any more."""
    given = corp.tokens("github", app=app)
    second = app.refresh(given["refresh_token"])

    corp.github.tokens.clear()
    refused = app.refresh(second.json()["refresh_token"])

    assert second.status_code == 200
    assert error_of(refused) == (400, "invalid_grant")
    assert is_over(corp, app, second.json())


def hang_up(_: Asked) -> Reply:
    raise ConnectionAbortedError


@pytest.mark.parametrize("reply", [Reply(403), Reply(429), Reply(500), Reply(200, b"x"), hang_up])
def test_github_that_is_away_or_was_asked_too_often_ends_nothing(corp: Company, app: App, reply: Any):
    """Ours: 403 is what its rate limit says."""
    given = corp.tokens("github", app=app)

    with corp.github.bent(replies={f"{API}/user": reply}):
        answer = app.refresh(given["refresh_token"])

    assert answer.status_code == 200
    assert opens(corp.stack, answer.json()["access_token"]) == [200, 200]


def test_the_providers_tokens_open_nothing_here(corp: Company, app: App):
    """A26: token passthrough: what the provider gave us is no token of ours, in the header or the query."""
    corp.tokens(app=app)
    (upstream,) = list(corp.openid.refresh_tokens)[-1:]
    access = corp.openid.asked[-1].bearer
    github = next(iter(corp.github.tokens or {"gho_x"}))

    for token in (upstream, access, github):
        assert token
        assert opens(corp.stack, token) == [401, 401]
        assert httpx2.post(f"{corp.stack.mcp_url}?access_token={token}", json={}, timeout=20).status_code == 401
