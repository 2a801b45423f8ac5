"""Finding the client that a request names: registered here, or described by its own document."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final, cast

import msgspec
from authlib.oauth2.rfc6749.util import (
    extract_basic_authorization,  # pyright: ignore[reportUnknownVariableType]  # untyped
)
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from auth.client_documents import ClientDocuments, is_document_id
from auth.fetch import BadDocument, TooOften
from auth.form import Form
from auth.refusal import OAuthRefused
from storage.clients import Client, ClientStore
from storage.signins import SignInStore

ASSERTION: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
LONGEST_ASSERTION: Final = timedelta(minutes=10)
ASSERTION_ALGORITHMS: Final = ("ES256", "RS256", "PS256", "Ed25519")
_LEEWAY: Final = 30


@dataclass(frozen=True, kw_only=True)
class Clients:
    store: ClientStore
    documents: ClientDocuments
    signins: SignInStore
    issuer: str
    own: Mapping[str, Client] = field(default_factory=dict[str, Client])
    """Those of our settings, by their ids."""

    async def find(self, client_id: str, caller: str) -> Client | None:
        """The client, or None when there is none; BadDocument when its document is no good.

        *caller* is who makes us ask for a document.
        """
        if is_document_id(client_id):
            return await self.documents.find(client_id, caller)
        return self.own.get(client_id) or await self.store.find(client_id)

    async def of_request(self, form: Form, headers: Mapping[str, str], caller: str) -> tuple[Client | None, bool]:
        """The client a back-channel request names, and whether it proved itself by an assertion."""
        client_id = _named(form, headers)
        assertion = form.get("client_assertion")
        if assertion is not None:
            client_id = client_id or _subject(assertion)
        if not client_id:
            return None, False
        try:
            client = await self.find(client_id, caller)
            if client is None or assertion is None or form.get("client_assertion_type") != ASSERTION:
                return client, False
            jwks = await self._keys(client, assertion, caller)
        except TooOften as error:
            later = {"retry-after": str(error.wait)}
            raise OAuthRefused("temporarily_unavailable", _unusable(error), status=429, headers=later) from None
        except BadDocument as error:
            raise OAuthRefused("invalid_client", _unusable(error), status=401) from None
        return client, jwks is not None and await self._is_proven(client, form, jwks)

    async def _keys(self, client: Client, assertion: str, caller: str) -> dict[str, Any] | None:
        if not client.jwks_uri or _subject(assertion) != client.id:
            return client.jwks
        return await self.documents.keys_at(client.jwks_uri, caller, having=_key_id(assertion))

    async def _is_proven(self, client: Client, form: Form, jwks: dict[str, Any]) -> bool:
        """RFC 7523 3: signed by the client's key, by and about it, for us, soon over, never seen before."""
        try:
            keys = KeySet.import_key_set(jwks)  # pyright: ignore[reportArgumentType]  # what it registered
            claims = jwt.decode(form["client_assertion"], keys, algorithms=list(ASSERTION_ALGORITHMS)).claims
        except (JoseError, ValueError, KeyError, TypeError):
            return False
        now = time.time()
        expires, jti = claims.get("exp"), claims.get("jti")
        audience, begins = claims.get("aud"), claims.get("nbf", now)
        audiences = [each for each in _listed(audience) if isinstance(each, str)]
        good = (
            claims.get("iss") == claims.get("sub") == client.id
            and bool({self.issuer, f"{self.issuer}/oauth/token"} & set(audiences))
            and isinstance(expires, int | float)
            and now - _LEEWAY < expires <= now + LONGEST_ASSERTION.total_seconds() + _LEEWAY
            and isinstance(begins, int | float)
            and begins <= now + _LEEWAY
            and isinstance(jti, str)
            and bool(jti)
        )
        return good and await self.signins.use_assertion(client.id, str(jti), LONGEST_ASSERTION + timedelta(minutes=2))


def _named(form: Form, headers: Mapping[str, str]) -> str | None:
    """The client that the form or the header names; OAuthRefused when they name two (RFC 6749 2.3)."""
    try:
        user: Any = extract_basic_authorization({"Authorization": headers.get("authorization", "")})[0]
    except ValueError:
        raise OAuthRefused(
            "invalid_client", "The Authorization header is not Basic as RFC 7617 has it", status=401
        ) from None
    in_header, in_form = user if isinstance(user, str) else None, form.get("client_id")
    if in_header is not None and in_form not in (None, in_header):
        raise OAuthRefused("invalid_client", "The header names one client and client_id another", status=401)
    return in_form or in_header


def _listed(value: object) -> list[object]:
    return cast("list[object]", value) if isinstance(value, list) else [value]


def _unusable(error: BadDocument) -> str:
    return f"The client's document cannot be used: {error}"


def _key_id(assertion: str) -> object:
    """The key that an assertion says it is signed with, before it is believed."""
    try:
        return jws.extract_compact(assertion.encode()).headers().get("kid")
    except (JoseError, ValueError):
        return None


def _subject(assertion: str) -> str | None:
    """Whom an assertion is about, before it is believed."""
    try:
        payload = msgspec.json.decode(jws.extract_compact(assertion.encode()).payload, type=dict[str, Any])
    except (JoseError, ValueError, msgspec.MsgspecError):
        return None
    subject = payload.get("sub")
    return subject if isinstance(subject, str) else None
