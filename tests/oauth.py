"""A client and a person that sign in over HTTP, step by step, so that a test can do any of the steps wrongly."""

import base64
import hashlib
import ipaddress
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
from mcp.shared.auth import OAuthClientInformationFull, OAuthToken

from tests.clients import OPEN
from tests.secrets_scan import CANARIES
from tests.servers import Program, Stack, until

REDIRECT = "http://127.0.0.1:49152/callback"
BASIC = "mcp:tools mcp:prompts mcp:resources"


@dataclass
class Person:
    """A browser with a jar, at one server. *url* is the replica it talks to."""

    url: str
    http: httpx2.Client = field(default_factory=lambda: httpx2.Client(timeout=20, follow_redirects=False))

    def __post_init__(self) -> None:
        # From an address of its own: so many authorizations a minute may come from one.
        self.http.headers["x-forwarded-for"] = an_address()
        OPEN.append(self)
        self.http.event_hooks["response"] = [CANARIES.learn]

    def get(self, address: str) -> httpx2.Response:
        return self.http.get(self._here(address), headers={"sec-fetch-site": "none"})

    def post(self, path: str, form: Mapping[str, str]) -> httpx2.Response:
        return self.http.post(
            f"{self.url}{path}", data=dict(form), headers={"origin": "null", "sec-fetch-site": "same-origin"}
        )

    def _here(self, address: str) -> str:
        parts = urlsplit(address)
        return f"{self.url}{parts.path}{'?' + parts.query if parts.query else ''}"


@dataclass
class App:
    """A registered public client, with one PKCE pair and state."""

    url: str
    issuer: str
    client_id: str
    redirect_uri: str = REDIRECT
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))
    state: str = field(default_factory=lambda: secrets.token_urlsafe(8))

    def __post_init__(self) -> None:
        CANARIES.note("a client's code verifier", self.verifier)
        CANARIES.note("a client's state", self.state)

    @property
    def challenge(self) -> str:
        return base64.urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).rstrip(b"=").decode()

    def request(self, **changes: str | None) -> dict[str, str]:
        """The parameters of an authorization request; None leaves one out."""
        usual: dict[str, str | None] = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "code_challenge": self.challenge,
            "code_challenge_method": "S256",
            "state": self.state,
            "scope": BASIC,
            "resource": f"{self.issuer}/mcp",
        }
        return {name: value for name, value in (usual | changes).items() if value is not None}

    def redemption(self, code: str, **changes: str | None) -> dict[str, str]:
        usual: dict[str, str | None] = {
            "grant_type": "authorization_code",
            "code": code,
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "code_verifier": self.verifier,
            "resource": f"{self.issuer}/mcp",
        }
        return {name: value for name, value in (usual | changes).items() if value is not None}

    def token(self, form: Mapping[str, str], *, url: str | None = None) -> httpx2.Response:
        return learnt(httpx2.post(f"{url or self.url}/oauth/token", data=dict(form), timeout=20))

    def refresh(self, token: str, *, url: str | None = None, **changes: str) -> httpx2.Response:
        form = {"grant_type": "refresh_token", "refresh_token": token, "client_id": self.client_id, **changes}
        return self.token(form, url=url)


@dataclass
class Kept:
    """What a client of the Python SDK remembers."""

    tokens: OAuthToken | None = None
    client: OAuthClientInformationFull | None = None

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.client = client_info


def register(stack: Stack, **metadata: Any) -> httpx2.Response:
    usual: dict[str, Any] = {
        "client_name": "A test",
        "redirect_uris": [REDIRECT],
        "token_endpoint_auth_method": "none",
        "grant_types": ["authorization_code", "refresh_token"],
    }
    # Each from an address of its own: one may register ten clients a minute.
    where = {"x-forwarded-for": an_address()}
    return learnt(httpx2.post(f"{stack.url}/oauth/register", json=usual | metadata, headers=where, timeout=20))


def learnt(answer: httpx2.Response) -> httpx2.Response:
    """The answer, of which whatever it hands out is a canary from now on."""
    CANARIES.learn(answer)
    return answer


def an_address() -> str:
    """One that nobody else has."""
    return str(ipaddress.IPv6Address(secrets.randbits(128)))


def new_app(stack: Stack, **metadata: Any) -> App:
    answer = register(stack, **metadata)
    assert answer.status_code == 201, answer.text
    return App(stack.url, stack.url, answer.json()["client_id"])


def ticket_of(page: httpx2.Response) -> str:
    found = re.search(r'name="ticket" value="([^"]+)"', page.text)
    assert found, page.text
    return found[1]


def query_of(location: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}


def printed_code(programs: list[Program], before: int) -> str:
    """The sign-in code that one of the programs has printed since *before* of them were."""
    until(lambda: len(printed_codes(programs)) > before, "a sign-in code printed")
    return printed_codes(programs)[-1]


def printed_codes(programs: list[Program]) -> list[str]:
    lines = [line for program in programs for line in program.output().splitlines() if '"sign-in code"' in line]
    found = [match[1] for line in sorted(lines, key=_timestamp) if (match := re.search(r'"code": "([A-Z-]+)"', line))]
    CANARIES.note_printed("a sign-in code", *found)
    return found


def _timestamp(line: str) -> str:
    found = re.search(r'"timestamp": "([^"]+)"', line)
    return found[1] if found else ""


def authorize(person: Person, app: App, **changes: str | None) -> httpx2.Response:
    parameters = httpx2.QueryParams(app.request(**changes))
    return person.get(f"{person.url}/oauth/authorize?{parameters}")


def agree(person: Person, page: httpx2.Response) -> httpx2.Response:
    form = {"ticket": ticket_of(page), "decision": "allow", "provider": "local"}
    return person.post("/oauth/consent", form)


def sign_in(stack: Stack, person: Person, sent: httpx2.Response) -> httpx2.Response:
    """From the redirect to the `local` provider to the one that carries the client's code."""
    assert sent.status_code == 303, sent.text
    state = query_of(sent.headers["location"])["state"]
    code = printed_codes(stack.webs)[-1]
    typed = person.post("/oauth/local", {"state": state, "code": code.lower()})
    assert typed.status_code == 303, typed.text
    return person.get(typed.headers["location"])


def tokens(stack: Stack, app: App, person: Person | None = None, **changes: str | None) -> dict[str, Any]:
    """The whole way, for tests about what comes after it."""
    person = person or Person(stack.url)
    arrived = sign_in(stack, person, agree(person, authorize(person, app, **changes)))
    code = query_of(arrived.headers["location"])["code"]
    answer = app.token(app.redemption(code))
    assert answer.status_code == 200, answer.text
    return answer.json()
