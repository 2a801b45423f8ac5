"""What attacks on client id metadata documents share: a server that may fetch, and the web it fetches from."""

import ipaddress
import secrets
from collections.abc import Callable, Generator, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from tests.attacks.doors import bases, door
from tests.oauth import REDIRECT, App, Person, authorize
from tests.servers import Stack, ValkeyServer
from tests.stand_ins.website import CLIENTS, Web, web


@dataclass(frozen=True)
class Place:
    """Two replicas behind a proxy, and every web site they can reach."""

    stack: Stack
    web: Web

    def visit(self, client_id: str, *, caller: str | None = None, replica: int = 0) -> httpx2.Response:
        """An authorization request of a client with this id, by default from an address of its own."""
        return authorize(self.person(caller, replica), self.app(client_id))

    def person(self, caller: str | None = None, replica: int = 0) -> Person:
        person = Person(bases(self.stack)[replica])
        person.http.headers["x-forwarded-for"] = caller or anybody()
        return person

    def app(self, client_id: str, replica: int = 0) -> App:
        return App(bases(self.stack)[replica], self.stack.url, client_id)

    def ask_token(self, form: Mapping[str, str], *, caller: str | None = None, replica: int = 0) -> httpx2.Response:
        where = {"x-forwarded-for": caller or anybody()}
        return httpx2.post(f"{bases(self.stack)[replica]}/oauth/token", data=dict(form), headers=where, timeout=20)

    def refresh(self, client_id: str) -> httpx2.Response:
        """A token request that shows what becomes of its client: the refresh token is nobody's."""
        return self.ask_token({"grant_type": "refresh_token", "refresh_token": "x", "client_id": client_id})


@contextmanager
def place(valkey: ValkeyServer, database: int, folder: Path) -> Generator[Place]:
    with web(folder) as sites, door(valkey, database, folder, TEST_INTERNET=str(folder)) as stack:
        yield Place(stack, sites)


def anybody() -> str:
    """An address in an IPv6 network that nobody else has."""
    return str(ipaddress.IPv6Address((0x2A00 << 112) | secrets.randbits(112)))


def new_id(path: str = "/client", *, label: str = "") -> str:
    """The id of a client at a host that nobody has asked yet, or at the one with this *label*."""
    return f"https://{label or new_label()}.{CLIENTS}{path}"


def new_label() -> str:
    return f"h{secrets.token_hex(6)}"


def host_of(client_id: str) -> str:
    return client_id.split("/")[2]


def good(own_id: str, /, **changes: Any) -> dict[str, Any]:
    """A document that is good; None leaves a field out."""
    usual: dict[str, Any] = {"client_id": own_id, "client_name": "An app", "redirect_uris": [REDIRECT]}
    return {name: value for name, value in (usual | changes).items() if value is not None}


def crowd(here: Place, client_ids: Iterable[str], caller: Callable[[], str] = anybody) -> list[httpx2.Response]:
    """One authorization request for each id, twenty at a time, each to the next replica and from a new *caller*."""
    origins = bases(here.stack)

    def send(item: tuple[int, str]) -> httpx2.Response:
        origin = origins[item[0] % len(origins)]
        asked = App(origin, here.stack.url, item[1]).request()
        return http.get(f"{origin}/oauth/authorize", params=asked, headers={"x-forwarded-for": caller()})

    with httpx2.Client(timeout=60) as http, ThreadPoolExecutor(20) as pool:
        return list(pool.map(send, enumerate(client_ids)))
