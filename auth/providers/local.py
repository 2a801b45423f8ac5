"""A provider without accounts, for trying everything on one machine: whoever reads the server's output is in.

Each sign-in has a code of its own, printed by the web process that showed the page, good for five tries.
"""

import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from urllib.parse import urlencode

import structlog

from auth.identity import Identity
from auth.providers.provider import Leg, ProviderFailed
from storage.rate import Rate, RateLimiter
from storage.signins import SignInStore

TRIES: Final = Rate(5, timedelta(minutes=10))
_ALPHABET: Final = "BCDFGHJKLMNPQRSTVWXZ"
_ISSUER: Final = "local"
_LENGTH: Final = 8

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Local:
    """*page* is the address of the sign-in page."""

    page: str
    signins: SignInStore
    tries: RateLimiter
    name: str = "local"
    title: str = "this machine"

    async def look(self) -> str:
        return "sign-in codes are printed by the web process, for this machine alone"

    async def authorization_url(self, leg: Leg) -> str:
        code = "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))
        await self.signins.keep_code(leg.state, code)
        log.warning("sign-in code", code=f"{code[:4]}-{code[4:]}", note="type it into the page that asks for it")
        return f"{self.page}?{urlencode({'state': leg.state})}"

    async def check_issuer(self, answer: Mapping[str, str]) -> None:
        if "iss" in answer:
            raise ProviderFailed("This answer came from somewhere else.")

    async def identify(self, leg: Leg, answer: Mapping[str, str]) -> Identity:
        """The code itself is what the callback brings."""
        expected = await self.signins.take_code(leg.state)
        if not _is_code(answer.get("code", ""), expected):
            raise ProviderFailed("That was not the code.")
        return Identity(issuer=_ISSUER, subject="owner", name="the owner of this machine", email="owner@localhost")

    async def is_code(self, state: str, given: str) -> bool:
        """Whether the typed code is right; the sixth try never is."""
        if (await self.tries.take(f"local:{state}")).wait:
            return False
        return _is_code(given, await self.signins.find_code(state))

    async def refresh(self, upstream: bytes) -> bytes | None:
        return None

    async def revoke(self, upstream: bytes) -> None:
        """There is nobody to tell."""


def _is_code(typed: str, expected: str | None) -> bool:
    plain = typed.upper().replace("-", "").replace(" ", "")
    return expected is not None and hmac.compare_digest(plain.encode(), expected.encode())
