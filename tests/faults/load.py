"""Clients of a site: those that leave tasks there, and those that listen to calls."""

import asyncio
import contextlib
import itertools
import json
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2

from tests.clients import ACCEPT, HANDSHAKE, MODERN, request
from tests.faults.site import Site

NUMBERS = itertools.count()
DECLARED: dict[str, Any] = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientCapabilities": {"extensions": {"io.modelcontextprotocol/tasks": {}}},
}


@dataclass
class Submitted:
    """Ids of accepted tasks, and how the others were refused."""

    accepted: list[str] = field(default_factory=list[str])
    refused: list[int] = field(default_factory=list[int])
    """JSON-RPC codes; 0 for a connection that broke."""


@asynccontextmanager
async def client() -> AsyncGenerator[httpx2.AsyncClient]:
    limits = httpx2.Limits(max_connections=1000, max_keepalive_connections=100)
    async with httpx2.AsyncClient(timeout=30, limits=limits) as http:
        yield http


async def submit(http: httpx2.AsyncClient, url: str, tool: str, arguments: Mapping[str, Any], into: Submitted) -> None:
    """Leave one task; what is answered with anything but its handle counts as refused."""
    own = {"number": next(NUMBERS)} if tool == "work" else {}
    params = {"name": tool, "arguments": {**arguments, **own}, "_meta": DECLARED}
    headers = {**ACCEPT, "mcp-protocol-version": MODERN, "mcp-method": "tools/call", "mcp-name": tool}
    try:
        answer = await http.post(url, json=request("tools/call", params), headers=headers)
    except httpx2.HTTPError:
        into.refused.append(0)
        return
    [*_, last] = [line.removeprefix("data: ") for line in answer.text.splitlines() if line.startswith(("{", "data: {"))]
    message = json.loads(last)
    if message.get("result", {}).get("resultType") == "task":
        into.accepted.append(message["result"]["taskId"])
    else:
        into.refused.append(message["error"]["code"])


def submit_all(site: Site, tool: str, calls: Sequence[Mapping[str, Any]]) -> list[str]:
    """Leave tasks, all of which must be accepted; their ids."""
    into = Submitted()

    async def run() -> None:
        async with client() as http:
            for arguments in calls:
                await submit(http, site.stack.mcp_url, tool, arguments, into)

    asyncio.run(run())
    assert into.refused == []
    return into.accepted


@dataclass
class Listener:
    """One call in a session, followed to its result over broken connections and replicas."""

    steps: list[float] = field(default_factory=list[float])
    task: str | None = None
    """What the result names: the call's own, or the one it found at work when it had to be sent again."""
    resumed: list[float] = field(default_factory=list[float])
    """Seconds from each loss of the connection to the next event."""
    last: str | None = None
    broken_at: float | None = None

    def hear(self, event_id: str | None, data: str) -> None:
        if event_id:
            self.last = event_id
        if self.broken_at is not None and data:
            self.resumed.append(time.monotonic() - self.broken_at)
            self.broken_at = None
        if not data:
            return
        message = json.loads(data)
        if message.get("method") == "notifications/progress":
            # What is told of the wait for a worker is no event of the task: it is in no log.
            if message["params"]["progress"] >= 1:
                self.steps.append(message["params"]["progress"])
        elif "result" in message:
            self.task = message["result"]["content"][0]["text"]


async def listen(  # where, what, how long, and for whom
    http: httpx2.AsyncClient,
    urls: Sequence[str],
    first: int,
    arguments: Mapping[str, Any],
    within: float,
    listener: Listener | None = None,
) -> Listener:
    """Call `ticks` at one replica; whenever the stream ends early, go on at the next that answers."""
    listener, turn = listener or Listener(), first
    session = await _session(http, urls[first % len(urls)])
    headers = {**ACCEPT, "mcp-protocol-version": HANDSHAKE, "mcp-session-id": session}
    own = {"number": next(NUMBERS)}
    params = {"name": "ticks", "arguments": {**arguments, **own}, "_meta": {"progressToken": 1}}
    body = request("tools/call", params)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(within):
            while listener.task is None:
                url = urls[turn % len(urls)]
                turn += 1
                with contextlib.suppress(httpx2.HTTPError, httpx2.StreamError):
                    if listener.last is None:
                        opening = http.stream("POST", url, json=body, headers=headers)
                    else:
                        opening = http.stream("GET", url, headers=headers | {"last-event-id": listener.last})
                    async with opening as response:
                        await _read(response, listener)
                if listener.task is None and listener.broken_at is None:
                    listener.broken_at = time.monotonic()
                await asyncio.sleep(0.05)
    return listener


async def _session(http: httpx2.AsyncClient, url: str) -> str:
    params = {"protocolVersion": HANDSHAKE, "capabilities": {}, "clientInfo": {"name": "load", "version": "1"}}
    answer = await http.post(url, json=request("initialize", params), headers=ACCEPT)
    return answer.headers["mcp-session-id"]


async def _read(response: httpx2.Response, listener: Listener) -> None:
    event_id: str | None = None
    data = ""
    async for line in response.aiter_lines():
        if line.startswith("id:"):
            event_id = line[3:].strip()
        elif line.startswith("data:"):
            data = line[5:].strip()
        elif not line:
            if event_id or data:
                listener.hear(event_id, data)
            event_id, data = None, ""
