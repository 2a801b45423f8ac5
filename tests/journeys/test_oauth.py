"""A stranger signs in: registration, consent, the provider, the code, tokens, and what they open."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest

from tests.clients import ACCEPT, MODERN, Wire, request
from tests.oauth import (
    Person,
    agree,
    authorize,
    new_app,
    query_of,
    register,
    sign_in,
    ticket_of,
    tokens,
)
from tests.servers import Stack


def call(url: str, token: str | None, tool: str = "echo", arguments: object = None) -> httpx2.Response:
    """A stateless `tools/call`."""
    envelope: dict[str, Any] = {
        "io.modelcontextprotocol/protocolVersion": MODERN,
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    params: dict[str, Any] = {"name": tool, "arguments": arguments or {"message": "hi"}, "_meta": envelope}
    headers = {**ACCEPT, "mcp-protocol-version": MODERN, "mcp-method": "tools/call", "mcp-name": tool}
    headers |= {"authorization": f"Bearer {token}"} if token else {}
    return httpx2.post(url, json=request("tools/call", params), headers=headers, timeout=20)


def test_a_stranger_signs_in_and_calls_a_tool_on_any_replica(guarded: Stack):
    """Ours, by the address alone: 401, metadata, registration, consent, sign-in, code, token, call."""
    unknown = call(guarded.mcp_urls[0], None)
    challenge = unknown.headers["www-authenticate"]
    metadata = httpx2.get(challenge.split('resource_metadata="')[1].split('"')[0]).json()
    server = httpx2.get(f"{metadata['authorization_servers'][0]}/.well-known/oauth-authorization-server").json()
    app, person = new_app(guarded), Person(guarded.url)

    page = authorize(person, app)
    arrived = sign_in(guarded, person, agree(person, page))
    answer = query_of(arrived.headers["location"])
    given = app.token(app.redemption(answer["code"]), url=guarded.mcp_urls[1].removesuffix("/mcp"))
    called = [call(url, given.json()["access_token"]) for url in guarded.mcp_urls]

    assert unknown.status_code == 401
    assert "error=" not in challenge
    assert metadata["resource"] == guarded.mcp_url
    assert server["issuer"] == guarded.url
    assert server["code_challenge_methods_supported"] == ["S256"]
    assert page.status_code == 200
    assert "127.0.0.1" in page.text
    assert arrived.headers["location"].startswith(app.redirect_uri)
    assert (answer["state"], answer["iss"]) == (app.state, guarded.url)
    assert given.headers["cache-control"] == "no-store"
    assert given.json()["token_type"] == "Bearer"
    assert [each.status_code for each in called] == [200, 200]
    assert called[0].json()["result"]["structuredContent"]["processedMessage"] == "hi"


def test_a_code_is_good_once_and_a_second_time_takes_back_what_it_gave(guarded: Stack):
    """RFC 6749 4.1.2, on the other replica too."""
    app, person = new_app(guarded), Person(guarded.url)
    arrived = sign_in(guarded, person, agree(person, authorize(person, app)))
    form = app.redemption(query_of(arrived.headers["location"])["code"])

    first, second = app.token(form), app.token(form, url=guarded.mcp_urls[1].removesuffix("/mcp"))
    after = [call(url, first.json()["access_token"]).status_code for url in guarded.mcp_urls]
    refreshed = app.refresh(first.json()["refresh_token"])

    assert (first.status_code, second.status_code) == (200, 400)
    assert second.json()["error"] == "invalid_grant"
    assert after == [401, 401]
    assert refreshed.json()["error"] == "invalid_grant"


def test_refreshing_at_once_from_everywhere_gives_one_answer(guarded: Stack):
    """Ours: a client that retries, or runs twice, is not locked out; one family has one live pair."""
    urls = [url.removesuffix("/mcp") for url in guarded.mcp_urls]
    app = new_app(guarded)
    old = tokens(guarded, app)["refresh_token"]

    def refresh(url: str) -> httpx2.Response:
        return app.refresh(old, url=url)

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(refresh, urls * 10))

    assert [answer.status_code for answer in answers] == [200] * 20
    assert len({answer.text for answer in answers}) == 1


def test_a_refresh_token_whose_successor_was_used_ends_the_grant(guarded: Stack):
    """RFC 9700 4.14.2: somebody else has it."""
    app = new_app(guarded)
    first = tokens(guarded, app)
    second = app.refresh(first["refresh_token"]).json()
    third = app.refresh(second["refresh_token"]).json()

    reused = app.refresh(first["refresh_token"])

    assert reused.json()["error"] == "invalid_grant"
    assert app.refresh(third["refresh_token"]).json()["error"] == "invalid_grant"
    assert call(guarded.mcp_url, third["access_token"]).status_code == 401


def test_revocation_holds_everywhere_at_the_next_request(guarded: Stack):
    """RFC 7009, by a public client; a foreign or unknown token is no error."""
    app, other = new_app(guarded), new_app(guarded)
    given = tokens(guarded, app)

    def revoke(client: str, token: str) -> int:
        form = {"token": token, "client_id": client}
        return httpx2.post(f"{guarded.url}/oauth/revoke", data=form).status_code

    assert revoke(other.client_id, given["refresh_token"]) == 200
    assert call(guarded.mcp_url, given["access_token"]).status_code == 200
    assert revoke(app.client_id, given["refresh_token"]) == 200
    assert [call(url, given["access_token"]).status_code for url in guarded.mcp_urls] == [401, 401]
    assert revoke(app.client_id, "nothing") == 200


def test_a_revoked_stream_ends_on_the_other_replica(guarded: Stack):
    """Ours: within two seconds, in the middle of a call."""
    app = new_app(guarded)
    given = tokens(guarded, app)
    wire = Wire(guarded.mcp_urls[1])
    wire.http.headers["authorization"] = f"Bearer {given['access_token']}"
    arguments = {"count": 50, "intervalMs": 200}

    with wire.open("tools/call", {"name": "streaming", "arguments": arguments}, meta={"progressToken": 1}) as response:
        lines = response.iter_lines()
        first = next(line for line in lines if line.startswith("data:"))
        form = {"token": given["refresh_token"], "client_id": app.client_id}
        httpx2.post(f"{guarded.url}/oauth/revoke", data=form)
        last = [line for line in lines if line.startswith("data:")][-1]

    assert "notifications/progress" in first
    assert "-31009" in last


def test_a_tool_that_needs_more_says_what(guarded: Stack):
    """MCP, authorization: step-up; every scope at once, and what there was."""
    given = tokens(guarded, new_app(guarded))

    refused = call(guarded.mcp_url, given["access_token"], "aws_s3", {"operation": "listBuckets"})

    challenge = refused.headers["www-authenticate"]
    assert refused.status_code == 403
    assert 'error="insufficient_scope"' in challenge
    assert set(challenge.split('scope="')[1].split('"')[0].split()) >= {"mcp:tools", "mcp:aws", "mcp:prompts"}


def test_consent_counts_only_in_the_browser_it_was_shown_to(guarded: Stack):
    """A7: without the ticket, with another browser's, with one's own; two open pages do not harm each other."""
    app, mine, other = new_app(guarded), Person(guarded.url), Person(guarded.url)
    pages = [authorize(mine, app), authorize(mine, app)]
    authorize(other, app)

    none = mine.post("/oauth/consent", {"decision": "allow", "provider": "local"})
    stolen = other.post("/oauth/consent", {"ticket": ticket_of(pages[0]), "decision": "allow", "provider": "local"})
    good = agree(mine, pages[1])

    assert [none.status_code, stolen.status_code, good.status_code] == [403, 403, 303]


def test_a_sign_in_is_finished_in_the_browser_that_agreed(guarded: Stack):
    """A2: the callback with a good state in another jar; it is used up."""
    app, mine, other = new_app(guarded), Person(guarded.url), Person(guarded.url)
    sent = agree(mine, authorize(mine, app))
    state = query_of(sent.headers["location"])["state"]

    stolen = other.get(f"{guarded.url}/oauth/callback/local?state={state}&code=x")
    late = mine.get(f"{guarded.url}/oauth/callback/local?state={state}&code=x")

    assert (stolen.status_code, late.status_code) == (403, 400)
    assert "location" not in stolen.headers


def test_no_is_told_to_the_client(guarded: Stack):
    """RFC 6749 4.1.2.1, with state and iss."""
    app, person = new_app(guarded), Person(guarded.url)
    page = authorize(person, app)

    denied = person.post("/oauth/consent", {"ticket": ticket_of(page), "decision": "deny"})

    answer = query_of(denied.headers["location"])
    assert (answer["error"], answer["state"], answer["iss"]) == ("access_denied", app.state, guarded.url)


@pytest.mark.parametrize(
    "uri",
    [
        "javascript:alert(1)",
        "javascript://x/%0aalert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        "http://evil.example/cb",
        "https://user@evil.example/cb",
        "https://a.example/cb#f",
        "https://*.example/cb",
        "https://a.example/" + "x" * 3000,
    ],
)
def test_a_bad_redirect_cannot_be_registered(guarded: Stack, uri: str):
    """A12."""
    answer = register(guarded, redirect_uris=[uri])

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_redirect_uri")
