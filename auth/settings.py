"""Who may sign in, and through which provider."""

import re
from datetime import timedelta
from typing import Annotated, Final, Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import NoDecode

from storage.errors import SettingsError
from storage.settings import Group, Seconds, has_host, words

OFF: Final = "off"
PROVIDERS: Final = ("local", "auth0", "github", "google", "oidc")
_SAFE_URL: Final = re.compile(r"https?://[A-Za-z0-9.\-_\[\]:/~%]+")
"""No address that reaches us by settings may hold what a shell or a header would read (attack A39)."""

Words = Annotated[tuple[str, ...], NoDecode]


class AuthSettings(Group):
    auth: Words = Field(
        default=(OFF,),
        description="who may call: `off` for everybody, or the providers people sign in with, separated by commas: "
        "auth0, github, google, oidc, or local (a code printed by this server, on this machine only).",
    )
    auth_consent_ttl: Seconds = Field(
        default=timedelta(0),
        ge=timedelta(0),
        le=timedelta(days=90),
        description="seconds a browser that agreed is not asked again for the same client and scopes; 0 always asks.",
    )
    auth_access_ttl: Seconds = Field(
        default=timedelta(minutes=10),
        ge=timedelta(seconds=30),
        le=timedelta(hours=24),
        description="seconds an access token is good for.",
    )
    auth_refresh_ttl: Seconds = Field(
        default=timedelta(days=30), ge=timedelta(minutes=5), description="seconds an unused refresh token is good for."
    )
    auth_refresh_grace: Seconds = Field(
        default=timedelta(seconds=30),
        ge=timedelta(0),
        le=timedelta(seconds=60),
        description="seconds in which a repeated refresh gets the same answer again; 0 never.",
    )
    auth_grant_ttl: Seconds = Field(
        default=timedelta(days=90),
        ge=timedelta(hours=1),
        description="seconds after which a person must sign in again, however often a client refreshes.",
    )
    auth_revoked_jobs: Literal["cancel", "finish"] = Field(
        default="cancel",
        description="what becomes of jobs whose access is revoked while they run: `cancel` or `finish`.",
    )
    auth_registration: bool = Field(
        default=True, description="whether clients may register themselves (RFC 7591); most need it."
    )
    auth_redirect_schemes: Words = Field(
        default=("cursor",), description="private-use schemes of redirect URIs that native clients may register."
    )
    auth_allowed_domains: Words = Field(
        default=(), description="domains of verified e-mail addresses that may sign in; empty for all."
    )
    auth_allowed_claims: Words = Field(
        default=(), description="claims that a person must have one of, as groups=sre,org=acme; empty for none."
    )
    auth_operators: Words = Field(
        default=(),
        description="people who may be granted mcp:operator, and look into Flower: verified e-mail addresses, or "
        "provider:subject; empty for nobody.",
    )

    auth0_domain: str = Field(default="", description="the Auth0 tenant, as example.eu.auth0.com.")
    auth0_client_id: str = Field(default="", description="the client id of this server at Auth0.")
    auth0_client_secret: SecretStr | None = Field(default=None, description="its secret.")
    auth0_audience: str = Field(default="", description="the Auth0 API whose tokens are asked for; empty for none.")
    auth0_callback: Literal["/oauth/callback/auth0", "/oauth/auth0-callback"] = Field(
        default="/oauth/callback/auth0",
        description="the path of the redirect URI that Auth0 knows; `/oauth/auth0-callback` is that of servers before.",
    )
    github_client_id: str = Field(default="", description="the client id of the GitHub OAuth app.")
    github_client_secret: SecretStr | None = Field(default=None, description="its secret.")
    github_organizations: Words = Field(
        default=(), description="GitHub organisations whose members may sign in; empty for everybody at GitHub."
    )
    github_url: str = Field(default="https://github.com", description="GitHub, or your GitHub Enterprise Server.")
    google_client_id: str = Field(default="", description="the client id of this server at Google.")
    google_client_secret: SecretStr | None = Field(default=None, description="its secret.")
    oidc_issuer: str = Field(default="", description="the issuer of any other OpenID provider, as its discovery says.")
    oidc_client_id: str = Field(default="", description="the client id of this server there.")
    oidc_client_secret: SecretStr | None = Field(default=None, description="its secret; empty for a public client.")
    oidc_scopes: Words = Field(default=("openid", "email", "profile"), description="the scopes to ask it for.")
    oidc_title: str = Field(default="your company", max_length=60, description="how sign-in pages call it.")

    @field_validator(
        "auth",
        "auth_redirect_schemes",
        "auth_allowed_domains",
        "auth_allowed_claims",
        "auth_operators",
        "github_organizations",
        "oidc_scopes",
        mode="before",
    )
    @classmethod
    def _split(cls, value: object) -> object:
        return words(value)

    @field_validator("auth")
    @classmethod
    def _known(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if value == (OFF,):
            return value
        if unknown := [name for name in value if name not in PROVIDERS]:
            raise ValueError(f"{unknown[0]!r} is none of off, {', '.join(PROVIDERS)}")
        if not value or len(set(value)) < len(value):
            raise ValueError("name each provider once")
        return value

    @field_validator("auth_redirect_schemes")
    @classmethod
    def _schemes(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for scheme in value:
            if not re.fullmatch(r"[a-z][a-z0-9+.\-]{1,40}", scheme) or scheme in _NEVER:
                raise ValueError(f"{scheme!r} is not a private-use scheme")
        return value

    @field_validator("auth_allowed_claims")
    @classmethod
    def _claims(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if wrong := [each for each in value if not all(each.partition("=")[::2])]:
            raise ValueError(f"{wrong[0]!r} is not of the form claim=value")
        return value

    @field_validator("github_url", "oidc_issuer")
    @classmethod
    def _address(cls, value: str) -> str:
        if value and not (_SAFE_URL.fullmatch(value) and has_host(value)):
            raise ValueError("it must be an https:// address of letters, digits and . - _ / : ~ %")
        return value

    @field_validator("auth0_domain")
    @classmethod
    def _domain(cls, value: str) -> str:
        if value and not re.fullmatch(r"[A-Za-z0-9.\-]+(:[0-9]+)?", value):
            raise ValueError("it must be a host name")
        return value

    def is_on(self) -> bool:
        return self.auth != (OFF,)

    def callback_path(self, provider: str) -> str:
        """Where a provider sends people back to."""
        return self.auth0_callback if provider == "auth0" else f"/oauth/callback/{provider}"

    def check(self) -> None:
        """SettingsError when a provider lacks what it needs."""
        needed = {
            "auth0": ("auth0_domain", "auth0_client_id", "auth0_client_secret"),
            "github": ("github_client_id", "github_client_secret"),
            "google": ("google_client_id", "google_client_secret"),
            "oidc": ("oidc_issuer", "oidc_client_id"),
        }
        for provider in self.auth:
            for name in needed.get(provider, ()):
                if not getattr(self, name):
                    variable = f"MCP_{name}".upper()
                    description = type(self).model_fields[name].description
                    raise SettingsError(f"MCP_AUTH names {provider}, and {variable} is not set. It sets: {description}")


_NEVER: Final = frozenset({"javascript", "data", "vbscript", "file", "blob", "about", "http", "https", "ws", "wss"})
