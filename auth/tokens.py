"""What we hand out: 256 random bits behind the name of their grant. Nothing can be read from them."""

import re
import secrets
from typing import Final, Literal

from storage.grants import digest
from storage.seal import open_under, seal_under

Kind = Literal["ac", "at", "rt"]
"""Authorization code, access token, refresh token."""
_FORM: Final = re.compile(r"mcp_(ac|at|rt)_([0-9a-f]{32})_[A-Za-z0-9_-]{43}")
_REPEATED: Final = "answer to a refresh"

__all__ = [
    "Kind",
    "digest",
    "grant_of",
    "kind_of",
    "new_client_secret",
    "new_token",
    "open_answer",
    "seal_answer",
]


def new_token(kind: Kind, grant_id: str) -> str:
    return f"mcp_{kind}_{grant_id}_{secrets.token_urlsafe(32)}"


def grant_of(token: str, *kinds: Kind) -> str | None:
    """The grant that a code or token of one of *kinds* names; None when it cannot be ours."""
    found = _FORM.fullmatch(token)
    return found[2] if found and found[1] in kinds else None


def kind_of(token: str) -> Kind | None:
    found = _FORM.fullmatch(token)
    return found[1] if found else None  # pyright: ignore[reportReturnType]  # the pattern names the kinds


def new_client_secret() -> str:
    return f"mcp_cs_{secrets.token_urlsafe(32)}"


def seal_answer(refresh_token: str, answer: bytes) -> bytes:
    """Seal the answer that replaced *refresh_token*: only who holds that token can have it again."""
    return seal_under(refresh_token.encode(), answer, kind=_REPEATED)


def open_answer(refresh_token: str, sealed: bytes) -> bytes:
    return open_under(refresh_token.encode(), sealed, kind=_REPEATED)
