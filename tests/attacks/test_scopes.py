"""A16, and what a token may hold: nothing that was not agreed to, and nothing that its holder may not have any more."""

import json
from collections.abc import Generator

import httpx2
import pytest

from tests.attacks.doors import bases, door, error_of, error_sent_back
from tests.journeys.test_operators import run
from tests.oauth import BASIC, App, Person, agree, authorize, new_app, query_of, sign_in, tokens
from tests.servers import Stack, ValkeyServer, running_stack


@pytest.fixture(scope="module")
def owned(valkey: ValkeyServer, tmp_path_factory: pytest.TempPathFactory) -> Generator[Stack]:
    """Whose owner is an operator."""
    with door(valkey, 52, tmp_path_factory.mktemp("owned"), MCP_AUTH_OPERATORS="local:owner") as running:
        yield running


def program(stack: Stack, *scopes: str) -> tuple[str, str]:
    """A client that comes without a person, and its secret."""
    named = [part for scope in scopes for part in ("--scope", scope)]
    said = json.loads(run(stack, "clients", "add", "--name", "Nightly", *named))
    return said["client_id"], said["client_secret"]


def alone(stack: Stack, who: tuple[str, str], **form: str) -> httpx2.Response:
    sent = {"grant_type": "client_credentials", **form}
    return httpx2.post(f"{stack.url}/oauth/token", data=sent, auth=who, timeout=20)


def test_a_program_is_an_operator_only_if_it_was_added_as_one(owned: Stack):
    """A16, RFC 6749 4.4: nobody vouches for it, so what only some people may have it must have been given by name."""
    plain, named = program(owned), program(owned, "mcp:operator")

    refused = alone(owned, plain, scope="mcp:operator")
    usual, given = alone(owned, plain), alone(owned, named, scope="mcp:operator")
    token = given.json()["access_token"]
    stats = httpx2.get(f"{owned.url}/oauth/stats", headers={"authorization": f"Bearer {token}"})

    assert error_of(refused) == (400, "invalid_scope")
    assert set(usual.json()["scope"].split()) == set(BASIC.split())
    assert stats.status_code == 200


def test_who_may_have_nothing_of_what_was_asked_gets_no_token_for_something_else(guarded: Stack):
    """RFC 6749 3.3: a default is for who asks for nothing in particular; the page showed one, and that is refused."""
    app = new_app(guarded)
    person = Person(guarded.url)

    page = authorize(person, app, scope="mcp:operator")
    arrived = sign_in(guarded, person, agree(person, page))

    assert "See and end everybody" in page.text
    assert "Run this server" not in page.text
    assert error_sent_back(arrived, app) == "access_denied"


def test_who_is_an_operator_no_more_is_none_at_the_next_refresh(owned: Stack, tmp_path_factory: pytest.TempPathFactory):
    """A16: the settings decide now, not those of the day of the sign-in."""
    app = new_app(owned)
    given = tokens(owned, app, scope=f"{BASIC} mcp:operator")
    settings, folder = {**owned.settings, "MCP_AUTH_OPERATORS": ""}, tmp_path_factory.mktemp("later")
    with running_stack(owned.redis_url, folder, worker=False, replicas=1, settings=settings) as later:
        refreshed = app.refresh(given["refresh_token"], url=later.url).json()
    stats = httpx2.get(
        f"{bases(owned)[1]}/oauth/stats", headers={"authorization": f"Bearer {refreshed['access_token']}"}, timeout=20
    )

    assert "mcp:operator" in given["scope"].split()
    assert set(refreshed["scope"].split()) == set(BASIC.split())
    assert error_of(stats) == (403, "insufficient_scope")


def code(stack: Stack, app: App, **changes: str | None) -> str:
    person = Person(stack.url)
    arrived = sign_in(stack, person, agree(person, authorize(person, app, **changes)))
    return query_of(arrived.headers["location"])["code"]


def test_an_address_that_was_left_to_registration_may_be_left_out_again(guarded: Stack):
    """RFC 6749 4.1.3, OAuth 2.1 4.1.3: it is required again only if it was given; a wrong one is wrong either way."""
    app = new_app(guarded)

    without = app.token(app.redemption(code(guarded, app, redirect_uri=None), redirect_uri=None))
    right = app.token(app.redemption(code(guarded, app, redirect_uri=None)))
    wrong = app.token(app.redemption(code(guarded, app, redirect_uri=None), redirect_uri="http://127.0.0.1:1/x"))
    missing = app.token(app.redemption(code(guarded, app), redirect_uri=None))

    assert [without.status_code, right.status_code] == [200, 200]
    assert [error_of(wrong), error_of(missing)] == [(400, "invalid_grant")] * 2
