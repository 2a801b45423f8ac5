"""Event streams by hand: what arrived, with its id, for as long as a test looks."""

import contextlib
import json
import queue
import threading
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx2

from tests.clients import ACCEPT, HANDSHAKE, Wire, request

WITHIN = 10.0


@dataclass(frozen=True)
class Event:
    """One event; *message* is None for one without data."""

    id: str | None
    retry: int | None
    message: dict[str, Any] | None

    @property
    def method(self) -> str:
        return (self.message or {}).get("method", "")

    @property
    def step(self) -> float | None:
        """The number of a progress notification."""
        return self.message["params"]["progress"] if self.message and self.method.endswith("/progress") else None

    @property
    def text(self) -> str:
        """The first text of a tool's result."""
        assert self.message is not None
        return self.message["result"]["content"][0]["text"]


class Stream:
    """A response read in a thread, so that a test can do something else meanwhile."""

    def __init__(self, response: httpx2.Response) -> None:
        self.status = response.status_code
        self._events: queue.Queue[Event | None] = queue.Queue()
        threading.Thread(target=self._read, args=(response,), daemon=True).start()

    def next(self, within: float = WITHIN) -> Event:
        """The next event; AssertionError when the stream ended instead, or nothing came."""
        event = self._get(within)
        assert event is not None, "the stream ended"
        return event

    def message(self, within: float = WITHIN) -> Event:
        """The next event that has data."""
        while (event := self.next(within)).message is None:
            pass
        return event

    def rest(self, within: float = WITHIN) -> list[Event]:
        """Every event until the stream ends."""
        found: list[Event] = []
        while (event := self._get(within)) is not None:
            found.append(event)
        return found

    def _get(self, within: float) -> Event | None:
        try:
            return self._events.get(timeout=within)
        except queue.Empty:
            raise AssertionError(f"nothing arrived within {within} s") from None

    def _read(self, response: httpx2.Response) -> None:
        with contextlib.suppress(httpx2.HTTPError, httpx2.StreamError):
            for event in _events(response):
                self._events.put(event)
        self._events.put(None)


def _events(response: httpx2.Response) -> Iterator[Event]:
    fields: dict[str, str] = {}
    for line in response.iter_lines():
        if line and not line.startswith(":"):
            name, _, value = line.partition(":")
            fields[name] = value.removeprefix(" ")
        elif not line and fields:
            data, retry = fields.get("data"), fields.get("retry")
            yield Event(fields.get("id"), int(retry) if retry else None, json.loads(data) if data else None)
            fields = {}


def session(url: str, capabilities: Mapping[str, Any] | None = None, version: str = HANDSHAKE, **headers: str) -> Wire:
    """A session whose client says it can do so much; *headers* go with every request."""
    wire = Wire(url, version=version)
    wire.http.headers.update(headers)
    client = {"name": "test", "version": "1"}
    params = {"protocolVersion": version, "capabilities": dict(capabilities or {}), "clientInfo": client}
    wire.session = wire.http.post(url, json=request("initialize", params), headers=ACCEPT).headers["mcp-session-id"]
    return wire


def at(wire: Wire, url: str) -> Wire:
    """The same session at another replica."""
    return Wire(url, version=wire.version, session=wire.session)


@contextmanager
def get(wire: Wire, last: str | None = None) -> Generator[Stream]:
    """The session's standalone stream, or what came after the event *last*."""
    headers = wire.headers("", {}) | ({"last-event-id": last} if last is not None else {})
    with wire.http.stream("GET", wire.url, headers=headers, timeout=60) as response:
        yield Stream(response)


@contextmanager
def call(
    wire: Wire, tool: str, *, request_id: int | str = 1, token: int | None = None, **arguments: Any
) -> Generator[Stream]:
    """A tool call whose response is read as it comes."""
    meta = {} if token is None else {"_meta": {"progressToken": token}}
    body = request("tools/call", {"name": tool, "arguments": arguments, **meta}, request_id)
    with wire.http.stream("POST", wire.url, json=body, headers=wire.headers("", {}), timeout=60) as response:
        yield Stream(response)


def answer(wire: Wire, question: Event, **content: str) -> httpx2.Response:
    """Accept a form, at whatever replica *wire* leads to."""
    assert question.message is not None
    result = {"action": "accept", "content": content}
    body = {"jsonrpc": "2.0", "id": question.message["id"], "result": result}
    return wire.http.post(wire.url, json=body, headers=wire.headers("", {}))


def refused(wire: Wire, last: str | None = None) -> httpx2.Response:
    """A GET that is answered with an error."""
    headers = wire.headers("", {}) | ({"last-event-id": last} if last is not None else {})
    return wire.http.get(wire.url, headers=headers)
