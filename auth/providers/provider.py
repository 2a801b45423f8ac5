"""What a sign-in needs of a provider."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from auth.identity import Identity


class ProviderFailed(Exception):
    """The provider did not vouch for anybody; the message is for a person's eyes."""


@dataclass(frozen=True, kw_only=True)
class Leg:
    """The upstream half of one sign-in: what binds the provider's answer to it."""

    redirect_uri: str
    state: str = field(repr=False)
    nonce: str = field(repr=False)
    code_verifier: str = field(repr=False)


class Provider(Protocol):
    @property
    def name(self) -> str:
        """What `MCP_AUTH` and the callback's path call it."""
        ...

    @property
    def title(self) -> str:
        """What people call it."""
        ...

    async def look(self) -> str:
        """What an operator is told of a provider that can be reached; ProviderFailed when it cannot."""
        ...

    async def authorization_url(self, leg: Leg) -> str:
        """Where to send the browser; ProviderFailed when the provider cannot be reached."""
        ...

    async def check_issuer(self, answer: Mapping[str, str]) -> None:
        """ProviderFailed when the callback's parameters name another issuer, or none although ours promised to.

        RFC 9207 2.4: of answers and refusals alike.
        """
        ...

    async def identify(self, leg: Leg, answer: Mapping[str, str]) -> Identity:
        """Who signed in, from the parameters of the callback; ProviderFailed unless every check holds."""
        ...

    async def refresh(self, upstream: bytes) -> bytes | None:
        """The provider's tokens anew; None when there is nothing to refresh, ProviderFailed when it refuses."""
        ...

    async def revoke(self, upstream: bytes) -> None:
        """Have the provider forget its tokens, if it lets us; nothing fails when it does not."""
        ...
