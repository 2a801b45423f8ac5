"""The outermost layer, the same for every route: who may knock, and what every answer carries.

Host and Origin are checked here and nowhere else, so no route can be forgotten (DNS rebinding, MCP transports:
security warning). An address literal cannot be rebound, so it needs no allow-list.
"""

import ipaddress
import re
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from typing import Any, Final, cast
from urllib.parse import urlsplit

import structlog
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from api import refusals
from api.address import client_address
from api.deadlines import TimedBody
from api.limit import LEFT
from api.measured import Measured
from api.settings import WebSettings
from api.traced import TRACED, Traced
from storage import traces
from storage.records import new_id

LOOPBACK_ORIGIN: Final = r"https?://(localhost|127\.0\.0\.1|\[::1\])(:[0-9]{1,5})?"
_REQUEST_ID: Final = re.compile(rb"[A-Za-z0-9._-]{8,64}")
OWN_FORMS: Final = ("/oauth/consent", "/oauth/local")
MISDIRECTED: Final = 421
"""RFC 9110 15.5.20: this is not the server that was asked for."""
MCP_PATH: Final = "/mcp"
"""Whose requests are in the trace of their sender, once it is known who that is."""
_QUIET: Final = ("/ping", "/health/")

log = structlog.get_logger(__name__)


class Doorkeeper:
    """Which Host and Origin headers may pass."""

    def __init__(self, web: WebSettings) -> None:
        public = urlsplit(web.public_url).netloc if web.public_url else ""
        self._hosts = {name.lower() for name in ("localhost", public, *web.allowed_hosts) if name}
        self.origins = tuple(origin for origin in (web.public_url, *web.allowed_origins) if origin)
        self.origin_pattern = re.compile(LOOPBACK_ORIGIN) if web.is_loopback() else None

    def host(self, value: str) -> bool:
        """An address literal, localhost, or a name of ours; a listed name without a port stands for every port."""
        host = value.lower()
        name = host.rpartition(":")[0] if re.search(r":[0-9]+$", host) else host
        return bool(name) and (host in self._hosts or name in self._hosts or _is_address(name))

    def origin(self, value: str) -> bool:
        return value in self.origins or bool(self.origin_pattern and self.origin_pattern.fullmatch(value))


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    return True


class Edge:
    """Checks Host and Origin, names the request, adds the security headers, writes one log line."""

    def __init__(self, app: ASGIApp, web: WebSettings) -> None:
        self._app = app
        self._door = Doorkeeper(web)
        self._body_within = web.body_timeout
        self._proxies = web.trusted_proxies
        self._headers = _security_headers(https=bool(web.public_url and web.public_url.startswith("https://")))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        given = headers.get(b"x-request-id", b"")
        request_id = given.decode() if _REQUEST_ID.fullmatch(given) else new_id()
        where = {"from": client_address(scope, self._proxies)}
        with structlog.contextvars.bound_contextvars(request=request_id, **where):
            measured = Measured(scope)

            async def sending(message: Message) -> None:
                measured.see(message)
                if message["type"] == "http.response.start":
                    given_headers = list(message.get("headers", []))
                    said = {name for name, _ in given_headers}
                    # A page may say its own policy: it knows what it holds.
                    own = [each for each in self._headers if each[0] not in said]
                    left: list[tuple[bytes, bytes]] = cast("dict[str, Any]", scope).get(LEFT, [])
                    message["headers"] = [*given_headers, *own, *left, (b"x-request-id", request_id.encode())]
                await send(message)

            with _traced(scope, measured):
                try:
                    await self._serve(scope, receive, sending, headers)
                finally:
                    measured.close()
                _log(scope, measured.status, measured.seconds)

    async def _serve(self, scope: HTTPScope, receive: Receive, send: Send, headers: Mapping[bytes, bytes]) -> None:
        if refusal := self._refusal(scope, headers):
            refusals.count_as("host" if refusal[0] == MISDIRECTED else "origin")
            await _refuse(*refusal, send)
        elif _has_body(headers):
            timed = TimedBody(receive, send, within=self._body_within)
            await self._app(scope, timed.receive, timed.send)
        else:
            await self._app(scope, receive, send)

    def _refusal(self, scope: HTTPScope, headers: Mapping[bytes, bytes]) -> tuple[int, str] | None:
        hosts, origins = _values(scope, b"host"), _values(scope, b"origin")
        # RFC 9112 3.2: there is one Host. Of two, a proxy may believe the one and we the other.
        if len(hosts) != 1 or not self._door.host(hosts[0]):
            return MISDIRECTED, "Host is not a name of this server: MCP_PUBLIC_URL or MCP_ALLOWED_HOSTS must list it"
        # Browsers hide the origin of a form on a page without referrer, and vouch for it by another header.
        is_form = scope["path"] in OWN_FORMS and headers.get(b"sec-fetch-site") == b"same-origin"
        if origins and not (is_form and origins == ["null"]) and not all(map(self._door.origin, origins)):
            return 403, "Origin may not call this server: MCP_ALLOWED_ORIGINS must list it"
        return None


@contextmanager
def _traced(scope: HTTPScope, measured: Measured) -> Generator[None]:
    """A span around a request, while there are traces; health checks are too many."""
    if not traces.is_on() or scope["path"].startswith(_QUIET):
        yield
        return
    traced = cast("dict[str, Any]", scope)[TRACED] = Traced(scope)
    if scope["path"] != MCP_PATH:
        traced.begin()
    try:
        yield
    finally:
        traced.answered(measured.status)
        traced.close()


def _values(scope: HTTPScope, wanted: bytes) -> list[str]:
    """What every header of this name says."""
    return [value.decode("latin-1").strip() for name, value in scope["headers"] if name == wanted]


def _security_headers(*, https: bool) -> list[tuple[bytes, bytes]]:
    headers = [
        (b"x-content-type-options", b"nosniff"),
        (b"x-frame-options", b"DENY"),
        (b"referrer-policy", b"no-referrer"),
        (
            b"content-security-policy",
            b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
        ),
        (b"cross-origin-opener-policy", b"same-origin"),
        (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
    ]
    return [*headers, (b"strict-transport-security", b"max-age=31536000; includeSubDomains")] if https else headers


def _has_body(headers: Mapping[bytes, bytes]) -> bool:
    """RFC 9112 6: it says so by either of two headers."""
    return b"transfer-encoding" in headers or headers.get(b"content-length", b"0") != b"0"


async def _refuse(status: int, sentence: str, send: Send) -> None:
    body = sentence.encode()
    headers: Iterable[tuple[bytes, bytes]] = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})


def _log(scope: HTTPScope, status: int, seconds: float) -> None:
    quiet = scope["path"].startswith(_QUIET) and status < 400  # noqa: PLR2004  # HTTP: 4xx and 5xx are failures
    write = log.debug if quiet else log.info
    write("request", method=scope["method"], path=scope["path"], status=status, ms=round(seconds * 1000, 1))
