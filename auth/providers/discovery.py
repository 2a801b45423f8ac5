"""What an OpenID provider says of itself: its endpoints and its keys, read as if it were not to be trusted."""

import asyncio
import re
import time
from collections.abc import Mapping
from typing import Any, Final, cast

import httpx2
import msgspec
import structlog
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry, Key, KeySet

from auth.providers.provider import ProviderFailed

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
                found = await get_json(f"{self._issuer.rstrip('/')}/.well-known/openid-configuration")
                if found.get("issuer") != self._issuer:
                    raise ProviderFailed("The identity provider calls itself by another name than the configured one.")
                for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
                    check_endpoint(str(found.get(name, "")), self._issuer)
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
                self._keys = key_set(await get_json(uri))
                self._keys_at = time.monotonic()
            return self._keys


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


async def get_json(url: str, *, token: str | None = None) -> dict[str, Any]:
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


def check_endpoint(url: str, issuer: str) -> None:
    """https, unless the issuer itself is plain (a provider on this machine)."""
    if not _SAFE_URL.fullmatch(url) or not (url.startswith("https://") or issuer.startswith("http://")):
        raise ProviderFailed("The identity provider names an address that is not https.")
