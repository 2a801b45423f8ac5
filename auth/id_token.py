"""Verifying an ID token (OpenID Connect Core 3.1.3.7), with nothing left to what the token says of itself."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

ALGORITHMS: Final = ("RS256", "ES256", "PS256", "RS384", "ES384", "PS384", "RS512", "ES512", "PS512", "Ed25519")
"""Signatures by a private key; never `none`, never a shared secret."""
LEEWAY: Final = 60
"""Seconds that clocks may differ."""
_HASHES: Final = {"256": hashlib.sha256, "384": hashlib.sha384, "512": hashlib.sha512, "519": hashlib.sha512}


class BadToken(ValueError):
    """Why an ID token is not believed."""


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What a token must be: whose, for whom, for which sign-in; *now* is seconds since the epoch."""

    issuer: str
    client_id: str
    nonce: str
    now: int


def verify(token: str, keys: KeySet, expected: Expected, *, access_token: str | None = None) -> dict[str, Any]:
    """The claims of *token*; BadToken unless it was signed by one of *keys*, for us, for this sign-in."""
    try:
        # A `crit` header, an embedded `jwk` or a `jku` is nothing joserfc would follow: the key is one of ours.
        decoded = jwt.decode(token, keys, algorithms=list(ALGORITHMS))
    except (JoseError, ValueError, KeyError, TypeError, RecursionError):
        raise BadToken("its signature is not the provider's") from None
    if unknown := set(decoded.header) - {"alg", "kid", "typ", "x5t", "x5t#S256"}:
        raise BadToken(f"its header holds {min(unknown)}")
    claims: dict[str, Any] = dict(decoded.claims)
    try:
        json.dumps(claims, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        # Half a surrogate pair is no character, and could be written nowhere.
        raise BadToken("it holds what is no text") from None
    _check_audience(claims, expected)
    _check_claims(claims, expected)
    if access_token is not None and "at_hash" in claims:
        _check_at_hash(claims, decoded.header, access_token)
    return claims


def _check_audience(claims: Mapping[str, Any], expected: Expected) -> None:
    if claims.get("iss") != expected.issuer:
        raise BadToken("it is another issuer's")
    if claims.get("aud") not in (expected.client_id, [expected.client_id]):
        # 3.1.3.7 (3): no audience beside us is trusted, so azp has nothing to say but our name.
        raise BadToken("it is for somebody else")
    if claims.get("azp", expected.client_id) != expected.client_id:
        raise BadToken("it was issued to somebody else")


def _check_claims(claims: Mapping[str, Any], expected: Expected) -> None:
    expires, issued = claims.get("exp"), claims.get("iat")
    if not isinstance(expires, int | float) or expires <= expected.now - LEEWAY:
        raise BadToken("it has expired")
    if not isinstance(issued, int | float) or issued > expected.now + LEEWAY:
        raise BadToken("it is from the future")
    nonce = expected.nonce.encode()
    if not nonce or not hmac.compare_digest(str(claims.get("nonce", "")).encode(), nonce):
        raise BadToken("it belongs to another sign-in")
    if not isinstance(claims.get("sub"), str) or not claims["sub"]:
        raise BadToken("it names nobody")


def _check_at_hash(claims: Mapping[str, Any], header: Mapping[str, Any], access_token: str) -> None:
    """3.1.3.8: the left half of the hash that goes with the signature."""
    full = _HASHES[str(header["alg"])[-3:]](access_token.encode()).digest()
    expected = base64.urlsafe_b64encode(full[: len(full) // 2]).rstrip(b"=")
    if not hmac.compare_digest(str(claims["at_hash"]).encode(), expected):
        raise BadToken("it came with another access token")
