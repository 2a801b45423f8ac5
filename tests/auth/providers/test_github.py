"""GitHub, at github.com and as an Enterprise Server; its web flow is attacked in tests/attacks."""

from collections.abc import Generator

import pytest

from auth.providers.github import GitHub
from auth.providers.provider import Leg, ProviderFailed
from tests.stand_ins import github

LEG = Leg(redirect_uri="https://us.example/oauth/callback/github", state="s", nonce="n", code_verifier="v" * 43)


@pytest.fixture
def upstream() -> Generator[github.GitHub]:
    with github.GitHub().serving() as running:
        yield running


def provider(upstream: github.GitHub, *organizations: str) -> GitHub:
    return GitHub(
        client_id=upstream.client_id,
        client_secret=upstream.client_secret,
        url=upstream.url,
        organizations=organizations,
    )


def test_githubs_api_has_a_host_of_its_own_and_a_servers_is_below_it():
    """GitHub's documentation: api.github.com, and /api/v3."""
    known = {"client_id": "a", "client_secret": "b"}

    assert GitHub(**known).api == "https://api.github.com"
    assert GitHub(**known, url="https://git.corp.com").api == "https://git.corp.com/api/v3"


@pytest.mark.parametrize(
    ("organizations", "scope"), [((), "read:user user:email"), (("acme",), "read:user user:email read:org")]
)
async def test_github_is_asked_for_organisations_only_if_they_matter(
    upstream: github.GitHub, organizations: tuple[str, ...], scope: str
):
    """Ours: no more than is needed."""
    address = await provider(upstream, *organizations).authorization_url(LEG)

    upstream.visit(address)
    (asked,) = upstream.codes.values()
    assert asked["scope"] == scope


async def test_a_person_is_the_number_and_not_the_login(upstream: github.GitHub):
    """A31: a login can change hands."""
    found = provider(upstream)
    upstream.visit(await found.authorization_url(LEG))
    (code,) = upstream.codes

    identity = await found.identify(LEG, {"code": code})

    assert (identity.issuer, identity.subject, identity.name) == (upstream.url, "815", "ada")
    assert identity.email == "ada@corp.com"
    assert await found.refresh(identity.upstream) is None
    upstream.tokens.clear()
    with pytest.raises(ProviderFailed, match="ended this sign-in"):
        await found.refresh(identity.upstream)


async def test_a_grant_without_a_token_of_github_is_left_alone(upstream: github.GitHub):
    """Ours: there is nothing to ask."""
    assert await provider(upstream).refresh(b"") is None
    assert upstream.calls.total() == 0
