"""The composition of everything about signing in; a web process has one when `MCP_AUTH` is on."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

import structlog
from litestar import Request, Response, Router, get
from litestar.exceptions import HTTPException
from litestar.types import ControllerRouterHandler

from api import refusals
from api.limit import Exceeded, Limit
from api.mcp.guard import TokenGuard
from api.mcp.inflight import InFlight
from api.oauth import pages
from api.oauth.back_channel import NO_STORE, REGISTRATIONS, BackChannel
from api.oauth.cookies import Cookies
from api.oauth.front_channel import VISITS, FrontChannel
from api.settings import Settings
from auth import metadata, own_clients
from auth.audit import Audit
from auth.bearer import Bearers
from auth.client_documents import ClientDocuments
from auth.clients import Clients
from auth.fetch import Fetch
from auth.providers.known import build as build_providers
from auth.refusal import OAuthRefused, PageRefused
from auth.revocation import Revocations
from auth.scopes import BASIC, Scopes
from auth.signin import SignIn
from auth.token_endpoint import TokenEndpoint
from auth.upstream import Upstream, patience
from storage.clients import Client, ClientStore
from storage.connection import Redis, RedisError, Unavailable
from storage.errors import SettingsError
from storage.grants import GrantStore
from storage.rate import RateLimiter
from storage.seal import KeyRing
from storage.signins import SignInStore
from storage.tasks import TaskStore
from tasks.catalog import Catalog

LOOK_EVERY: Final = 1.0
"""Seconds between two looks for grants that were revoked, for the case that a message about it was lost."""

log = structlog.get_logger(__name__)


class AuthStores(Protocol):
    """What it stands on, of everything a process has stored."""

    @property
    def redis(self) -> Redis: ...
    @property
    def ring(self) -> KeyRing: ...
    @property
    def tasks(self) -> TaskStore: ...
    @property
    def audit(self) -> Audit: ...


@dataclass(frozen=True, kw_only=True)
class Auth:
    """What the rest of the process sees of it."""

    guard: TokenGuard
    grants: GrantStore
    routes: list[ControllerRouterHandler]

    async def watch(self, in_flight: InFlight) -> None:
        """End what is open for a grant that was revoked, within two seconds even if nobody told us."""
        while True:
            await asyncio.sleep(LOOK_EVERY)
            openers = in_flight.openers()
            try:
                revoked = await self.grants.revoked(openers) if openers else []
            except (RedisError, *Unavailable) as error:
                log.warning("could not look for revoked grants", error=str(error))
                continue
            for each in revoked:
                in_flight.revoke(each)


def build(settings: Settings, stores: AuthStores, catalog: Catalog, limit: Limit) -> Auth:
    """*limit* is that of requests, shared with every other replica and with `/mcp`."""
    redis, ring = stores.redis, stores.ring
    issuer, resource, own = settings.origin, f"{settings.origin}/mcp", settings.auth
    scopes = Scopes(catalog.scopes())
    signins, audit = SignInStore(redis, ring), stores.audit
    grants = GrantStore(redis, ring, refresh_ttl=own.auth_refresh_ttl, grace=own.auth_refresh_grace)
    documents = ClientDocuments(redis=redis, schemes=own.auth_redirect_schemes, fetch=Fetch(redis))
    clients = Clients(store=ClientStore(redis), documents=documents, signins=signins, issuer=issuer, own=_own(settings))
    providers = build_providers(own, issuer, redis, signins)
    upstream = Upstream(grants=grants, providers=providers, patience=patience(own.auth_refresh_grace))
    revocations = Revocations(
        grants=grants,
        signins=signins,
        tasks=stores.tasks,
        audit=audit,
        upstream=upstream,
        cancels=own.auth_revoked_jobs == "cancel",
    )
    shared: dict[str, Any] = {
        "clients": clients,
        "grants": grants,
        "settings": own,
        "scopes": scopes,
        "issuer": issuer,
        "resource": resource,
        "audit": audit,
    }
    bearers, document = Bearers(grants=grants, resource=resource), f"{issuer}/.well-known/oauth-protected-resource/mcp"
    front = FrontChannel(
        signin=SignIn(signins=signins, providers=providers, **shared),
        cookies=Cookies(https=issuer.startswith("https://")),
        settings=own,
        visits=replace(limit, limiter=RateLimiter(redis, VISITS)),
    )
    back = BackChannel(
        tokens=TokenEndpoint(upstream=upstream, revocations=revocations, **shared),
        clients=clients,
        bearers=bearers,
        settings=own,
        scopes=scopes,
        audit=audit,
        registrations=tuple(replace(limit, limiter=RateLimiter(redis, rate)) for rate in REGISTRATIONS),
        metadata=document,
    )
    router = Router(
        path="/",
        before_request=_limited(limit),
        route_handlers=[*front.routes(), *back.routes(), *_discovery(issuer, resource, scopes, own.auth_registration)],
        exception_handlers=_HANDLERS,
    )
    guard = TokenGuard(bearers=bearers, catalog=catalog, tasks=stores.tasks, metadata=document, audit=audit)
    return Auth(guard=guard, grants=grants, routes=[router])


def _own(settings: Settings) -> Mapping[str, Client]:
    """The clients that the settings name: Flower, where it may sign people in."""
    flower = settings.flower
    if flower.secret is None:
        return {}
    if flower.url is None:
        raise SettingsError("MCP_FLOWER_SECRET is set and MCP_FLOWER_URL is not: it is where people are sent back to.")
    return {own_clients.FLOWER: own_clients.flower(flower.url, flower.secret.get_secret_value())}


def _limited(limit: Limit) -> Callable[[Request[Any, Any, Any]], Awaitable[None]]:
    async def take(request: Request[Any, Any, Any]) -> None:
        await limit.take(request.scope, limit.whence(request.scope))

    return take


def _discovery(issuer: str, resource: str, scopes: Scopes, registration: bool) -> list[Any]:  # noqa: FBT001  # a setting
    """RFC 8414 3, at the address of OpenID discovery too, and RFC 9728 3.1 at the root and for the path."""
    server = metadata.authorization_server(issuer, scopes.public, registration=registration)
    protected = metadata.protected_resource(resource, issuer, BASIC)
    headers = {"cache-control": "public, max-age=300"}

    @get(
        ["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"],
        sync_to_thread=False,
        summary="RFC 8414 metadata",
    )
    def authorization_server() -> Response[dict[str, Any]]:
        return Response(server, headers=headers)

    @get(
        ["/.well-known/oauth-protected-resource", "/.well-known/oauth-protected-resource/mcp"],
        sync_to_thread=False,
        summary="RFC 9728 metadata",
    )
    def protected_resource() -> Response[dict[str, Any]]:
        return Response(protected, headers=headers)

    return [authorization_server, protected_resource]


def _as_json(_: Request[Any, Any, Any], error: OAuthRefused) -> Response[Mapping[str, str]]:
    refusals.count_oauth(error.error)
    return Response(error.body, status_code=error.status, headers={**NO_STORE, **error.headers})


def _exceeded(request: Request[Any, Any, Any], error: Exceeded) -> Response[Any]:
    refusals.count_as("rate_limit")
    if "text/html" in request.headers.get("accept", ""):
        page = pages.refusal(f"{error}.", 429)
        page.headers.update(error.headers)
        return page
    body = {"error": "temporarily_unavailable", "error_description": str(error)}
    return Response(body, status_code=429, headers={**NO_STORE, **error.headers})


def _as_page(_: Request[Any, Any, Any], error: PageRefused) -> Response[str]:
    refusals.count_as("oauth_page")
    return pages.refusal(error.message, error.status)


def _failed(_: Request[Any, Any, Any], error: Exception) -> Response[Mapping[str, str]]:
    if isinstance(error, HTTPException):
        code = "invalid_request" if error.status_code < 500 else "server_error"  # noqa: PLR2004  # RFC 9110
        body = {"error": code, "error_description": error.detail}
        return Response(body, status_code=error.status_code, headers=NO_STORE)
    log.error("request failed", exc_info=error)
    refusals.count_as("internal")
    body = {"error": "server_error", "error_description": "Internal server error"}
    return Response(body, status_code=500, headers=NO_STORE)


def _away(_: Request[Any, Any, Any], error: Exception) -> Response[Mapping[str, str]]:
    log.warning("store unavailable", error=str(error))
    refusals.count_as("store_away")
    body = {"error": "temporarily_unavailable", "error_description": "The store cannot be reached: try again soon"}
    return Response(body, status_code=503, headers={**NO_STORE, "retry-after": "2"})


_HANDLERS: Final[dict[int | type[Exception], Any]] = {
    OAuthRefused: _as_json,
    PageRefused: _as_page,
    Exceeded: _exceeded,
    **dict.fromkeys(Unavailable, _away),
    Exception: _failed,
}
