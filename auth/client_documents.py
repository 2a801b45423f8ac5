"""Client ID Metadata Documents: a client's id is the https address of what it says of itself.

Documents, and the keys that they refer to, are kept for every replica; how they are fetched is told in `auth.fetch`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, cast

import msgspec

from auth import redirects
from auth.fetch import LONGEST, MOST_BYTES, BadDocument, Fetch, NotNow, TooOften, check_url
from auth.registration import shown_name
from storage import keys
from storage.clients import Client
from storage.connection import Redis
from storage.rate import Rate, RateLimiter

FAILED: Final = timedelta(seconds=60)
"""How long it is kept that there was no good document: not what was answered, but that it is not asked again."""
KEYS_AGAIN: Final = Rate(1, FAILED)
"""How often keys that are fresh are fetched all the same, because an assertion names one that is not among them."""
MOST_KEY_BYTES: Final = 16 * 1024
MOST_KEYS: Final = 20
_PUBLIC: Final = frozenset({"EC", "RSA", "OKP"})
_PRIVATE: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_SHARED: Final = frozenset({"client_secret", "client_secret_expires_at"})


def is_document_id(client_id: str) -> bool:
    """Whether an id is an address at all; a good one or not is another question."""
    return client_id.startswith(("https://", "http://"))


def read(client_id: str, document: object, *, schemes: Sequence[str]) -> Client:
    """The client a document describes; BadDocument unless it is complete and its own.

    draft-ietf-oauth-client-id-metadata-document-02 4; the three fields are what MCP asks for.
    """
    if not isinstance(document, dict):
        raise BadDocument("it is not a JSON object")
    fields = cast("dict[str, Any]", document)
    if fields.get("client_id") != client_id:
        raise BadDocument("its client_id is not its address")
    method = fields.get("token_endpoint_auth_method", "none")
    if _SHARED & fields.keys() or method not in ("none", "private_key_jwt"):
        raise BadDocument("a client with a document can have no shared secret")
    if not isinstance(fields.get("client_name"), str) or not fields["client_name"].strip():
        raise BadDocument("it has no client_name")
    uris = fields.get("redirect_uris")
    if not isinstance(uris, list) or not uris or len(cast("list[object]", uris)) > redirects.MOST:
        raise BadDocument("redirect_uris must list 1 to 10 URIs")
    for uri in cast("list[object]", uris):
        try:
            redirects.check(uri if isinstance(uri, str) else "", schemes=schemes)
        except redirects.BadRedirect as error:
            raise BadDocument(str(error)) from None
    jwks, jwks_uri = _keys(fields, needed=method == "private_key_jwt")
    return Client(
        id=client_id,
        name=shown_name(fields["client_name"]),
        redirect_uris=tuple(cast("list[str]", uris)),
        auth_method=method,
        jwks=jwks,
        origin="document",
        jwks_uri=jwks_uri,
    )


def read_keys(document: object) -> dict[str, Any]:
    """A set of public keys (RFC 7517 5); BadDocument when there is anything else in it."""
    fields = cast("dict[str, Any]", document) if isinstance(document, dict) else {}
    found = fields.get("keys")
    if not isinstance(found, list) or not 0 < len(cast("list[object]", found)) <= MOST_KEYS:
        raise BadDocument(f"a key set must have 1 to {MOST_KEYS} keys")
    for key in cast("list[object]", found):
        if not isinstance(key, dict) or cast("dict[str, Any]", key).get("kty") not in tuple(_PUBLIC):
            raise BadDocument("a key set must hold public keys, of the types EC, RSA and OKP")
        if _PRIVATE & cast("dict[str, Any]", key).keys():
            # Draft 4.1: whoever publishes it has lost it.
            raise BadDocument("a key set must hold no private key")
    return {"keys": found}


def _keys(fields: dict[str, Any], *, needed: bool) -> tuple[dict[str, Any] | None, str]:
    """The client's keys, or where they are (RFC 7591 2: not both)."""
    jwks, jwks_uri = fields.get("jwks"), fields.get("jwks_uri")
    if jwks is not None and jwks_uri is not None:
        raise BadDocument("it must have jwks or jwks_uri, not both")
    if needed and jwks is None and jwks_uri is None:
        raise BadDocument("a client that proves itself by private_key_jwt needs jwks or jwks_uri")
    if jwks is not None:
        return read_keys(jwks), ""
    if not needed or jwks_uri is None:
        return None, ""
    check_url(jwks_uri if isinstance(jwks_uri, str) else "")
    return None, cast("str", jwks_uri)


@dataclass(frozen=True, kw_only=True)
class ClientDocuments:
    """Fetched documents, kept as long as their headers say, within bounds."""

    redis: Redis
    schemes: Sequence[str]
    fetch: Fetch

    async def find(self, client_id: str, caller: str) -> Client:
        """The client with this address for its id, as *caller* asks for; BadDocument when it is none."""

        def read_it(document: object) -> Client:
            return read(client_id, document, schemes=self.schemes)

        check_url(client_id)
        name = keys.document(client_id)
        stored = await self._kept(name) or await self._anew(name, client_id, caller, read_it, MOST_BYTES)
        return msgspec.json.decode(stored, type=Client)

    async def keys_at(self, url: str, caller: str, *, having: object) -> dict[str, Any]:
        """The keys at a client's `jwks_uri`; fetched again when none has the id *having*, so that keys may change."""
        name = keys.key_set(url)
        stored = await self._kept(name)
        if stored is not None:
            found = msgspec.json.decode(stored, type=dict[str, Any])
            if having is None or having in [key.get("kid") for key in found["keys"]]:
                return found
            if (await RateLimiter(self.redis, KEYS_AGAIN).take(f"keys:{url}")).wait:
                return found
        return msgspec.json.decode(await self._anew(name, url, caller, read_keys, MOST_KEY_BYTES), type=dict[str, Any])

    async def _kept(self, name: str) -> bytes | None:
        stored = await self.redis.get(name)
        if stored is not None and stored.startswith(b"!"):
            raise BadDocument(stored[1:].decode())
        return stored

    # Two replicas may fetch at once: each stores what it got, and the last one holds.
    async def _anew(self, name: str, url: str, caller: str, read_it: Callable[[object], object], most: int) -> bytes:
        lasting = keys.last_good(name)
        try:
            fetched = await self.fetch.get(url, caller, most=most)
            value = msgspec.json.encode(read_it(fetched.document))
        except NotNow as error:
            return await self._once_more(name, error)
        except BadDocument as error:
            await self.redis.delete(lasting)
            await self._fail(name, error)
            raise
        await self.redis.set(name, value, ex=fetched.fresh)
        if fetched.lasting:
            await self.redis.set(lasting, value, ex=LONGEST)
        else:
            await self.redis.delete(lasting)
        return value

    async def _once_more(self, name: str, error: NotNow) -> bytes:
        """The last good copy, in place of one that could not be had."""
        value = await self.redis.get(keys.last_good(name))
        if isinstance(error, TooOften):
            # Kept nowhere: what one caller may not have is not refused to the others.
            if value is None:
                raise error
            return value
        if value is None:
            await self._fail(name, error)
            raise error
        await self.redis.set(name, value, ex=FAILED)
        return value

    async def _fail(self, name: str, error: BadDocument) -> None:
        await self.redis.set(name, b"!" + str(error).encode(), ex=FAILED)
