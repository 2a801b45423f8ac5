"""A provider that says nothing holds nobody up for ever, and signs nobody out."""

import asyncio
import time
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from auth.providers.discovery import Discovery
from auth.providers.oidc import OpenIdProvider, Registered
from auth.providers.provider import ProviderFailed
from auth.upstream import LONGEST, PATIENCE, Upstream
from storage.connection import Redis
from storage.grants import UPSTREAM_LOCK, Code, Grant, GrantStore
from storage.records import Principal, new_id
from storage.seal import KeyRing
from tests.stand_ins.openid import OpenId

CODE = Code(client_id="c", redirect_uri="https://a.example/cb", code_challenge="x", scopes=(), resource="r")


def grant_of(issuer: str) -> Grant:
    return Grant(
        id=new_id(),
        principal=Principal(client_id="c", issuer=issuer, subject="ada"),
        scopes=(),
        resource="r",
        provider="oidc",
        expires_at=int(time.time() * 1000) + 3_600_000,
    )


def provider_at(stand_in: OpenId) -> OpenIdProvider:
    registered = Registered(issuer=stand_in.issuer, client_id=stand_in.client_id, client_secret=stand_in.client_secret)
    return OpenIdProvider(name="oidc", title="Corp", registered=registered, discovery=Discovery(stand_in.issuer))


async def test_a_provider_that_says_nothing_has_not_said_no(redis: Redis, ring: KeyRing):
    """Security 2.5: the client is answered, the grant lives, and who comes after the answer may ask again."""
    grants = GrantStore(redis, ring, refresh_ttl=timedelta(days=1), grace=timedelta(seconds=30))
    with OpenId().serving() as silent:
        asking = Upstream(grants=grants, providers={"oidc": provider_at(silent)}, patience=timedelta(seconds=0.5))
        grant = grant_of(silent.issuer)
        await grants.add(grant, "0" * 64, CODE, upstream=msgspec.json.encode({"refresh_token": "r"}))

        with silent.held("/token"):
            began = time.monotonic()
            await asking.ask(grant)
            waited = time.monotonic() - began
            nobody_else = await grants.lock_upstream(grant)
        await asking.flush()

        assert silent.calls["/token"] == 1
        assert 0.5 <= waited < 10
        assert await grants.find(grant.id) == grant
        assert nobody_else is None
        assert await grants.lock_upstream(grant)


async def test_whatever_the_provider_says_nothing_is_left_for_the_event_loop_to_report(redis: Redis, ring: KeyRing):
    """Ours: a yes, a no and a goodbye are answers, of which none is an error of this process."""
    reported: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))
    grants = GrantStore(redis, ring, refresh_ttl=timedelta(days=1), grace=timedelta(seconds=30))
    with OpenId().serving() as corp:
        upstream = Upstream(grants=grants, providers={"oidc": provider_at(corp)})
        welcome, unknown = grant_of(corp.issuer), grant_of(corp.issuer)
        corp.refresh_tokens.add("known")
        for grant, token in ((welcome, "known"), (unknown, "unknown")):
            await grants.add(grant, "0" * 64, CODE, upstream=msgspec.json.encode({"refresh_token": token}))

        await upstream.ask(welcome)
        with pytest.raises(ProviderFailed):
            await upstream.ask(unknown)
        upstream.forget(welcome, await grants.take_upstream(welcome))
        await upstream.flush()

        assert (corp.calls["/token"], reported) == (2, [])


def test_nobody_else_asks_while_somebody_may_still_wait():
    """Security 2.5: the lock outlasts the patience, so one that waited long cannot release another's."""
    assert PATIENCE < LONGEST < UPSTREAM_LOCK
