"""When a grant ends here, the provider is told, so that what it gave us is worth nothing to whoever has it."""

import secrets
from typing import Any

import httpx2
import pytest

from tests.attacks.company import Company
from tests.attacks.doors import bases, opens
from tests.oauth import App, new_app
from tests.servers import until
from tests.stand_ins.bendable import Reply, as_json, sent_to
from tests.stand_ins.github import API


@pytest.fixture
def app(corp: Company) -> App:
    return new_app(corp.stack)


def somebody(corp: Company, app: App, *, grants: int = 1) -> list[dict[str, Any]]:
    """Tokens of a person nobody else is, from so many sign-ins, with the provider's refresh token for each."""
    found: list[dict[str, Any]] = []
    with corp.openid.bent(claims={"sub": secrets.token_urlsafe(8)}):
        for _ in range(grants):
            before = set(corp.openid.refresh_tokens)
            given = corp.tokens(app=app)
            (upstream,) = corp.openid.refresh_tokens - before
            found.append(given | {"upstream": upstream})
    return found


def revoke(corp: Company, app: App, token: str) -> int:
    form = {"token": token, "client_id": app.client_id}
    return httpx2.post(f"{bases(corp.stack)[0]}/oauth/revoke", data=form, timeout=20).status_code


def told(corp: Company) -> list[str]:
    return [form["token"] for form in corp.openid.forms("/revoke", token_type_hint="refresh_token")]


def test_a_sign_in_that_its_client_ends_is_ended_at_the_provider(corp: Company, app: App):
    """Security 2.7: RFC 7009 at the provider, with the refresh token, and as the client that it knows."""
    (given,) = somebody(corp, app)

    status = revoke(corp, app, given["refresh_token"])

    assert status == 200
    until(lambda: given["upstream"] in told(corp), "the provider being told")
    until(lambda: given["upstream"] not in corp.openid.refresh_tokens, "the provider believing it")


def test_a_refresh_token_that_was_stolen_ends_the_sign_in_at_the_provider(corp: Company, app: App):
    """Security 2.7, A22: by the reuse that ends the family; told is the token that is live there."""
    (given,) = somebody(corp, app)
    second = app.refresh(given["refresh_token"]).json()
    before = set(corp.openid.refresh_tokens)
    app.refresh(second["refresh_token"])
    (live,) = corp.openid.refresh_tokens - before

    app.refresh(given["refresh_token"])

    until(lambda: live in told(corp), "the provider being told")
    assert opens(corp.stack, second["access_token"]) == [401, 401]


def test_the_provider_is_told_only_when_nothing_else_of_the_person_needs_it(corp: Company, app: App):
    """Ours: we are one client there for all of ours, and many providers end all that a person gave that one."""
    first, second = somebody(corp, app, grants=2)
    (other,) = somebody(corp, app)

    revoke(corp, app, first["refresh_token"])
    # Told later, of somebody else: by then it is clear that nothing was told of the first.
    revoke(corp, app, other["refresh_token"])
    until(lambda: other["upstream"] in told(corp), "the provider being told of the other")
    early = [each["upstream"] in told(corp) for each in (first, second)]
    revoke(corp, app, second["refresh_token"])

    until(lambda: second["upstream"] in told(corp), "the provider being told of the last")
    assert early == [False, False]


def test_an_access_token_that_is_revoked_ends_nothing_at_the_provider(corp: Company, app: App):
    """RFC 7009 2.1: the refresh token, and the grant, live on."""
    given, other = somebody(corp, app)[0], somebody(corp, app)[0]

    revoke(corp, app, given["access_token"])
    revoke(corp, app, other["refresh_token"])
    until(lambda: other["upstream"] in told(corp), "the provider being told of the other")

    assert given["upstream"] not in told(corp)
    assert app.refresh(given["refresh_token"]).status_code == 200


def hang_up(_: object) -> Reply:
    raise ConnectionAbortedError


@pytest.mark.parametrize(
    "reply",
    [Reply(503), as_json({"error": "unsupported_token_type"}, 400), sent_to("/x"), hang_up],
    ids=["503", "400", "302", "hang up"],
)
def test_a_provider_that_does_not_hear_changes_nothing_here(corp: Company, app: App, reply: Any):
    """Security 2.7: as well as it goes: the client is answered, and its tokens are dead on both replicas."""
    (given,) = somebody(corp, app)
    before = corp.openid.calls["/revoke"]

    with corp.openid.bent(replies={"/revoke": reply}):
        status = revoke(corp, app, given["refresh_token"])
        until(lambda: corp.openid.calls["/revoke"] > before, "the provider being told")

    assert status == 200
    assert opens(corp.stack, given["access_token"]) == [401, 401]


def test_github_forgets_its_token(corp: Company, app: App):
    """GitHub's documentation: delete an app's token, as the app."""
    with corp.github.bent(user={"id": 4711, "login": "grace"}):
        known = set(corp.github.tokens)
        given = corp.tokens("github", app=app)
        (upstream,) = corp.github.tokens - known
    forgetting = f"{API}/applications/us-at-github/token"
    before = corp.github.calls[forgetting]

    revoke(corp, app, given["refresh_token"])

    until(lambda: upstream not in corp.github.tokens, "GitHub forgetting the token")
    assert corp.github.calls[forgetting] == before + 1
