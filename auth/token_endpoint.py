"""The back channel: codes and refresh tokens become tokens, tokens are revoked and introspected."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from auth import resource
from auth.audit import Audit
from auth.authlib_server import Known
from auth.clients import Clients
from auth.core import Approved, check_client, check_token_request
from auth.form import Form
from auth.identity import is_of_domain, is_operator
from auth.providers.provider import ProviderFailed
from auth.refusal import OAuthRefused
from auth.revocation import Revocations
from auth.scopes import OPERATOR, Scopes
from auth.settings import AuthSettings
from auth.tokens import digest, grant_of, kind_of, new_token, open_answer, seal_answer
from auth.upstream import Upstream
from storage import metrics
from storage.clients import Client
from storage.clock import milliseconds
from storage.errors import NotFound, Unreadable
from storage.grants import Access, Grant, GrantStore, Replayed, Rotation
from storage.records import Principal, new_id


@dataclass(frozen=True, kw_only=True)
class TokenEndpoint:
    clients: Clients
    grants: GrantStore
    upstream: Upstream
    settings: AuthSettings
    scopes: Scopes
    issuer: str
    resource: str
    audit: Audit
    revocations: Revocations

    async def exchange(self, form: Form, headers: Mapping[str, str], caller: str) -> bytes:
        """The answer of RFC 6749 5.1 to *caller* as JSON; OAuthRefused with the error of 5.2."""
        if "grant_type" not in form:
            raise OAuthRefused("invalid_request", "grant_type is missing")
        try:
            return await self._exchange(form, headers, caller)
        except OAuthRefused as refused:
            if refused.error == "invalid_client":
                self._note_stranger("client not proven", form)
            raise

    async def _exchange(self, form: Form, headers: Mapping[str, str], caller: str) -> bytes:
        client, proven = await self.clients.of_request(form, headers, caller)
        known = Known(client=client, scopes=self.scopes.all, proven=proven)
        match form["grant_type"]:
            case "authorization_code":
                return await self._by_code(form, headers, known)
            case "refresh_token":
                return await self._by_refresh(form, headers, known)
            case "client_credentials":
                return await self._by_credentials(form, headers, known)
            case _:
                check_token_request(form, headers, known)
                raise OAuthRefused("unsupported_grant_type", "grant_type is not one of those this server knows")

    async def revoke(self, form: Form, headers: Mapping[str, str], caller: str) -> None:
        """RFC 7009: a token that is not ours, or not the client's, is no error; it is not revoked either."""
        client = await self._client(form, headers, caller)
        token = form.get("token")
        if token is None:
            raise OAuthRefused("invalid_request", "token is missing")
        grant_id = grant_of(token, "at", "rt")
        grant = await self.grants.find(grant_id) if grant_id else None
        if grant is None or grant.principal.client_id != client.id:
            return
        if kind_of(token) == "at":
            if await self.grants.revoke_access(grant.id, digest(token)):
                self.audit.note("access token revoked", principal=grant.principal, by="its client", grant=grant.id)
        elif await self.grants.is_refresh(grant.id, digest(token)):
            await self.revocations.revoke(grant, "its client asked for it", by="its client")

    async def introspect(self, form: Form) -> dict[str, Any]:
        """RFC 7662 2.2; who may ask was checked before."""
        token = form.get("token")
        if token is None:
            raise OAuthRefused("invalid_request", "token is missing")
        grant_id = grant_of(token, "at", "rt")
        if not grant_id:
            return {"active": False}
        if kind_of(token) == "at":
            found = await self.grants.find_access(grant_id, digest(token))
            if found is None:
                return {"active": False}
            access, grant = found
            return _described(grant, access.scopes) | {"exp": access.expires_at, "token_type": "Bearer"}
        grant = await self.grants.find(grant_id)
        if grant is None or not await self.grants.is_live_refresh(grant_id, digest(token)):
            return {"active": False}
        return _described(grant, grant.scopes) | {"exp": grant.expires_at // 1000, "token_type": "refresh_token"}

    async def _client(self, form: Form, headers: Mapping[str, str], caller: str) -> Client:
        client, proven = await self.clients.of_request(form, headers, caller)
        return check_client(form, headers, Known(client=client, scopes=self.scopes.all, proven=proven))

    async def _by_code(self, form: Form, headers: Mapping[str, str], known: Known) -> bytes:
        resource.check(form.all("resource"), self.resource)
        grant_id = grant_of(form.get("code", ""), "ac")
        if grant_id:
            # Used up before anything is checked: whoever presents it wrongly has spoilt it.
            try:
                code, grant = await self.grants.take(grant_id, digest(form["code"]))
                known = replace(known, code=code, grant=grant)
            except Replayed:
                if ended := await self.grants.find_ended(grant_id):
                    await self._reused("code", ended, "its code was presented twice")
            except NotFound:
                self._note_stranger("code refused", form)
        approved = check_token_request(form, headers, known)
        assert known.grant is not None  # noqa: S101  # nothing is approved without
        refresh = new_token("rt", known.grant.id) if approved.with_refresh else ""
        token, access = self._access(known.grant, approved)
        try:
            await self.grants.issue(known.grant, digest(token), access, digest(refresh) if refresh else "")
        except NotFound:
            raise OAuthRefused("invalid_grant", "The code was presented twice: sign in again") from None
        await self._keep(approved.client)
        metrics.TOKENS.labels("authorization_code").inc()
        self.audit.note("tokens issued", principal=known.grant.principal, scopes=list(access.scopes))
        return self._answer(token, refresh, access)

    async def _by_refresh(self, form: Form, headers: Mapping[str, str], known: Known) -> bytes:
        resource.check(form.all("resource"), self.resource)
        old = form.get("refresh_token", "")
        grant_id = grant_of(old, "rt")
        grant = await self.grants.find(grant_id) if grant_id else None
        approved = check_token_request(form, headers, replace(known, grant=grant))
        assert grant is not None  # noqa: S101  # nothing is approved without
        refresh = new_token("rt", grant.id)
        token, access = self._access(grant, approved)
        answer = self._answer(token, refresh, access)
        rotation = Rotation(
            refresh=digest(refresh), access=digest(token), holds=access, answer=seal_answer(old, answer)
        )
        try:
            sealed = await self.grants.rotate(grant, digest(old), rotation)
            repeated = None if sealed is None else open_answer(old, sealed)
        except NotFound as error:
            if isinstance(error, Replayed):
                await self._reused("refresh token", grant, str(error))
            raise OAuthRefused("invalid_grant", "The refresh token is not valid any more: sign in again") from None
        if repeated is not None:
            return repeated
        await self._check_person(grant)
        await self._keep(approved.client)
        metrics.TOKENS.labels("refresh_token").inc()
        self.audit.note("refreshed", principal=grant.principal)
        return answer

    async def _by_credentials(self, form: Form, headers: Mapping[str, str], known: Known) -> bytes:
        resource.check(form.all("resource"), self.resource)
        if known.client:
            # Nobody vouches for a program: what only some people may have, it has if an operator named it.
            known = replace(known, scopes=known.client.scopes or self.scopes.public)
        approved = check_token_request(form, headers, known)
        now = int(time.time() * 1000)
        life = milliseconds(self.settings.auth_access_ttl)
        client_id = approved.client.id
        grant = Grant(
            id=new_id(),
            principal=Principal(client_id=client_id, issuer=self.issuer, subject=client_id),
            scopes=approved.scopes,
            resource=self.resource,
            provider="",
            name=approved.client.name,
            created_at=now,
            expires_at=now + life,
        )
        token, access = self._access(grant, approved)
        await self.grants.add_for_client(grant, digest(token), access)
        await self._keep(approved.client)
        metrics.TOKENS.labels("client_credentials").inc()
        self.audit.note("tokens issued", principal=grant.principal, scopes=list(access.scopes))
        return self._answer(token, "", access)

    def _access(self, grant: Grant, approved: Approved) -> tuple[str, Access]:
        seconds = int(self.settings.auth_access_ttl.total_seconds())
        expires_at = min(int(time.time()) + seconds, grant.expires_at // 1000)
        scopes = tuple(each for each in approved.scopes if each in grant.scopes and self._may(each, grant))
        return new_token("at", grant.id), Access(scopes=scopes, resource=grant.resource, expires_at=expires_at)

    def _may(self, scope: str, grant: Grant) -> bool:
        """Who was an operator need not be one now. A program is one if it was added as one."""
        subject = grant.principal.subject
        by_name = is_operator(grant.email, subject, grant.provider, self.settings)
        return scope != OPERATOR or not grant.provider or by_name

    async def _reused(self, what: str, grant: Grant, reason: str) -> None:
        """The store has revoked the *grant* already."""
        self.audit.note(f"{what} reused", principal=grant.principal, grant=grant.id)
        await self.revocations.follow(grant, reason, by="this server")

    def _note_stranger(self, event: str, form: Form) -> None:
        self.audit.note(event, trail="strangers", client=form.get("client_id", ""))

    def _answer(self, token: str, refresh: str, access: Access) -> bytes:
        answer: dict[str, Any] = {
            "access_token": token,
            "token_type": "Bearer",
            "expires_in": max(1, access.expires_at - int(time.time())),
            "scope": " ".join(access.scopes),
        }
        return msgspec.json.encode(answer | ({"refresh_token": refresh} if refresh else {}))

    async def _keep(self, client: Client) -> None:
        if client.origin not in ("document", "settings"):
            await self.clients.store.keep(client.id)

    async def _check_person(self, grant: Grant) -> None:
        """Whom the provider or the settings have shut out is shut out here, at the next refresh."""
        if grant.provider and not is_of_domain(grant.email, self.settings):
            await self.revocations.revoke(grant, "its person's domain may not use this server", by="this server")
            raise OAuthRefused("invalid_grant", "Your e-mail address is of no domain that may use this server")
        try:
            await self.upstream.ask(grant)
        except ProviderFailed as error:
            await self.revocations.revoke(grant, "its provider ended it", by=f"provider {grant.provider}")
            raise OAuthRefused("invalid_grant", f"{error} Sign in again.") from None
        except Unreadable:
            await self.revocations.revoke(grant, "what was kept of it cannot be read", by="this server")
            described = "What this server kept of the sign-in cannot be read. Sign in again."
            raise OAuthRefused("invalid_grant", described) from None


def _described(grant: Grant, scopes: tuple[str, ...]) -> dict[str, Any]:
    return {
        "active": True,
        "scope": " ".join(scopes),
        "client_id": grant.principal.client_id,
        "username": grant.name,
        "sub": grant.principal.subject,
        "iss": grant.principal.issuer,
        "aud": grant.resource,
        "iat": grant.created_at // 1000,
    }
