"""Whom a bearer token speaks for (RFC 6750), and what a request needs."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from auth.resource import is_same
from auth.tokens import digest, grant_of
from storage.control import Opened
from storage.grants import GrantStore
from storage.records import Principal

EVERYTHING: Final = frozenset({"*"})
"""What everybody may do while authentication is off."""


@dataclass(frozen=True, kw_only=True)
class Bearer:
    """On whose behalf a request is made, and what it may do."""

    principal: Principal
    scopes: frozenset[str]
    opened_by: Opened | None = None
    """The access token; None while authentication is off."""

    @property
    def grant(self) -> str | None:
        return self.opened_by.grant if self.opened_by else None

    def lacks(self, needed: Iterable[str]) -> bool:
        return self.scopes != EVERYTHING and not set(needed) <= self.scopes


@dataclass(frozen=True, kw_only=True)
class Bearers:
    grants: GrantStore
    resource: str

    async def find(self, headers: Mapping[str, str]) -> Bearer | None:
        """Who sent the request; None without a token that is ours, alive, and for this resource."""
        scheme, _, token = headers.get("authorization", "").partition(" ")
        grant_id = grant_of(token.strip(), "at") if scheme.lower() == "bearer" else None
        if grant_id is None:
            return None
        opened_by = Opened(grant_id, digest(token.strip()))
        found = await self.grants.find_access(*opened_by)
        if found is None or found[0].expires_at <= time.time() or not is_same(found[0].resource, self.resource):
            return None
        access, grant = found
        return Bearer(principal=grant.principal, scopes=frozenset(access.scopes), opened_by=opened_by)


def challenge(metadata: str, needed: Iterable[str], *, error: str = "", description: str = "") -> str:
    """A `WWW-Authenticate` that says where to sign in and for what (RFC 9728 5.1, RFC 6750 3)."""
    said = [("error", error), ("error_description", description), ("scope", " ".join(needed))]
    parts = [f'{name}="{value}"' for name, value in said if value]
    return "Bearer " + ", ".join([*parts, f'resource_metadata="{metadata}"'])
