"""Client ID Metadata Documents: a client's id is the https address of what it says of itself.

The document is fetched for a stranger, so the fetch trusts nothing: https and a plain path, every address of the host
public, the connection to the very address that was checked, no redirects, little, soon.
"""

import asyncio
import re
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, cast

import httpx2
import msgspec

from auth import redirects
from auth.addresses import is_public
from auth.registration import shown_name
from storage import keys
from storage.clients import Client
from storage.connection import Redis
from storage.rate import Rate, RateLimiter

MOST_BYTES: Final = 5 * 1024
TIMEOUT: Final = 5.0
SHORTEST, LONGEST, FAILED = timedelta(minutes=5), timedelta(hours=24), timedelta(seconds=60)
"""How long a document is kept, whatever its headers say; and that there was none."""
FETCHES: Final = Rate(10, timedelta(minutes=1))
"""Of one host (attack A34)."""
_ID: Final = re.compile(
    r"https://([A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?)(/[A-Za-z0-9\-._~!$&'()+,;=:@%/]*)(\?[^#]*)?"
)
_MAX_AGE: Final = re.compile(r"max-age=([0-9]{1,9})")

Resolve = Callable[[str], Awaitable[Sequence[str]]]


class BadDocument(Exception):
    """Why a client's document cannot be used, in words."""


def is_document_id(client_id: str) -> bool:
    """Whether an id is an address at all; a good one or not is another question."""
    return client_id.startswith(("https://", "http://"))


def check_id(client_id: str) -> tuple[str, str]:
    """Host and path of a client id (draft-ietf-oauth-client-id-metadata-document 3); BadDocument otherwise."""
    found = _ID.fullmatch(client_id)
    if not found or len(client_id) > redirects.LONGEST:
        raise BadDocument("a client id that is an address must be https, with a host name and a path, and no port")
    if found[2] == "/" or any(part in (".", "..") for part in found[2].split("/")):
        raise BadDocument("a client id that is an address must have a path, without dots as segments")
    if found[1].rpartition(".")[2].isdigit():
        raise BadDocument("a client id must name its host, not number it")
    return found[1].lower(), found[2] + (found[3] or "")


def read(client_id: str, document: object, *, schemes: Sequence[str]) -> Client:
    """The client a document describes; BadDocument unless it is complete and its own."""
    if not isinstance(document, dict):
        raise BadDocument("the document is not a JSON object")
    fields = cast("dict[str, Any]", document)
    if fields.get("client_id") != client_id:
        raise BadDocument("the document's client_id is not its address")
    if "client_secret" in fields or fields.get("token_endpoint_auth_method", "none") not in ("none", "private_key_jwt"):
        raise BadDocument("a client with a document can have no shared secret")
    uris = fields.get("redirect_uris")
    if not isinstance(uris, list) or not uris or len(cast("list[object]", uris)) > redirects.MOST:
        raise BadDocument("redirect_uris must list 1 to 10 URIs")
    for uri in cast("list[object]", uris):
        try:
            redirects.check(uri if isinstance(uri, str) else "", schemes=schemes)
        except redirects.BadRedirect as error:
            raise BadDocument(str(error)) from None
    jwks = fields.get("jwks")
    method = "private_key_jwt" if fields.get("token_endpoint_auth_method") == "private_key_jwt" else "none"
    return Client(
        id=client_id,
        name=shown_name(fields.get("client_name")),
        redirect_uris=tuple(cast("list[str]", uris)),
        auth_method=method,
        jwks=cast("dict[str, Any]", jwks) if isinstance(jwks, dict) else None,
        origin="document",
    )


@dataclass(frozen=True, kw_only=True)
class ClientDocuments:
    """Fetched documents, kept as long as their headers say, within bounds."""

    redis: Redis
    schemes: Sequence[str]
    limiter: RateLimiter
    resolve: Resolve | None = None
    """How a name becomes addresses; None for the system's way."""
    verify: Any = True
    """What certificates are trusted; for tests, which cannot have one from a public authority."""
    port: int = 443

    async def find(self, client_id: str) -> Client:
        """The client with this address for its id; BadDocument, which is remembered for a minute, when it is none."""
        host, path = check_id(client_id)
        stored = await self.redis.get(keys.document(client_id))
        if stored is not None:
            if stored.startswith(b"!"):
                raise BadDocument(stored[1:].decode())
            return msgspec.json.decode(stored, type=Client)
        if (await self.limiter.take(f"document:{host}")).wait:
            raise BadDocument("its host was asked too often: try again in a minute")
        try:
            async with asyncio.timeout(TIMEOUT):
                document, fresh = await self._fetch(host, path)
            client = read(client_id, document, schemes=self.schemes)
        except TimeoutError:
            await self._keep(client_id, b"!its document took too long", FAILED)
            raise BadDocument("its document took too long") from None
        except BadDocument as error:
            await self._keep(client_id, b"!" + str(error).encode(), FAILED)
            raise
        await self._keep(client_id, msgspec.json.encode(client), fresh)
        return client

    async def _keep(self, client_id: str, value: bytes, keep: timedelta) -> None:
        await self.redis.set(keys.document(client_id), value, ex=keep)

    async def _fetch(self, host: str, path: str) -> tuple[object, timedelta]:
        addresses = await (self.resolve or _resolve)(host)
        if not addresses or not all(is_public(each) for each in addresses):
            raise BadDocument("its host is not on the public internet")
        address = addresses[0]
        target = f"[{address}]" if ":" in address else address
        # The address that was checked is the one we connect to; the certificate must still be the host's.
        request = httpx2.Request(
            "GET",
            f"https://{target}:{self.port}{path}",
            headers={"host": host, "accept": "application/json", "accept-encoding": "identity"},
            extensions={"sni_hostname": host, "timeout": httpx2.Timeout(TIMEOUT).as_dict()},
        )
        try:
            async with httpx2.AsyncClient(verify=self.verify, follow_redirects=False, trust_env=False) as http:
                response = await http.send(request, stream=True)
                try:
                    body = await _body(response)
                finally:
                    await response.aclose()
        except httpx2.HTTPError:
            raise BadDocument("its document cannot be fetched") from None
        try:
            return msgspec.json.decode(body), _fresh_for(response.headers)
        except (msgspec.DecodeError, RecursionError):
            raise BadDocument("its document is not JSON") from None


async def _body(response: httpx2.Response) -> bytes:
    if response.status_code != 200:  # noqa: PLR2004  # RFC 9110
        raise BadDocument(f"its address answered {response.status_code}")
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):
        raise BadDocument("its document is not application/json")
    if response.headers.get("content-encoding", "identity") != "identity":
        raise BadDocument("its document is compressed")
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > MOST_BYTES:
            raise BadDocument(f"its document has more than {MOST_BYTES} bytes")
    return bytes(body)


def _fresh_for(headers: Mapping[str, str]) -> timedelta:
    control = headers.get("cache-control", "").lower()
    found = _MAX_AGE.search(control)
    asked = timedelta(seconds=int(found[1])) if found and "no-store" not in control else SHORTEST
    return min(LONGEST, max(SHORTEST, asked))


async def _resolve(host: str) -> list[str]:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, 443, type=socket.SOCK_STREAM)
    except OSError:
        raise BadDocument("its host is not known") from None
    return [str(each[4][0]) for each in found]
