"""PKCE as a client of the provider (RFC 7636); as a server it is Authlib's, in `auth.core`."""

import secrets
from typing import cast

from authlib.oauth2.rfc7636 import create_s256_code_challenge  # pyright: ignore[reportUnknownVariableType]  # untyped


def new_verifier() -> str:
    return secrets.token_urlsafe(48)


def challenge_for(verifier: str) -> str:
    """The S256 challenge (4.2)."""
    return cast("str", create_s256_code_challenge(verifier))
