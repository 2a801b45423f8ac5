"""GitHub's web flow and the part of its API that says who somebody is, as an Enterprise Server has them."""

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from tests.stand_ins.bendable import Asked, Bendable, Reply, Route, as_json, sent_to

API = "/api/v3"
TOKEN = "/login/oauth/access_token"


@dataclass
class GitHub(Bendable):
    user: Mapping[str, Any] = field(default_factory=lambda: {"id": 815, "login": "ada"})
    emails: Sequence[Mapping[str, Any]] = field(
        default_factory=lambda: [{"email": "ada@corp.com", "primary": True, "verified": True}]
    )
    organizations: Sequence[str] = ("acme",)
    answer: Mapping[str, str] = field(default_factory=dict[str, str])
    """What it sends a browser back with otherwise."""
    codes: dict[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]])
    tokens: set[str] = field(default_factory=set[str])
    """Those that it knows."""

    def routes(self) -> Mapping[str, Route]:
        return {
            "/login/oauth/authorize": self.authorize,
            TOKEN: self.token,
            f"{API}/applications/{self.client_id}/token": self.forget,
            API: lambda _: as_json({}),
            f"{API}/user": lambda asked: self.api(asked, self.user),
            f"{API}/user/emails": lambda asked: self.api(asked, self.emails),
            f"{API}/user/orgs": lambda asked: self.api(asked, [{"login": name} for name in self.organizations]),
        }

    def authorize(self, asked: Asked) -> Reply:
        code = secrets.token_urlsafe(12)
        self.codes[code] = asked.query
        answer = {"code": code, "state": asked.query["state"], **self.answer}
        return sent_to(f"{asked.query['redirect_uri']}?{urlencode(answer)}")

    def token(self, asked: Asked) -> Reply:
        """Like the real one, it says 200 to everything."""
        form = asked.form
        known = (form["client_id"], form["client_secret"]) == (self.client_id, self.client_secret)
        asked_for = self.codes.pop(form["code"], None)
        if not known or asked_for is None or asked_for["redirect_uri"] != form["redirect_uri"]:
            return as_json({"error": "bad_verification_code"})
        token = f"gho_{secrets.token_urlsafe(8)}"
        self.tokens.add(token)
        return as_json({"access_token": token, "token_type": "bearer", "scope": asked_for["scope"]})

    def forget(self, asked: Asked) -> Reply:
        """Delete an app's token: for the app alone."""
        if asked.basic != (self.client_id, self.client_secret):
            return as_json({"message": "Not Found"}, 404)
        self.tokens.discard(json.loads(asked.body)["access_token"])
        return Reply(204)

    def api(self, asked: Asked, found: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> Reply:
        """Lists come in pages of thirty, unless more are asked for."""
        if asked.bearer not in self.tokens:
            return as_json({"message": "Bad credentials"}, 401)
        size = min(100, int(asked.query.get("per_page", "30")))
        return as_json(found if isinstance(found, Mapping) else found[:size])
