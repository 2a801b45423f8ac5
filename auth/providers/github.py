"""GitHub, which speaks OAuth 2 and no OpenID: who signed in is asked of its API."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar
from urllib.parse import urlencode

import httpx2
import msgspec
import structlog

from auth.identity import Identity
from auth.pkce import challenge_for
from auth.providers.discovery import TIMEOUT, UNREADABLE
from auth.providers.provider import Leg, ProviderFailed
from auth.refusal import PageRefused

log = structlog.get_logger(__name__)

Found = TypeVar("Found")
_MOST: Final = "?per_page=100"
"""GitHub gives thirty of a list unless it is asked for more."""


class _User(msgspec.Struct, frozen=True):
    id: int
    login: str


class _Email(msgspec.Struct, frozen=True):
    email: str
    primary: bool
    verified: bool


class _Organization(msgspec.Struct, frozen=True):
    login: str


@dataclass(frozen=True, kw_only=True)
class GitHub:
    client_id: str
    client_secret: str = field(repr=False)
    url: str = "https://github.com"
    organizations: Sequence[str] = ()
    """Whose members may sign in; empty for everybody."""
    name: str = "github"
    title: str = "GitHub"

    @property
    def api(self) -> str:
        return "https://api.github.com" if self.url == "https://github.com" else f"{self.url}/api/v3"

    async def look(self) -> str:
        try:
            async with httpx2.AsyncClient(timeout=TIMEOUT, follow_redirects=False) as http:
                answer = await http.get(self.api)
        except httpx2.HTTPError as error:
            raise ProviderFailed(f"{self.api} cannot be reached.") from error
        return f"{self.api} answers {answer.status_code}"

    async def authorization_url(self, leg: Leg) -> str:
        scope = "read:user user:email" + (" read:org" if self.organizations else "")
        parameters = {
            "client_id": self.client_id,
            "redirect_uri": leg.redirect_uri,
            "scope": scope,
            "state": leg.state,
            "code_challenge": challenge_for(leg.code_verifier),
            "code_challenge_method": "S256",
        }
        return f"{self.url}/login/oauth/authorize?{urlencode(parameters)}"

    async def check_issuer(self, answer: Mapping[str, str]) -> None:
        """GitHub does not say who it is; its callback is its own."""

    async def identify(self, leg: Leg, answer: Mapping[str, str]) -> Identity:
        if not answer.get("code"):
            raise ProviderFailed("GitHub sent nobody: it gave no code.")
        form = {
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "code": answer["code"],
            "redirect_uri": leg.redirect_uri,
            "code_verifier": leg.code_verifier,
        }
        try:
            async with httpx2.AsyncClient(timeout=TIMEOUT, follow_redirects=False) as http:
                given = await http.post(
                    f"{self.url}/login/oauth/access_token", data=form, headers={"accept": "application/json"}
                )
                tokens = msgspec.json.decode(given.content, type=dict[str, Any])
                if not tokens.get("access_token"):
                    raise ProviderFailed("GitHub did not confirm the sign-in.")
                http.headers["authorization"] = f"Bearer {tokens['access_token']}"
                http.headers["accept"] = "application/vnd.github+json"
                return await self._person(http, msgspec.json.encode(tokens))
        except UNREADABLE as error:
            raise ProviderFailed("GitHub cannot be reached just now.") from error

    async def refresh(self, upstream: bytes) -> bytes | None:
        """An OAuth app's tokens do not expire: one that GitHub no longer knows was revoked, or its owner disabled."""
        token = msgspec.json.decode(upstream or b"{}", type=dict[str, Any]).get("access_token")
        if not token:
            return None
        headers = {"authorization": f"Bearer {token}"}
        try:
            async with httpx2.AsyncClient(timeout=TIMEOUT, follow_redirects=False) as http:
                answer = await http.get(f"{self.api}/user", headers=headers)
        except httpx2.HTTPError:
            return None
        if answer.status_code == 401:  # noqa: PLR2004  # 403 is also what being asked too often is called
            raise ProviderFailed("GitHub has ended this sign-in.")
        return None

    async def revoke(self, upstream: bytes) -> None:
        """Not RFC 7009: GitHub has a call of its own."""
        token = msgspec.json.decode(upstream or b"{}", type=dict[str, Any]).get("access_token")
        if not token:
            return
        try:
            async with httpx2.AsyncClient(timeout=TIMEOUT, follow_redirects=False) as http:
                answer = await http.request(
                    "DELETE",
                    f"{self.api}/applications/{self.client_id}/token",
                    json={"access_token": token},
                    auth=(self.client_id, self.client_secret),
                )
            log.info("told the provider that a sign-in is over", provider=self.name, status=answer.status_code)
        except UNREADABLE as error:
            log.warning("could not tell the provider", provider=self.name, error=type(error).__name__)

    async def _person(self, http: httpx2.AsyncClient, upstream: bytes) -> Identity:
        user = await self._get(http, "/user", _User)
        emails = await self._get(http, f"/user/emails{_MOST}", list[_Email])
        email = next((each.email for each in emails if each.primary and each.verified), "")
        claims: dict[str, Any] = {"login": user.login}
        if self.organizations:
            found = [each.login for each in await self._get(http, f"/user/orgs{_MOST}", list[_Organization])]
            claims["organizations"] = found
            if not {each.lower() for each in found} & {each.lower() for each in self.organizations}:
                raise PageRefused("Your GitHub account is in no organisation that may use this server.", status=403)
        return Identity(
            issuer=self.url,
            # The number stays when the login changes hands.
            subject=str(user.id),
            name=user.login,
            email=email,
            claims=claims,
            upstream=upstream,
        )

    async def _get(self, http: httpx2.AsyncClient, path: str, kind: type[Found]) -> Found:
        answer = await http.get(f"{self.api}{path}")
        if answer.status_code != 200:  # noqa: PLR2004  # RFC 9110
            raise ProviderFailed("GitHub does not say who signed in.")
        return msgspec.json.decode(answer.content, type=kind)
