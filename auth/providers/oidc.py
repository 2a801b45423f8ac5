"""Any OpenID provider, by discovery: Auth0, Google, Keycloak, Entra ID and the rest."""

import asyncio
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, cast
from urllib.parse import urlencode

import httpx2
import msgspec
import structlog
from authlib.integrations.base_client import OAuthError  # pyright: ignore[reportMissingTypeStubs, reportUnknownVariableType]
from authlib.integrations.httpx_client import (  # pyright: ignore[reportMissingTypeStubs, reportUnknownVariableType]
    AsyncOAuth2Client,
)
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry, Key, KeySet

from auth.id_token import BadToken, Expected, verify
from auth.identity import Identity
from auth.pkce import challenge_for
from auth.providers.provider import Leg, ProviderFailed

FRESH_FOR: Final = 3600
"""Seconds that a provider's discovery document and keys are kept."""
ASK_AGAIN_AFTER: Final = 60
"""Seconds between two looks for a key that was not there (attack A30)."""
TIMEOUT: Final = httpx2.Timeout(10)
LONGEST: Final = 512 * 1024
"""Bytes of an answer, unpacked."""
UNREADABLE: Final = (httpx2.HTTPError, ValueError, TypeError, RecursionError)
"""What reading an answer may come to, whatever the answer is."""
_SAFE_URL: Final = re.compile(
    r"https?://([A-Za-z0-9.\-_]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?(/[A-Za-z0-9.\-_~%:@/]*)?(\?[A-Za-z0-9.\-_~%=&+:/]*)?"
)
"""Where a provider may send us and people: nothing that a header or a shell would read otherwise (attack A39)."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Registered:
    """How a provider knows us."""

    issuer: str
    client_id: str
    client_secret: str | None
    scopes: Sequence[str] = ("openid", "email", "profile")
    extra: Mapping[str, str] = field(default_factory=dict[str, str])
    """Further parameters of the authorization request, as Auth0's `audience`."""


class Discovery:
    """A provider's endpoints and keys, fetched when they are needed and kept for a while."""

    def __init__(self, issuer: str) -> None:
        self._issuer = issuer
        self._document: dict[str, Any] = {}
        self._keys: KeySet | None = None
        self._document_at = self._keys_at = self._again_at = float("-inf")
        self._lock = asyncio.Lock()

    async def document(self) -> Mapping[str, Any]:
        """OpenID Connect Discovery 4; ProviderFailed when it is not there, or not this issuer's."""
        async with self._lock:
            if time.monotonic() - self._document_at > FRESH_FOR:
                found = await _get_json(f"{self._issuer.rstrip('/')}/.well-known/openid-configuration")
                if found.get("issuer") != self._issuer:
                    raise ProviderFailed("The identity provider calls itself by another name than the configured one.")
                for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
                    _check_endpoint(str(found.get(name, "")), self._issuer)
                self._document, self._document_at = found, time.monotonic()
        return self._document

    async def keys(self, *, again: bool = False) -> KeySet:
        """The provider's keys; *again* looks for new ones, unless somebody looked for some just now."""
        uri = str((await self.document())["jwks_uri"])
        async with self._lock:
            now = time.monotonic()
            look = again and now - self._again_at > ASK_AGAIN_AFTER
            if look:
                # Before the look: one that fails is not repeated at once either.
                self._again_at = now
            if self._keys is None or look or now - self._keys_at > FRESH_FOR:
                self._keys = key_set(await _get_json(uri))
                self._keys_at = time.monotonic()
            return self._keys


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

    async def identify(self, leg: Leg, answer: Mapping[str, str]) -> Identity:
        document = await self.discovery.document()
        given = answer.get("iss")
        if given is not None and given != self.registered.issuer:
            raise ProviderFailed("The answer came from another identity provider.")
        if given is None and document.get("authorization_response_iss_parameter_supported"):
            # RFC 9207 2.4: who says that it sends its name must have sent it.
            raise ProviderFailed("The answer does not say which identity provider it came from.")
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
            _check_endpoint(endpoint, self.registered.issuer)
            return await _get_json(endpoint, token=str(access))
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


def key_set(document: Mapping[str, Any]) -> KeySet:
    """The keys of a JWK set that we understand (RFC 7517 5); ProviderFailed when there is none."""
    listed = document.get("keys")
    found: list[Key] = []
    for each in cast("list[Any]", listed) if isinstance(listed, list) else []:
        try:
            found.append(JWKRegistry.import_key(each))
        except (JoseError, ValueError, KeyError, TypeError, AttributeError):
            log.debug("a key that is not understood")
    if not found:
        raise ProviderFailed("The identity provider's keys cannot be read.")
    return KeySet(found)


def _auth_method(document: Mapping[str, Any], secret: str | None) -> str:
    """OpenID Connect Discovery 3: who lists no methods takes client_secret_basic."""
    if not secret:
        return "none"
    listed = document.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
    return "client_secret_post" if "client_secret_post" in listed else "client_secret_basic"


async def _get_json(url: str, *, token: str | None = None) -> dict[str, Any]:
    try:
        async with httpx2.AsyncClient(timeout=TIMEOUT, follow_redirects=False) as http:
            bearer = {"authorization": f"Bearer {token}"} if token else {}
            async with http.stream("GET", url, headers={"accept": "application/json", **bearer}) as answer:
                body = await _read(answer) if answer.status_code == 200 else None  # noqa: PLR2004  # RFC 9110
        if body is None:
            raise ProviderFailed("The identity provider cannot be asked who it is just now.")
        return msgspec.json.decode(body, type=dict[str, Any])
    except (*UNREADABLE, httpx2.InvalidURL) as error:
        raise ProviderFailed("The identity provider cannot be reached just now.") from error


async def _read(answer: httpx2.Response) -> bytes | None:
    """The body, or None as soon as it is too long to be believed."""
    body = bytearray()
    async for part in answer.aiter_bytes():
        body += part
        if len(body) > LONGEST:
            return None
    return bytes(body)


def _check_endpoint(url: str, issuer: str) -> None:
    """https, unless the issuer itself is plain (a provider on this machine)."""
    if not _SAFE_URL.fullmatch(url) or not (url.startswith("https://") or issuer.startswith("http://")):
        raise ProviderFailed("The identity provider names an address that is not https.")
