"""Our own authorization server, with Flower as one of its clients: what Flower asks it, and how it is told no."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import httpx2
import msgspec

from auth.own_clients import FLOWER
from auth.pkce import challenge_for
from auth.scopes import OPERATOR, split

WITHIN: Final = 10.0
"""Seconds that the server has for an answer."""


class NoMore(Exception):
    """The server says that this person may not look, or not any longer."""


class Away(Exception):
    """The server did not say."""


class Tokens(msgspec.Struct, frozen=True):
    access_token: str
    scope: str = ""
    refresh_token: str = ""

    def __repr__(self) -> str:
        return f"Tokens(scope={self.scope!r})"


@dataclass(frozen=True, kw_only=True)
class Server:
    issuer: str
    address: str
    """The origin that Flower itself reaches it by, which need not be the issuer's."""
    secret: str = field(repr=False)
    redirect_uri: str

    def authorization_url(self, state: str, verifier: str) -> str:
        asked = {
            "response_type": "code",
            "client_id": FLOWER,
            "redirect_uri": self.redirect_uri,
            "scope": OPERATOR,
            "state": state,
            "code_challenge": challenge_for(verifier),
            "code_challenge_method": "S256",
            # RFC 8707: there is one resource, whose scope this is.
            "resource": f"{self.issuer}/mcp",
        }
        return f"{self.issuer}/oauth/authorize?{urlencode(asked)}"

    async def redeem(self, code: str, verifier: str) -> Tokens:
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": self.redirect_uri}
        return await self._tokens(form | {"code_verifier": verifier})

    async def refresh(self, token: str) -> Tokens:
        return await self._tokens({"grant_type": "refresh_token", "refresh_token": token})

    async def who(self, tokens: Tokens) -> str:
        """The person's name, or else their subject at the issuer that vouches for them."""
        said = await self._post("introspect", {"token": tokens.access_token}, bearer=tokens.access_token)
        return str(said.get("username") or f"{said.get('sub')}@{said.get('iss')}")

    async def revoke(self, token: str) -> None:
        await self._post("revoke", {"token": token} | self._proof())

    async def _tokens(self, form: Mapping[str, str]) -> Tokens:
        said = await self._post("token", {**form, **self._proof(), "resource": f"{self.issuer}/mcp"})
        try:
            tokens = msgspec.convert(said, Tokens)
        except msgspec.ValidationError:
            raise Away("its answer is none") from None
        # What was agreed to, and what it still comes to: who is no operator any more gets a token without it.
        if OPERATOR not in split(tokens.scope) or not tokens.refresh_token:
            raise NoMore("the person is no operator")
        return tokens

    def _proof(self) -> dict[str, str]:
        return {"client_id": FLOWER, "client_secret": self.secret}

    async def _post(self, path: str, form: Mapping[str, str], *, bearer: str = "") -> dict[str, Any]:
        headers = {"host": urlsplit(self.issuer).netloc, "accept": "application/json"}
        headers |= {"authorization": f"Bearer {bearer}"} if bearer else {}
        try:
            async with httpx2.AsyncClient(timeout=WITHIN, trust_env=False) as http:
                answer = await http.post(f"{self.address}/oauth/{path}", data=dict(form), headers=headers)
            said = msgspec.json.decode(answer.content, type=dict[str, Any])
        except (httpx2.HTTPError, msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise Away(type(error).__name__) from None
        if answer.is_success:
            return said
        error = str(said.get("error", ""))
        if error in _NO:
            raise NoMore(error)
        raise Away(f"{answer.status_code} {error}")


_NO: Final = frozenset({"invalid_grant", "invalid_token", "insufficient_scope", "invalid_scope", "access_denied"})
