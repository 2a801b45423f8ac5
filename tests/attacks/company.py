"""A company's identity providers, with the server under test in front of them, and a person who signs in there."""

import ssl
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import trustme

from tests.attacks.doors import door
from tests.oauth import App, Person, authorize, new_app, query_of, ticket_of
from tests.servers import Stack, ValkeyServer
from tests.stand_ins.bendable import Bendable
from tests.stand_ins.github import GitHub
from tests.stand_ins.openid import OpenId

OIDC = "/oauth/callback/oidc"


@dataclass
class Company:
    """Three providers: an OpenID provider (`oidc`), GitHub, and an OpenID provider with TLS that is like Auth0."""

    stack: Stack = field(init=False)
    openid: OpenId = field(default_factory=lambda: OpenId(client_id="us-at-corp"))
    github: GitHub = field(default_factory=lambda: GitHub(client_id="us-at-github", client_secret="gh-secret"))
    auth0: OpenId = field(
        # It neither promises nor sends its name (RFC 9207).
        default_factory=lambda: OpenId(
            client_id="us-at-auth0",
            slash="/",
            document={"authorization_response_iss_parameter_supported": None},
            answer={"iss": None},
        )
    )

    @property
    def providers(self) -> dict[str, Bendable]:
        return {"oidc": self.openid, "github": self.github, "auth0": self.auth0}

    def token_calls(self) -> int:
        """How often any provider's token endpoint was called."""
        return sum(each.calls["/token"] + each.calls["/login/oauth/access_token"] for each in self.providers.values())

    def set_out(self, person: Person, app: App, provider: str = "oidc") -> httpx2.Response:
        """Agree, and choose *provider*: the answer leads there."""
        form = {"ticket": ticket_of(authorize(person, app)), "decision": "allow", "provider": provider}
        return person.post("/oauth/consent", form)

    def answer(self, person: Person, app: App, provider: str = "oidc") -> str:
        """The address of our callback that the provider sends the browser back to."""
        sent = self.set_out(person, app, provider)
        assert sent.status_code == 303, sent.text
        return self.providers[provider].visit(sent.headers["location"])

    def arrive(
        self, provider: str = "oidc", *, app: App | None = None, person: Person | None = None
    ) -> httpx2.Response:
        """The whole way, up to what our callback says."""
        person = person or Person(self.stack.url)
        return person.get(self.answer(person, app or new_app(self.stack), provider))

    def tokens(self, provider: str = "oidc", *, app: App) -> dict[str, Any]:
        """Tokens of somebody who signed in at *provider*."""
        given = app.token(app.redemption(code_of(self.arrive(provider, app=app))))
        assert given.status_code == 200, given.text
        return given.json()


def code_of(arrived: httpx2.Response) -> str:
    """The client's code that a browser is sent on with."""
    assert arrived.status_code == 303, arrived.text
    return query_of(arrived.headers["location"])["code"]


@contextmanager
def company(
    valkey: ValkeyServer, database: int, folder: Path, *, replicas: int = 2, worker: bool = True, **settings: str
) -> Generator[Company]:
    """Running providers and the stack in front of them."""
    found, authority, bundle = Company(), trustme.CA(), folder / "authority.pem"
    authority.cert_pem.write_to_path(bundle)
    found.auth0.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    pem = folder / "auth0.pem"
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(pem)
    found.auth0.tls.load_cert_chain(pem)
    found.auth0.trust = ssl.create_default_context(cafile=bundle)
    with ExitStack() as running:
        for each in found.providers.values():
            running.enter_context(each.serving())
        own = {
            "SSL_CERT_FILE": str(bundle),
            "MCP_AUTH": "oidc,github,auth0",
            "MCP_OIDC_ISSUER": found.openid.issuer,
            "MCP_OIDC_CLIENT_ID": found.openid.client_id,
            "MCP_OIDC_CLIENT_SECRET": found.openid.client_secret,
            "MCP_OIDC_TITLE": "Corp",
            "MCP_GITHUB_URL": found.github.url,
            "MCP_GITHUB_CLIENT_ID": found.github.client_id,
            "MCP_GITHUB_CLIENT_SECRET": found.github.client_secret,
            "MCP_AUTH0_DOMAIN": found.auth0.url.removeprefix("https://"),
            "MCP_AUTH0_CLIENT_ID": found.auth0.client_id,
            "MCP_AUTH0_CLIENT_SECRET": found.auth0.client_secret,
        }
        merged: dict[str, Any] = own | settings
        where = door(valkey, database, folder, replicas=replicas, worker=worker, **merged)
        found.stack = running.enter_context(where)
        yield found
