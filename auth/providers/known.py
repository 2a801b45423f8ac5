"""The providers that `MCP_AUTH` can name."""

from collections.abc import Callable, Mapping
from typing import Final

from auth.providers.discovery import Discovery
from auth.providers.github import GitHub
from auth.providers.local import TRIES, Local
from auth.providers.oidc import OpenIdProvider, Registered
from auth.providers.provider import Provider
from auth.settings import AuthSettings
from storage.connection import Redis
from storage.rate import RateLimiter
from storage.signins import SignInStore


def build(settings: AuthSettings, issuer: str, redis: Redis, signins: SignInStore) -> dict[str, Provider]:
    """The configured providers by name, in the order they were named."""
    local = Local(page=f"{issuer}/oauth/local", signins=signins, tries=RateLimiter(redis, TRIES))
    return {name: local if name == "local" else remote(name, settings) for name in settings.auth}


def remote(name: str, settings: AuthSettings) -> Provider:
    """One that is elsewhere."""
    makers: Mapping[str, Callable[[], Provider]] = {
        "auth0": lambda: _auth0(settings),
        "github": lambda: _github(settings),
        "google": lambda: _google(settings),
        "oidc": lambda: _oidc(settings),
    }
    return makers[name]()


def _openid(name: str, title: str, registered: Registered) -> OpenIdProvider:
    return OpenIdProvider(name=name, title=title, registered=registered, discovery=Discovery(registered.issuer))


def _auth0(settings: AuthSettings) -> Provider:
    extra = {"audience": settings.auth0_audience} if settings.auth0_audience else {}
    registered = Registered(
        # Auth0's issuer ends with a slash, and is compared byte for byte.
        issuer=f"https://{settings.auth0_domain}/",
        client_id=settings.auth0_client_id,
        client_secret=_secret(settings, "auth0_client_secret"),
        scopes=("openid", "email", "profile", "offline_access"),
        extra=extra,
    )
    return _openid("auth0", "Auth0", registered)


def _google(settings: AuthSettings) -> Provider:
    registered = Registered(
        issuer=_GOOGLE,
        client_id=settings.google_client_id,
        client_secret=_secret(settings, "google_client_secret"),
        # Google's way to ask for a refresh token.
        extra={"access_type": "offline", "prompt": "consent"},
    )
    return _openid("google", "Google", registered)


def _oidc(settings: AuthSettings) -> Provider:
    registered = Registered(
        issuer=settings.oidc_issuer,
        client_id=settings.oidc_client_id,
        client_secret=_secret(settings, "oidc_client_secret"),
        scopes=settings.oidc_scopes,
    )
    return _openid("oidc", settings.oidc_title, registered)


def _github(settings: AuthSettings) -> Provider:
    return GitHub(
        client_id=settings.github_client_id,
        client_secret=_secret(settings, "github_client_secret") or "",
        url=settings.github_url.rstrip("/"),
        organizations=settings.github_organizations,
    )


def _secret(settings: AuthSettings, name: str) -> str | None:
    secret = getattr(settings, name)
    return secret.get_secret_value() if secret else None


_GOOGLE: Final = "https://accounts.google.com"
