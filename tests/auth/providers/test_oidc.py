"""What an OpenID provider's refusal, outage and userinfo are worth; its sign-ins are attacked in tests/attacks."""

from collections.abc import Generator
from typing import Any

import msgspec
import pytest

from auth.providers.discovery import Discovery
from auth.providers.oidc import OpenIdProvider, Registered, merged
from auth.providers.provider import ProviderFailed
from tests.stand_ins.bendable import Reply, as_json
from tests.stand_ins.openid import DISCOVERY, OpenId

KEPT = msgspec.json.encode({"access_token": "a", "refresh_token": "r"})


@pytest.fixture
def upstream() -> Generator[OpenId]:
    with OpenId().serving() as running:
        yield running


def provider(upstream: OpenId) -> OpenIdProvider:
    registered = Registered(issuer=upstream.issuer, client_id=upstream.client_id, client_secret=upstream.client_secret)
    return OpenIdProvider(name="oidc", title="Corp", registered=registered, discovery=Discovery(registered.issuer))


@pytest.mark.parametrize(
    "reply", [Reply(503), Reply(200, b"<h1>hello</h1>"), as_json({"issuer": "https://evil.example"})]
)
async def test_a_discovery_that_is_away_ends_no_sign_in(upstream: OpenId, reply: Reply):
    """Ours: a replica that has just started may have to refresh while the provider is down; that is no refusal."""
    with upstream.bent(replies={DISCOVERY: reply}):
        assert await provider(upstream).refresh(KEPT) is None


async def test_a_refusal_of_the_provider_is_one(upstream: OpenId):
    """RFC 6749 5.2: invalid_grant; the stand-in never gave that token."""
    with pytest.raises(ProviderFailed, match="ended this sign-in"):
        await provider(upstream).refresh(KEPT)


@pytest.mark.parametrize(
    ("document", "kept", "told"),
    [
        ({}, KEPT, {"token": "r", "token_type_hint": "refresh_token"}),
        ({}, b'{"access_token": "a"}', {"token": "a", "token_type_hint": "access_token"}),
        ({}, b"", None),
        ({"revocation_endpoint": None}, KEPT, None),
        ({"revocation_endpoint": "javascript:alert(1)"}, KEPT, None),
        ({"issuer": "https://evil.example"}, KEPT, None),
    ],
    ids=str,
)
async def test_a_provider_is_told_what_it_has_an_ear_for(
    upstream: OpenId, document: dict[str, Any], kept: bytes, told: dict[str, str] | None
):
    """RFC 7009 2.1: the refresh token rather than the access token; nothing fails where there is no endpoint."""
    with upstream.bent(document=document):
        await provider(upstream).revoke(kept)

    assert upstream.forms("/revoke") == ([told] if told else [])


@pytest.mark.parametrize(
    ("claims", "userinfo", "email", "verified"),
    [
        ({"email": "a", "email_verified": True}, {"email": "b", "email_verified": False}, "a", True),
        ({"email": "a"}, {"email": "b", "email_verified": True}, "a", None),
        ({"email": "a"}, {"email": "a", "email_verified": True}, "a", True),
        ({"email_verified": True}, {"email": "b", "email_verified": False}, "b", False),
        ({"email_verified": True}, {"email": "b"}, "b", None),
        ({}, {"email": "b", "email_verified": True}, "b", True),
        ({"email": "a", "email_verified": False}, {"email": "a", "email_verified": True}, "a", False),
    ],
)
def test_an_address_is_verified_only_by_what_names_it(
    claims: dict[str, Any], userinfo: dict[str, Any], email: str, *, verified: bool | None
):
    """A31: OpenID Connect Core 5.1."""
    found = merged({"sub": "ada", **claims}, {"sub": "ada", **userinfo})

    assert (found.get("email"), found.get("email_verified")) == (email, verified)


def test_userinfo_of_somebody_else_is_nothing():
    """OpenID Connect Core 5.3.2."""
    assert merged({"sub": "ada"}, {"sub": "eve", "groups": ["sre"]}) == {"sub": "ada"}
