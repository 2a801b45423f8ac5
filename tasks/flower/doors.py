"""Ways into Flower that need no sign-in of ours: a password, a proxy that signs people in, and this machine alone.

The fourth, our own sign-in, is in `tasks.flower.signin`.
"""

import base64
import binascii
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import structlog
from tornado.httputil import HTTPServerRequest

from auth.addresses import Network, is_among
from auth.identity import is_operator
from auth.settings import AuthSettings
from tasks.flower.refused import FORBIDDEN, Refused

log = structlog.get_logger(__name__)

LONGEST_NAME: Final = 320
"""Of an e-mail address (RFC 5321 4.5.3.1), which is the longest name that is one."""
PROXY: Final = "proxy"
"""The provider of subjects that a proxy vouches for, in MCP_AUTH_OPERATORS."""


class Door(Protocol):
    async def find(self, request: HTTPServerRequest) -> str | None:
        """Who may come in by this door; None when the request shows nothing for it, Refused when too little."""
        ...

    def stranger(self, request: HTTPServerRequest) -> Refused:
        """What somebody is told who came in by no door."""
        ...


@dataclass(frozen=True)
class Doors:
    """All that are there. Somebody unknown to all of them is told by the last."""

    doors: Sequence[Door]

    async def admit(self, request: HTTPServerRequest) -> str:
        """Who asks; Refused when that is nobody who may look."""
        for door in self.doors:
            if name := await door.find(request):
                return name
        raise self.doors[-1].stranger(request)


@dataclass(frozen=True)
class ThisMachine:
    """Whoever is on this machine, while authentication is off everywhere."""

    async def find(self, request: HTTPServerRequest) -> str | None:
        return "this machine"

    def stranger(self, request: HTTPServerRequest) -> Refused:
        return Refused(FORBIDDEN, "Flower is for this machine alone.")


@dataclass(frozen=True)
class Password:
    """HTTP Basic (RFC 7617): for programs such as Prometheus, and for a site without sign-in."""

    credentials: Sequence[str] = field(repr=False)
    """As `user:password`."""

    async def find(self, request: HTTPServerRequest) -> str | None:
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "basic":
            return None
        try:
            shown = base64.b64decode(given.strip(), validate=True)
        except (binascii.Error, ValueError):
            raise self.stranger(request) from None
        # Every one is compared, so that the time tells nothing.
        if not sum([hmac.compare_digest(each.encode(), shown) for each in self.credentials]):
            log.warning("wrong password for Flower", peer=request.remote_ip)
            raise self.stranger(request)
        return shown.partition(b":")[0].decode(errors="replace")

    def stranger(self, request: HTTPServerRequest) -> Refused:
        return Refused(401, "Flower asks for a name and a password.", challenge='Basic realm="Flower", charset="UTF-8"')


@dataclass(frozen=True, kw_only=True)
class ProxyHeader:
    """Who a reverse proxy says has signed in there. Anybody else who sends the header is not believed."""

    header: str
    trusted: Sequence[Network]
    auth: AuthSettings

    async def find(self, request: HTTPServerRequest) -> str | None:
        names = request.headers.get_list(self.header)
        if not names or not is_among(_peer(request), self.trusted):
            return None
        # Of two, the proxy may have written the one and the visitor the other.
        if len(names) > 1 or not 0 < len(names[0]) <= LONGEST_NAME:
            raise Refused(FORBIDDEN, f"The proxy sent {self.header} more than once, empty, or too long.")
        name = names[0]
        # Nobody may come in by a name that reads like another provider's subject.
        is_address = name.count("@") == 1 and ":" not in name
        if not is_operator(name if is_address else "", name, PROXY, self.auth):
            raise Refused(
                FORBIDDEN,
                f"You are {name} to the proxy, who is no operator of this server: MCP_AUTH_OPERATORS must list "
                f"{name if is_address else f'{PROXY}:{name}'}.",
            )
        return name

    def stranger(self, request: HTTPServerRequest) -> Refused:
        return Refused(401, "Flower is reached through the proxy that signs people in.")


def _peer(request: HTTPServerRequest) -> str:
    """The other end of the connection, whatever headers say: tornado's `remote_ip` may come from one."""
    address: Any = getattr(getattr(request.connection, "context", None), "address", None)
    return str(address[0]) if address else ""
