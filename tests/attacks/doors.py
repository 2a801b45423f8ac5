"""Stacks behind the `local` provider that are attacked, and what an attacker needs beside `tests.oauth`."""

import time
from collections.abc import Generator, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Barrier
from typing import Any, Protocol, cast

import httpx2
import redis

from storage import keys
from tests.clients import ACCEPT, MODERN, OPEN, request
from tests.oauth import App, Person, agree, authorize, printed_codes, query_of, sign_in
from tests.servers import Stack, free_port, running_stack, until


class Emptied(Protocol):
    """A Redis that a stack may have for itself."""

    def url(self, database: int) -> str: ...
    def flush(self, database: int) -> None: ...
    def immortal_keys(self, database: int) -> list[str]: ...


@contextmanager
def door(
    valkey: Emptied,
    database: int,
    folder: Path,
    *,
    replicas: int = 2,
    worker: bool = True,
    roles: Mapping[str, Mapping[str, str]] | None = None,
    **settings: str,
) -> Generator[Stack]:
    """Web replicas and a worker, in an empty database that they leave without a key that never expires."""
    port = free_port()
    usual = {
        "MCP_AUTH": "local",
        "MCP_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "MCP_TRUSTED_PROXIES": "127.0.0.1",
    }
    valkey.flush(database)
    with running_stack(
        valkey.url(database),
        folder,
        worker=worker,
        replicas=replicas,
        settings=usual | settings,
        port=port,
        roles=roles,
    ) as running:
        yield running
    assert [key for key in valkey.immortal_keys(database) if not key.startswith(keys.BROKER_PREFIX)] == []


def bases(stack: Stack) -> list[str]:
    """The origin of every replica."""
    return [url.removesuffix("/mcp") for url in stack.mcp_urls]


def knock(url: str, token: str | None, **headers: str) -> httpx2.Response:
    """A stateless call of `echo` at the endpoint *url*."""
    meta: dict[str, Any] = {
        "io.modelcontextprotocol/protocolVersion": MODERN,
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    params: dict[str, Any] = {"name": "echo", "arguments": {"message": "hi"}, "_meta": meta}
    own = {**ACCEPT, "mcp-protocol-version": MODERN, "mcp-method": "tools/call", "mcp-name": "echo"}
    own |= {"authorization": f"Bearer {token}"} if token else {}
    return httpx2.post(url, json=request("tools/call", params), headers=own | headers, timeout=20)


def opens(stack: Stack, token: str) -> list[int]:
    """The status that every replica answers to *token*."""
    return [knock(url, token).status_code for url in stack.mcp_urls]


def error_of(answer: httpx2.Response) -> tuple[int, str]:
    """The status and error code of a back-channel refusal, which is JSON, in no cache, and gives nothing."""
    body = answer.json()
    assert answer.headers["content-type"].partition(";")[0] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    assert not body.keys() & {"access_token", "refresh_token"}
    return answer.status_code, body["error"]


def error_sent_back(answer: httpx2.Response, app: App) -> str:
    """The error of a refusal that goes back to the client: with its state and our name, and without a code."""
    assert answer.status_code == 303, answer.text
    location = answer.headers["location"]
    told = query_of(location)
    assert location.startswith(f"{app.redirect_uri}?")
    assert (told["state"], told["iss"]) == (app.state, app.issuer)
    assert "code" not in told
    return told["error"]


def page_status(answer: httpx2.Response) -> int:
    """The status of a refusal that a person reads: a page that leads nowhere."""
    assert "location" not in answer.headers
    assert answer.headers["content-type"].startswith("text/html")
    assert "code=" not in answer.text
    return answer.status_code


def names_of(stack: Stack, pattern: str) -> list[str]:
    """The keys in the stack's database that match."""
    with _database(stack) as client:
        return sorted(name.decode() for name in cast("list[bytes]", client.keys(pattern)))


def life_of(stack: Stack, name: str) -> int:
    """Milliseconds until Redis lets the key go."""
    with _database(stack) as client:
        return int(client.pttl(name))


def let_go(stack: Stack, name: str) -> None:
    """Bring the key's expiry forward to now, and see Redis act on it."""
    with _database(stack) as client:
        assert client.pexpire(name, 1), f"{name} is not there"
        until(lambda: not client.exists(name), f"{name} expired")


def remove(stack: Stack, names: Iterable[str]) -> None:
    """Take keys away, as far as they are still there."""
    with _database(stack) as client:
        for name in names:
            client.delete(name)


def _database(stack: Stack) -> Any:  # redis-py's sync client is half typed
    return redis.Redis.from_url(stack.redis_url)  # pyright: ignore[reportUnknownMemberType]


@dataclass
class Traveller(Person):
    """A browser whose `Sec-Fetch-Site` can be chosen: None sends none, as old browsers do."""

    site: str | None = "none"

    def get(self, address: str) -> httpx2.Response:
        headers = {} if self.site is None else {"sec-fetch-site": self.site}
        return self.http.get(self._here(address), headers=headers)


def leave(person: Person, app: App, **changes: str | None) -> str:
    """Agree on the consent page; the state of the sign-in that follows."""
    sent = agree(person, authorize(person, app, **changes))
    assert sent.status_code == 303, sent.text
    return query_of(sent.headers["location"])["state"]


def type_code(stack: Stack, person: Person, state: str) -> str:
    """Type the code printed last; the address of the callback that is next."""
    typed = person.post("/oauth/local", {"state": state, "code": printed_codes(stack.webs)[-1]})
    assert typed.status_code == 303, typed.text
    return typed.headers["location"]


def code_for(stack: Stack, app: App, person: Person | None = None, **changes: str | None) -> str:
    """An authorization code for *app*, not yet redeemed."""
    person = person or Person(stack.url)
    arrived = sign_in(stack, person, agree(person, authorize(person, app, **changes)))
    return query_of(arrived.headers["location"])["code"]


@dataclass
class Crowd:
    """Many clients at once, that all start together, each request to the next replica."""

    stack: Stack
    size: int

    def __post_init__(self) -> None:
        limits = httpx2.Limits(max_connections=self.size, max_keepalive_connections=self.size)
        self.http = httpx2.Client(timeout=60, limits=limits)
        OPEN.append(self)

    def post(self, path: str, form: Mapping[str, str]) -> list[httpx2.Response]:
        """What each of them was answered."""
        origins, start = bases(self.stack), Barrier(self.size)

        def send(index: int) -> httpx2.Response:
            start.wait(30)
            return self.http.post(f"{origins[index % len(origins)]}{path}", data=dict(form))

        with ThreadPoolExecutor(self.size) as pool:
            return list(pool.map(send, range(self.size)))


def statuses(answers: Sequence[httpx2.Response]) -> list[int]:
    return [answer.status_code for answer in answers]


def flood(stack: Stack, metadata: Mapping[str, Any], addresses: Sequence[str]) -> list[httpx2.Response]:
    """One registration from each of *addresses*, twenty at a time, each to the next replica."""
    origins = bases(stack)

    def send(item: tuple[int, str]) -> httpx2.Response:
        where = {"x-forwarded-for": item[1]}
        return http.post(f"{origins[item[0] % len(origins)]}/oauth/register", json=dict(metadata), headers=where)

    with httpx2.Client(timeout=60) as http, ThreadPoolExecutor(20) as pool:
        return list(pool.map(send, enumerate(addresses)))


def crowd_in(stack: Stack, index: str, count: int) -> None:
    """Note *count* more members in a sorted set by time, all later than those that are there."""
    later = int(time.time() * 1000) + 1000
    with _database(stack) as client:
        client.zadd(index, {f"another-{number}": later for number in range(count)})
