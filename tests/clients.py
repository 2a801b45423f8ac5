"""Talking to the server: JSON-RPC by hand where the wire matters, and what arrived when."""

import json
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

import httpx2

MODERN = "2026-07-28"
HANDSHAKE = "2025-11-25"
ERAS = {"handshake": "legacy", "stateless": MODERN}
"""What the SDK's client calls the two."""

ACCEPT = {"accept": "application/json, text/event-stream", "content-type": "application/json"}


@dataclass
class Arrived:
    """One message of a stream, and when it came (the machine's clock, in seconds)."""

    at: float
    message: dict[str, Any]


@dataclass
class Heard:
    """A whole response: its messages and its comments with their times."""

    status: int
    headers: httpx2.Headers
    messages: list[Arrived] = field(default_factory=list[Arrived])
    comments: list[tuple[float, str]] = field(default_factory=list[tuple[float, str]])

    @property
    def result(self) -> dict[str, Any]:
        return self.messages[-1].message["result"]

    @property
    def error(self) -> dict[str, Any]:
        return self.messages[-1].message["error"]

    @property
    def progress(self) -> list[Arrived]:
        return [each for each in self.messages if each.message.get("method") == "notifications/progress"]


def request(method: str, params: Mapping[str, Any] | None = None, request_id: int | str = 1) -> dict[str, Any]:
    body: dict[str, Any] = {"jsonrpc": "2.0", "id": request_id, "method": method}
    return body if params is None else {**body, "params": dict(params)}


def listen(response: httpx2.Response) -> Iterator[Arrived | str]:
    """Messages and comments of a response as they come, whether it is a stream or JSON."""
    if not response.headers.get("content-type", "").startswith("text/event-stream"):
        body = response.read()
        if body:
            yield Arrived(time.time(), json.loads(body))
        return
    for line in response.iter_lines():
        if line.startswith("data: ") and line != "data: ":
            yield Arrived(time.time(), json.loads(line.removeprefix("data: ")))
        elif line.startswith(":"):
            yield line


OPEN: "list[Connected]" = []
"""Closed after each test by the fixture `hang_up`."""


class Connected(Protocol):
    http: httpx2.Client


class Wire:
    """Posts to one MCP endpoint. With *session* it speaks a handshake version, without it the stateless one."""

    def __init__(self, url: str, *, version: str = MODERN, session: str | None = None) -> None:
        self.url = url
        self.version = version
        self.session = session
        self.http = httpx2.Client(timeout=30)
        OPEN.append(self)

    @classmethod
    def handshake(cls, url: str, version: str = HANDSHAKE, **headers: str) -> "Wire":
        """A wire with a session of its own; *headers* go with every request."""
        wire = cls(url, version=version)
        wire.http.headers.update(headers)
        params = {"protocolVersion": version, "capabilities": {}, "clientInfo": {"name": "wire", "version": "1"}}
        answer = wire.http.post(url, json=request("initialize", params), headers=ACCEPT)
        wire.session = answer.headers["mcp-session-id"]
        wire.version = answer.json()["result"]["protocolVersion"]
        return wire

    def headers(self, method: str, params: Mapping[str, Any]) -> dict[str, str]:
        own = {**ACCEPT, "mcp-protocol-version": self.version}
        if self.session:
            return {**own, "mcp-session-id": self.session}
        name = params.get("name") or params.get("uri")
        return {**own, "mcp-method": method, **({"mcp-name": str(name)} if name else {})}

    def params(self, params: Mapping[str, Any] | None, meta: Mapping[str, Any]) -> dict[str, Any]:
        """The stateless era's envelope, or nothing but what was given."""
        envelope: dict[str, Any] = {
            "io.modelcontextprotocol/protocolVersion": self.version,
            "io.modelcontextprotocol/clientCapabilities": {},
        }
        all_meta: dict[str, Any] = {**({} if self.session else envelope), **meta}
        return {**(params or {}), **({"_meta": all_meta} if all_meta else {})}

    @contextmanager
    def open(
        self,
        method: str,
        params: Mapping[str, Any] | None = None,
        *,
        meta: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        request_id: int | str = 1,
    ) -> Generator[httpx2.Response]:
        """A response to be read as it comes."""
        full = self.params(params, meta or {})
        sent = {**self.headers(method, full), **(headers or {})}
        body = request(method, full, request_id)
        with self.http.stream("POST", self.url, json=body, headers={k: v for k, v in sent.items() if v}) as response:
            yield response

    def send(self, method: str, params: Mapping[str, Any] | None = None, **how: Any) -> Heard:
        """The whole response."""
        with self.open(method, params, **how) as response:
            heard = Heard(response.status_code, response.headers)
            for each in listen(response):
                if isinstance(each, Arrived):
                    heard.messages.append(each)
                else:
                    heard.comments.append((time.time(), each))
        return heard

    def call(self, tool: str, arguments: Mapping[str, Any], *, token: int | str | None = None, **how: Any) -> Heard:
        meta = {**how.pop("meta", {}), **({} if token is None else {"progressToken": token})}
        return self.send("tools/call", {"name": tool, "arguments": dict(arguments)}, meta=meta, **how)

    def notify(self, method: str, params: Mapping[str, Any]) -> int:
        body = {"jsonrpc": "2.0", "method": method, "params": dict(params)}
        return self.http.post(self.url, json=body, headers=self.headers(method, params)).status_code


def wire(url: str, era: str, **headers: str) -> Wire:
    """*headers* go with every request."""
    if era == "handshake":
        return Wire.handshake(url, **headers)
    stateless = Wire(url)
    stateless.http.headers.update(headers)
    return stateless
