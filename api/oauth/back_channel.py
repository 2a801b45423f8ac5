"""What a program calls: token, revoke, introspect, register, stats. Every answer is JSON and stays in no cache."""

import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, cast

import msgspec
from litestar import Request, Response, get, post

from api.limit import Limit
from api.oauth.front_channel import MOST_BYTES
from auth.audit import Audit
from auth.bearer import Bearers, challenge
from auth.clients import Clients
from auth.form import Form
from auth.refusal import OAuthRefused
from auth.registration import register
from auth.scopes import OPERATOR, Scopes
from auth.settings import AuthSettings
from auth.token_endpoint import TokenEndpoint
from storage.rate import Rate

AnyRequest = Request[Any, Any, Any]
MOST_METADATA: Final = 8 * 1024
REGISTRATIONS: Final = (Rate(10, timedelta(minutes=1)), Rate(50, timedelta(hours=1)))
"""Of one address."""
NO_STORE: Final = {"cache-control": "no-store", "pragma": "no-cache"}


@dataclass(frozen=True, kw_only=True)
class BackChannel:
    tokens: TokenEndpoint
    clients: Clients
    bearers: Bearers
    settings: AuthSettings
    scopes: Scopes
    audit: Audit
    registrations: tuple[Limit, ...]
    metadata: str

    async def token(self, request: AnyRequest) -> Response[bytes]:
        form = await read_form(request)
        return answer(await self.tokens.exchange(form, request.headers, self._caller(request)))

    async def revoke(self, request: AnyRequest) -> Response[bytes]:
        await self.tokens.revoke(await read_form(request), request.headers, self._caller(request))
        return answer(b"{}")

    async def introspect(self, request: AnyRequest) -> Response[bytes]:
        await self._operator(request)
        return answer(msgspec.json.encode(await self.tokens.introspect(await read_form(request))))

    async def stats(self, request: AnyRequest) -> Response[bytes]:
        await self._operator(request)
        grants = [grant async for grant in self.tokens.grants.living()]
        clients = await self.clients.store.known()
        by_provider: dict[str, int] = {}
        for grant in grants:
            by_provider[grant.provider or "client"] = by_provider.get(grant.provider or "client", 0) + 1
        found: dict[str, Any] = {
            "clients": len(clients),
            "grants": len(grants),
            "people": len({(grant.principal.issuer, grant.principal.subject) for grant in grants}),
            "grantsByProvider": by_provider,
        }
        return answer(msgspec.json.encode(found))

    async def register(self, request: AnyRequest) -> Response[bytes]:
        address = self._caller(request)
        for number, limit in enumerate(self.registrations):
            await limit.take(request.scope, f"register:{number}:{address}")
        try:
            metadata = msgspec.json.decode(await request.body())
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            metadata = None
        if not isinstance(metadata, dict):
            raise OAuthRefused("invalid_client_metadata", "The body must be a JSON object of client metadata")
        client, said = register(
            cast("dict[str, Any]", metadata),
            scopes=self.scopes.public,
            schemes=self.settings.auth_redirect_schemes,
            now=int(time.time()),
        )
        await self.clients.store.add(client)
        self.audit.note("client registered", trail="strangers", client=client.id, name=client.name)
        return answer(msgspec.json.encode(said), status=201)

    def _caller(self, request: AnyRequest) -> str:
        return self.registrations[0].whence(request.scope)

    async def _operator(self, request: AnyRequest) -> None:
        """An access token with the operators' scope, and nothing less."""
        bearer = await self.bearers.find(request.headers)
        if bearer is None or bearer.lacks([OPERATOR]):
            status, error = (401, "invalid_token") if bearer is None else (403, "insufficient_scope")
            described = "This is for operators: it needs an access token with the scope mcp:operator"
            # RFC 6750 3.1: who sent no token is told where to get one, not that theirs is wrong.
            given = "authorization" in request.headers
            said = challenge(self.metadata, [OPERATOR], error=error if given else "", description=described)
            raise OAuthRefused(error, described, status=status, headers={"www-authenticate": said})

    def routes(self) -> list[Any]:
        back = self

        @post("/oauth/token", status_code=200, request_max_body_size=MOST_BYTES, summary="Tokens (RFC 6749 3.2)")
        async def oauth_token(request: AnyRequest) -> Response[bytes]:
            return await back.token(request)

        @post("/oauth/revoke", status_code=200, request_max_body_size=MOST_BYTES, summary="Revoke a token (RFC 7009)")
        async def oauth_revoke(request: AnyRequest) -> Response[bytes]:
            return await back.revoke(request)

        @post("/oauth/introspect", status_code=200, request_max_body_size=MOST_BYTES, summary="RFC 7662, for operators")
        async def oauth_introspect(request: AnyRequest) -> Response[bytes]:
            return await back.introspect(request)

        @get("/oauth/stats", summary="How many clients and grants there are, for operators")
        async def oauth_stats(request: AnyRequest) -> Response[bytes]:
            return await back.stats(request)

        found: list[Any] = [oauth_token, oauth_revoke, oauth_introspect, oauth_stats]
        if not self.settings.auth_registration:
            return found

        @post("/oauth/register", request_max_body_size=MOST_METADATA, summary="Register a client (RFC 7591)")
        async def oauth_register(request: AnyRequest) -> Response[bytes]:
            return await back.register(request)

        return [*found, oauth_register]


def answer(body: bytes, *, status: int = 200) -> Response[bytes]:
    return Response(body, status_code=status, media_type="application/json", headers=NO_STORE)


async def read_form(request: AnyRequest) -> Form:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise OAuthRefused("invalid_request", "Content-Type must be application/x-www-form-urlencoded")
    return Form.parse(await request.body())
