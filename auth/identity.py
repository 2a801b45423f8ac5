"""Who a provider says has signed in, and whether that person may come in."""

from collections.abc import Mapping
from typing import Any, cast

import msgspec

from auth.refusal import PageRefused
from auth.scopes import OPERATOR
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

    def __repr__(self) -> str:
        return f"Identity({self.subject} of {self.issuer})"

    def has(self, claim: str, value: str) -> bool:
        """Whether a claim is this value, or lists it."""
        found = self.claims.get(claim)
        if found is None:
            return False
        return value in cast("list[object]", found) if isinstance(found, list) else str(found) == value


def admit(identity: Identity, settings: AuthSettings) -> None:
    """PageRefused unless the allow-lists let this person in."""
    if not is_of_domain(identity.email, settings):
        raise PageRefused(
            "Your account has no verified e-mail address of a domain that may use this server.", status=403
        )
    claims = [claim.partition("=") for claim in settings.auth_allowed_claims]
    if claims and not any(identity.has(name, value) for name, _, value in claims):
        raise PageRefused("Your account is not in a group that may use this server.", status=403)


def is_of_domain(email: str, settings: AuthSettings) -> bool:
    """Whether a verified address is of a domain that may use this server; any is while none is named."""
    domains = {domain.lower() for domain in settings.auth_allowed_domains}
    name, _, domain = email.partition("@")
    # An address has one `@`; what has none or two is nobody's.
    return not domains or (bool(name) and domain.lower() in domains)


def is_operator(email: str, subject: str, provider: str, settings: AuthSettings) -> bool:
    """By verified e-mail address, or by the subject at one provider: another may give the same to somebody else."""
    return bool({email, f"{provider}:{subject}"} & set(settings.auth_operators) - {""})


def no_operator(identity: Identity, provider: str) -> PageRefused:
    """For a person alone: a client is not told who has signed in."""
    name = identity.email or f"{provider}:{identity.subject}"
    who = f"{identity.name} ({name})" if identity.name not in ("", name) else name
    return PageRefused(
        f"You are signed in as {who}, who is no operator of this server: that needs the scope {OPERATOR}, which those "
        f"may have whom MCP_AUTH_OPERATORS lists, by {name} for example.",
        status=403,
    )
