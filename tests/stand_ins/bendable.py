"""What the identity providers of the tests share: every answer can be bent, and every call is counted."""

import base64
import json
import ssl
import threading
from collections import Counter
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import parse_qsl, unquote, urlsplit

import httpx2

from tests.stand_ins.http import Handler, serving

PATIENCE = 30
"""Seconds that a held answer waits at most."""


@dataclass(frozen=True)
class Asked:
    """One request that a provider got."""

    path: str
    query: Mapping[str, str]
    body: bytes
    headers: Mapping[str, str]

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode()))

    @property
    def basic(self) -> tuple[str, str]:
        """Name and secret of HTTP's own authentication, form-encoded as RFC 6749 2.3.1 wants it."""
        kind, _, pair = self.headers.get("authorization", "").partition(" ")
        name, _, secret = base64.b64decode(pair if kind == "Basic" else "").decode().partition(":")
        return unquote(name), unquote(secret)

    @property
    def bearer(self) -> str:
        return self.headers.get("authorization", "").removeprefix("Bearer ")


@dataclass(frozen=True)
class Reply:
    status: int = 200
    body: bytes = b""
    type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


def as_json(value: object, status: int = 200) -> Reply:
    return Reply(status, json.dumps(value).encode())


def sent_to(location: str) -> Reply:
    return Reply(302, headers={"location": location})


Route = Callable[[Asked], Reply]


@dataclass
class Bendable:
    """A provider by path: what a path answers is its route's, unless *replies* says otherwise."""

    client_id: str = "playground"
    client_secret: str = "its-secret"
    url: str = ""
    tls: ssl.SSLContext | None = None
    trust: ssl.SSLContext | bool = True
    """What a browser trusts to find this provider's certificate good."""
    replies: Mapping[str, Reply | Route] = field(default_factory=dict[str, "Reply | Route"])
    calls: "Counter[str]" = field(default_factory=Counter[str])
    asked: list[Asked] = field(default_factory=list[Asked])
    _noting: threading.Lock = field(default_factory=threading.Lock)

    def routes(self) -> Mapping[str, Route]:
        raise NotImplementedError

    @contextmanager
    def bent(self, **changes: Any) -> Generator[None]:
        """With some of its attributes changed, until the block ends."""
        before = {name: getattr(self, name) for name in changes}
        for name, value in changes.items():
            setattr(self, name, value)
        try:
            yield
        finally:
            for name, value in before.items():
                setattr(self, name, value)

    @contextmanager
    def held(self, path: str) -> Generator[threading.Event]:
        """Whoever asks for *path* waits for the event, or for the end of the block."""
        gate, route = threading.Event(), self.routes()[path]

        def wait(asked: Asked) -> Reply:
            gate.wait(PATIENCE)
            return route(asked)

        with self.bent(replies={path: wait}):
            try:
                yield gate
            finally:
                gate.set()

    def reply(self, asked: Asked) -> Reply:
        with self._noting:
            self.calls[asked.path] += 1
            self.asked.append(asked)
        answer = self.replies.get(asked.path) or self.routes().get(asked.path)
        if answer is None:
            return Reply(404)
        return answer if isinstance(answer, Reply) else answer(asked)

    def forms(self, path: str, **having: str) -> list[dict[str, str]]:
        """What was posted to *path* and holds these fields."""
        forms = [asked.form for asked in list(self.asked) if asked.path == path]
        return [form for form in forms if having.items() <= form.items()]

    def visit(self, location: str) -> str:
        """Where a browser that is sent to this provider is sent next; nobody needs to type anything here."""
        assert location.startswith(self.url), location
        answer = httpx2.get(location, verify=self.trust, timeout=20)
        assert answer.status_code == 302, answer.text
        return answer.headers["location"]

    @contextmanager
    def serving(self) -> Generator[Self]:
        provider = self

        class Door(Handler):
            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                headers = {name.lower(): value for name, value in self.headers.items()}
                said = provider.reply(Asked(parts.path, dict(parse_qsl(parts.query)), self.body(), headers))
                self.answer(said.status, said.body, type=said.type, **said.headers)

            def do_POST(self) -> None:
                self.do_GET()

            def do_DELETE(self) -> None:
                self.do_GET()

        with serving(Door, tls=self.tls) as url:
            self.url = url
            yield self
