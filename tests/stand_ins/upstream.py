"""An OpenID provider whose people are signed in already: it remembers the nonce, and gives tokens that are canaries."""

import secrets
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import msgspec
from joserfc import jwt
from joserfc.jwk import ECKey

from tests.secrets_scan import CANARIES
from tests.stand_ins.http import Handler, serving


@dataclass
class Upstream:
    """One client, one person."""

    issuer: str = ""
    client_id: str = "playground"
    client_secret: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    subject: str = "ada"
    given: list[str] = field(default_factory=list[str])
    """Every token it gave."""
    _nonces: dict[str, str] = field(default_factory=dict[str, str])
    _key: ECKey = field(default_factory=lambda: ECKey.generate_key("P-256", {"kid": "1", "alg": "ES256"}))

    def settings(self) -> dict[str, str]:
        return {
            "MCP_OIDC_ISSUER": self.issuer,
            "MCP_OIDC_CLIENT_ID": self.client_id,
            "MCP_OIDC_CLIENT_SECRET": self.client_secret,
        }

    def visit(self, location: str) -> str:
        """A browser arrives at the authorization endpoint; where it is sent to, with a code."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}
        code = secrets.token_urlsafe(24)
        self._nonces[code] = query["nonce"]
        CANARIES.note("a provider's code", code)
        return f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query['state']})}"

    def document(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
        }

    def keys(self) -> dict[str, Any]:
        return {"keys": [self._key.as_dict(private=False)]}

    def tokens(self, form: dict[str, str]) -> dict[str, Any]:
        """The answer of the token endpoint, for a code and for a refresh token alike."""
        access, refresh = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": self.client_id, "sub": self.subject, "iat": now, "exp": now + 300}
        claims |= {"nonce": self._nonces.pop(form["code"])} if "code" in form else {}
        told = jwt.encode({"alg": "ES256", "kid": "1"}, claims, self._key)
        self.given += [access, refresh, told]
        CANARIES.note("a provider's token", access, refresh, told)
        return {"access_token": access, "refresh_token": refresh, "id_token": told, "token_type": "Bearer"}


@contextmanager
def signing_in() -> Generator[Upstream]:
    """A provider that listens."""
    upstream = Upstream()

    class Answering(Handler):
        def do_GET(self) -> None:
            what = {"/.well-known/openid-configuration": upstream.document, "/jwks": upstream.keys}
            self._json(what[urlsplit(self.path).path]())

        def do_POST(self) -> None:
            form = {name: values[0] for name, values in parse_qs(self.body().decode()).items()}
            self._json(upstream.tokens(form))

        def _json(self, body: dict[str, Any]) -> None:
            self.answer(200, msgspec.json.encode(body), type="application/json")

    with serving(Answering) as url:
        upstream.issuer = url
        yield upstream
