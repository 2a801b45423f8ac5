"""Calls a second, side by side: `tools/call echo` in both eras, and `tools/list`.

Every contender answers the same body from the same core, under the same uvicorn with the same options; they take turns,
round by round, so that what else this machine does meets all of them. A ratio is the median of the rounds' own ratios.
"""

import statistics
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx2
from rich.console import Console
from rich.table import Table

from bench.contest import CONTENDERS, Server, contender, ours, redis_beside_the_load
from bench.load import Load, Request, fire
from tests.clients import ACCEPT, HANDSHAKE, MODERN, request
from tests.oauth import new_app, tokens
from tests.servers import ValkeyServer, free_port

WARM_UP: Final = 1.0
ROUND: Final = 2.0
OURS, OURS_AUTH = "ours", "ours, signed in"
ENVELOPE: Final[Mapping[str, Any]] = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientCapabilities": {},
}


@dataclass(frozen=True)
class Entry:
    """One contender in one measure: where, and with which request."""

    name: str
    ports: Sequence[int]
    request: Request


def modern(method: str, params: Mapping[str, Any], *, token: int | None = None, **headers: str) -> Request:
    """A request of the stateless era; *token* asks for progress."""
    meta = ENVELOPE if token is None else {**ENVELOPE, "progressToken": token}
    named = {"mcp-name": params["name"]} if "name" in params else {}
    own = {**ACCEPT, "mcp-protocol-version": MODERN, "mcp-method": method, **named, **headers}
    return Request(request(method, {**params, "_meta": meta}), own)


def in_session(server: Server, method: str, params: Mapping[str, Any]) -> Request:
    """A request of a 2025-11-25 session that is opened for it."""
    hello = {"protocolVersion": HANDSHAKE, "capabilities": {}, "clientInfo": {"name": "bench", "version": "1"}}
    with httpx2.Client(timeout=30) as http:
        answer = http.post(server.url, json=request("initialize", hello), headers=ACCEPT)
        own = {**ACCEPT, "mcp-protocol-version": HANDSHAKE, "mcp-session-id": answer.headers["mcp-session-id"]}
        http.post(server.url, json={"jsonrpc": "2.0", "method": "notifications/initialized"}, headers=own)
    return Request(request(method, params), own)


def compete(entries: Sequence[Entry], rounds: int) -> dict[str, list[Load]]:
    """Everybody in turn, *rounds* times, after one warm-up each."""
    found: dict[str, list[Load]] = {entry.name: [] for entry in entries}
    for entry in entries:
        fire(entry.ports, entry.request, seconds=WARM_UP)
    for number in range(rounds):
        # Forwards and backwards, so that nobody always follows the same neighbour.
        for entry in entries if number % 2 else reversed(entries):
            found[entry.name].append(fire(entry.ports, entry.request, seconds=ROUND))
    return found


def ratio(found: Mapping[str, Sequence[Load]], one: str, other: str) -> float:
    """How many times as many requests a second *one* answers: the median of the rounds."""
    return statistics.median(a.rate / b.rate for a, b in zip(found[one], found[other], strict=True))


ECHO: Final = {"name": "echo", "arguments": {"message": "hi"}}


def measure(rounds: int) -> dict[str, dict[str, list[Load]]]:
    with ExitStack() as stack:
        folder, valkey = stack.enter_context(redis_beside_the_load())
        rivals = {name: stack.enter_context(contender(name, folder)) for name in CONTENDERS}
        own = stack.enter_context(ours(valkey, folder, "open", MCP_RATE_LIMIT="off"))
        pair = stack.enter_context(ours(valkey, folder, "pair", replicas=2, MCP_RATE_LIMIT="off"))
        signed = stack.enter_context(_signed(valkey, folder))
        bearer = {"authorization": f"Bearer {tokens(signed, new_app(signed))['access_token']}"}
        echo, listing = modern("tools/call", ECHO), modern("tools/list", {})
        rest = [Entry(each.name, each.ports, echo) for each in rivals.values()]
        echoes = [Entry(OURS, own.ports, echo), Entry(OURS_AUTH, signed.ports, modern("tools/call", ECHO, **bearer))]
        in_sessions = [Server(OURS, own.ports), Server("ours, two replicas", pair.ports), rivals["sdk"], rivals["fast"]]
        return {
            "echo, 2026-07-28": compete([*echoes, *rest], rounds),
            "echo, 2025-11-25 session": compete(
                [Entry(each.name, each.ports, in_session(each, "tools/call", ECHO)) for each in in_sessions], rounds
            ),
            "tools/list, 2026-07-28": compete(
                [
                    Entry(OURS, own.ports, listing),
                    *(Entry(each.name, each.ports, listing) for name, each in rivals.items() if name != "floor"),
                ],
                rounds,
            ),
        }


def _signed(valkey: ValkeyServer, folder: Path) -> Any:  # noqa: ANN401  # a context manager of Stack
    port = free_port()
    return ours(
        valkey,
        folder,
        "signed",
        port=port,
        MCP_RATE_LIMIT="off",
        MCP_AUTH="local",
        MCP_PUBLIC_URL=f"http://127.0.0.1:{port}",
        MCP_TRUSTED_PROXIES="127.0.0.1",
    )


def tables(measured: Mapping[str, Mapping[str, list[Load]]]) -> list[Table]:
    made: list[Table] = []
    for title, found in measured.items():
        table = Table("contender", "per second", "p50 ms", "p99 ms", "ours is", title=title)
        for name, loads in found.items():
            figures = [statistics.median(getattr(load, what) for load in loads) for what in ("rate", "p50", "p99")]
            rate, p50, p99 = figures
            table.add_row(name, f"{rate:.0f}", f"{p50:.2f}", f"{p99:.2f}", f"{ratio(found, OURS, name):.2f} x")
        made.append(table)
    return made


def main() -> None:
    for table in tables(measure(int(sys.argv[1]) if len(sys.argv) > 1 else 5)):
        Console(width=110).print(table)


if __name__ == "__main__":
    main()
