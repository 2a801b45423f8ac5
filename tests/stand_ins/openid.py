"""An OpenID provider that is right about everything, until a test bends it."""

import base64
import hashlib
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from joserfc import jwt
from joserfc.jwk import RSAKey

from tests.stand_ins.bendable import Asked, Bendable, Reply, Route, as_json, sent_to

DISCOVERY = "/.well-known/openid-configuration"
PERSON: Mapping[str, Any] = {"sub": "ada", "email": "ada@corp.com", "email_verified": True, "name": "Ada"}

Sign = Callable[["OpenId", dict[str, Any], dict[str, Any]], str]
"""Makes an ID token of a header and claims."""


def new_key(kid: str) -> RSAKey:
    return RSAKey.generate_key(2048, parameters={"kid": kid})


def signed(provider: "OpenId", header: dict[str, Any], claims: dict[str, Any]) -> str:
    return jwt.encode(header, claims, provider.key)


def half_hash(text: str) -> str:
    """OpenID Connect Core 3.1.3.6, for RS256."""
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()[:16]).rstrip(b"=").decode()


def changed(usual: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """With *changes*; None leaves one out."""
    return {name: value for name, value in {**usual, **changes}.items() if value is not None}


@dataclass
class OpenId(Bendable):
    """*slash* is what the issuer ends with, as Auth0's does."""

    slash: str = ""
    key: RSAKey = field(default_factory=lambda: new_key("first"))
    person: Mapping[str, Any] = field(default_factory=lambda: dict(PERSON))
    document: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """What its discovery says otherwise."""
    header: Mapping[str, Any] = field(default_factory=dict[str, Any])
    claims: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """What its ID tokens say otherwise."""
    answer: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """What it sends a browser back with otherwise."""
    userinfo: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """What its userinfo says beside the subject."""
    sign: Sign = signed
    codes: dict[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]])
    refresh_tokens: set[str] = field(default_factory=set[str])
    """Those that are still good: each is good once."""

    @property
    def issuer(self) -> str:
        return f"{self.url}{self.slash}"

    def routes(self) -> Mapping[str, Route]:
        return {
            DISCOVERY: lambda _: as_json(self.discovery()),
            "/jwks": lambda _: as_json({"keys": [self.key.as_dict(private=False)]}),
            "/authorize": self.authorize,
            "/token": self.token,
            "/userinfo": lambda _: as_json(changed({"sub": self.person["sub"]}, self.userinfo)),
            "/revoke": self.revoke,
        }

    def discovery(self) -> dict[str, Any]:
        usual = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/jwks",
            "userinfo_endpoint": f"{self.url}/userinfo",
            "revocation_endpoint": f"{self.url}/revoke",
            "authorization_response_iss_parameter_supported": True,
        }
        return changed(usual, self.document)

    def authorize(self, asked: Asked) -> Reply:
        """Sign the person in at once."""
        code = secrets.token_urlsafe(12)
        self.codes[code] = asked.query
        answer = changed({"code": code, "state": asked.query["state"], "iss": self.issuer}, self.answer)
        return sent_to(f"{asked.query['redirect_uri']}?{urlencode(answer)}")

    def token(self, asked: Asked) -> Reply:
        """For whoever shows the secret in a header, as it must when discovery lists no method."""
        form = asked.form
        if asked.basic != (self.client_id, self.client_secret):
            return as_json({"error": "invalid_client"}, 401)
        if form["grant_type"] == "refresh_token":
            if form["refresh_token"] not in self.refresh_tokens:
                return as_json({"error": "invalid_grant"}, 400)
            self.refresh_tokens.discard(form["refresh_token"])
            return as_json(self.tokens())
        asked_for = self.codes.pop(form["code"], None)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).rstrip(b"=")
        if asked_for is None or (form["redirect_uri"], challenge.decode()) != (
            asked_for["redirect_uri"],
            asked_for["code_challenge"],
        ):
            return as_json({"error": "invalid_grant"}, 400)
        tokens = self.tokens()
        return as_json(tokens | {"id_token": self.id_token(asked_for["nonce"], tokens["access_token"])})

    def revoke(self, asked: Asked) -> Reply:
        """RFC 7009."""
        if asked.basic != (self.client_id, self.client_secret):
            return as_json({"error": "invalid_client"}, 401)
        self.refresh_tokens.discard(asked.form["token"])
        return Reply()

    def tokens(self) -> dict[str, Any]:
        refresh = f"upstream-rt-{secrets.token_urlsafe(8)}"
        self.refresh_tokens.add(refresh)
        access = f"upstream-at-{secrets.token_urlsafe(8)}"
        return {"access_token": access, "refresh_token": refresh, "token_type": "Bearer", "expires_in": 300}

    def id_token(self, nonce: str, access_token: str) -> str:
        now = int(time.time())
        usual = {
            **self.person,
            "iss": self.issuer,
            "aud": self.client_id,
            "nonce": nonce,
            "iat": now,
            "exp": now + 300,
            "at_hash": half_hash(access_token),
        }
        header = changed({"alg": "RS256", "kid": self.key.kid}, self.header)
        return self.sign(self, header, changed(usual, self.claims))
