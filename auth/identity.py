"""Who a provider says has signed in, and whether that person may come in."""

from collections.abc import Mapping
from typing import Any, cast

import msgspec

from auth.refusal import PageRefused
from auth.settings import AuthSettings


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """A person, known by (issuer, subject) and by nothing else: an e-mail address is never an identity (A31)."""

    issuer: str
    subject: str
    name: str = ""
    email: str = ""
    """Only if the provider has verified it."""
    claims: Mapping[str, Any] = {}
    upstream: bytes = b""
    """The provider's tokens, as JSON."""

    def has(self, claim: str, value: str) -> bool:
        """Whether a claim is this value, or lists it."""
        found = self.claims.get(claim)
        return value in cast("list[object]", found) if isinstance(found, list) else str(found) == value


def admit(identity: Identity, settings: AuthSettings) -> None:
    """PageRefused unless the allow-lists let this person in."""
    domains = settings.auth_allowed_domains
    if domains and identity.email.rpartition("@")[2].lower() not in {domain.lower() for domain in domains}:
        raise PageRefused(
            "Your account has no verified e-mail address of a domain that may use this server.", status=403
        )
    claims = [claim.partition("=") for claim in settings.auth_allowed_claims]
    if claims and not any(identity.has(name, value) for name, _, value in claims):
        raise PageRefused("Your account is not in a group that may use this server.", status=403)


def is_operator(identity: Identity, provider: str, settings: AuthSettings) -> bool:
    """By verified e-mail address, or by the subject at one provider: another may give the same to somebody else."""
    return bool({identity.email, f"{provider}:{identity.subject}"} & set(settings.auth_operators) - {""})
