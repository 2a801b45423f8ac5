"""Any OpenID provider, by discovery: Auth0, Google, Keycloak, Entra ID and the rest."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode

import msgspec
import structlog
from authlib.integrations.base_client import OAuthError  # pyright: ignore[reportMissingTypeStubs, reportUnknownVariableType]
from authlib.integrations.httpx_client import (  # pyright: ignore[reportMissingTypeStubs, reportUnknownVariableType]
    AsyncOAuth2Client,
)

from auth.id_token import BadToken, Expected, verify
from auth.identity import Identity
from auth.pkce import challenge_for
from auth.providers.discovery import TIMEOUT, UNREADABLE, Discovery, check_endpoint, get_json
from auth.providers.provider import Leg, ProviderFailed

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Registered:
    """How a provider knows us."""

    issuer: str
    client_id: str
    client_secret: str | None = field(repr=False)
    scopes: Sequence[str] = ("openid", "email", "profile")
    extra: Mapping[str, str] = field(default_factory=dict[str, str])
    """Further parameters of the authorization request, as Auth0's `audience`."""


@dataclass(frozen=True, kw_only=True)
class OpenIdProvider:
    name: str
    title: str
    registered: Registered
    discovery: Discovery

    async def look(self) -> str:
        document = await self.discovery.document()
        keys = len((await self.discovery.keys()).keys)
        return f"{document['issuer']} answers, with {keys} key{'' if keys == 1 else 's'}"

    async def authorization_url(self, leg: Leg) -> str:
        document = await self.discovery.document()
        challenge = challenge_for(leg.code_verifier)
        parameters = {
            **self.registered.extra,
            "response_type": "code",
            "client_id": self.registered.client_id,
            "redirect_uri": leg.redirect_uri,
            "scope": " ".join(self.registered.scopes),
            "state": leg.state,
            "nonce": leg.nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        endpoint = str(document["authorization_endpoint"])
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(parameters)}"

    async def check_issuer(self, answer: Mapping[str, str]) -> None:
        document = await self.discovery.document()
        given = answer.get("iss")
        if given is not None and given != self.registered.issuer:
            raise ProviderFailed("The answer came from another identity provider.")
        if given is None and document.get("authorization_response_iss_parameter_supported"):
            # RFC 9207 2.4: who says that it sends its name must have sent it.
            raise ProviderFailed("The answer does not say which identity provider it came from.")

    async def identify(self, leg: Leg, answer: Mapping[str, str]) -> Identity:
        document = await self.discovery.document()
        tokens = await self._exchange(document, leg, answer.get("code", ""))
        claims = await self._claims(tokens, leg)
        claims = merged(claims, await self._userinfo(document, tokens))
        email = str(claims.get("email", "")) if claims.get("email_verified") in (True, "true") else ""
        return Identity(
            issuer=self.registered.issuer,
            subject=claims["sub"],
            name=email or str(claims.get("preferred_username") or claims.get("name") or claims["sub"]),
            email=email,
            claims=claims,
            upstream=msgspec.json.encode({name: tokens[name] for name in _KEPT if name in tokens}),
        )

    async def refresh(self, upstream: bytes) -> bytes | None:
        kept = msgspec.json.decode(upstream or b"{}", type=dict[str, Any])
        if not kept.get("refresh_token"):
            return None
        try:
            document = await self.discovery.document()
        except ProviderFailed:
            # A provider that cannot be asked has not said no.
            return None
        async with self._http(document) as http:
            try:
                tokens: dict[str, Any] = await http.refresh_token(
                    str(document["token_endpoint"]), refresh_token=kept["refresh_token"]
                )
            except OAuthError as error:
                if error.error == "invalid_grant":
                    raise ProviderFailed("The identity provider has ended this sign-in.") from error
                return None
            except UNREADABLE:
                return None
        return msgspec.json.encode(kept | {name: tokens[name] for name in _KEPT if name in tokens})

    async def revoke(self, upstream: bytes) -> None:
        kept = msgspec.json.decode(upstream or b"{}", type=dict[str, Any])
        hint = "refresh_token" if kept.get("refresh_token") else "access_token"
        try:
            document = await self.discovery.document()
            endpoint = str(document.get("revocation_endpoint", ""))
            if not endpoint or not kept.get(hint):
                return
            check_endpoint(endpoint, self.registered.issuer)
            async with self._http(document) as http:
                answer = await http.revoke_token(endpoint, token=kept[hint], token_type_hint=hint)
            log.info("told the provider that a sign-in is over", provider=self.name, status=answer.status_code)
        except (ProviderFailed, OAuthError, *UNREADABLE) as error:
            log.warning("could not tell the provider", provider=self.name, error=type(error).__name__)

    async def _exchange(self, document: Mapping[str, Any], leg: Leg, code: str) -> dict[str, Any]:
        if not code:
            raise ProviderFailed("The identity provider sent nobody: it gave no code.")
        async with self._http(document) as http:
            try:
                return dict(
                    await http.fetch_token(
                        str(document["token_endpoint"]),
                        grant_type="authorization_code",
                        code=code,
                        redirect_uri=leg.redirect_uri,
                        code_verifier=leg.code_verifier,
                    )
                )
            except (OAuthError, *UNREADABLE) as error:
                raise ProviderFailed("The identity provider did not confirm the sign-in.") from error

    async def _claims(self, tokens: Mapping[str, Any], leg: Leg) -> dict[str, Any]:
        token, access = str(tokens.get("id_token", "")), tokens.get("access_token")
        expected = Expected(
            issuer=self.registered.issuer,
            client_id=self.registered.client_id,
            nonce=leg.nonce,
            now=int(time.time()),
        )
        for again in (False, True):
            keys = await self.discovery.keys(again=again)
            try:
                return verify(token, keys, expected, access_token=str(access) if access else None)
            except BadToken as error:
                # A key that we have not seen may be a new one: look once more.
                if again or "signature" not in str(error):
                    raise ProviderFailed(f"The identity provider's token is not believed: {error}.") from error
        raise AssertionError("unreachable")

    async def _userinfo(self, document: Mapping[str, Any], tokens: Mapping[str, Any]) -> dict[str, Any]:
        """OpenID Connect Core 5.3: providers may keep e-mail and groups out of the ID token. Nothing when it fails."""
        endpoint, access = str(document.get("userinfo_endpoint", "")), tokens.get("access_token")
        if not endpoint or not access:
            return {}
        try:
            check_endpoint(endpoint, self.registered.issuer)
            return await get_json(endpoint, token=str(access))
        except ProviderFailed:
            log.warning("userinfo unavailable", provider=self.name)
            return {}

    def _http(self, document: Mapping[str, Any]) -> Any:  # noqa: ANN401  # Authlib ships no types
        return AsyncOAuth2Client(
            client_id=self.registered.client_id,
            client_secret=self.registered.client_secret,
            token_endpoint_auth_method=_auth_method(document, self.registered.client_secret),
            timeout=TIMEOUT,
            follow_redirects=False,
        )


_KEPT: Final = ("access_token", "refresh_token", "expires_at")


def merged(claims: Mapping[str, Any], userinfo: Mapping[str, Any]) -> dict[str, Any]:
    """An ID token's claims and what userinfo adds: of the same subject, or nothing (OpenID Connect Core 5.3.2)."""
    if userinfo.get("sub") != claims["sub"]:
        return dict(claims)
    found = {**userinfo, **claims}
    # An address is verified only by what names it, and the token is signed.
    naming = [each for each in (claims, userinfo) if each.get("email") == found.get("email")]
    found["email_verified"] = next((each["email_verified"] for each in naming if "email_verified" in each), None)
    return found


def _auth_method(document: Mapping[str, Any], secret: str | None) -> str:
    """OpenID Connect Discovery 3: who lists no methods takes client_secret_basic."""
    if not secret:
        return "none"
    listed = document.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
    return "client_secret_post" if "client_secret_post" in listed else "client_secret_basic"
