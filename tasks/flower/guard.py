"""Flower with a guard around all of it.

Who looks is asked where requests are given to handlers, so that no route of this Flower or the next can be forgotten.
"""

# Flower ships no types: this module gives them to what leaves it.
# pyright: reportUntypedBaseClass=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportIncompatibleMethodOverride=false

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import urlsplit

import flower.app
from flower.views.auth import LoginHandler
from flower.views.error import NotFoundErrorHandler
from tornado.httputil import HTTPServerRequest
from tornado.template import filter_whitespace
from tornado.web import RequestHandler

from tasks.flower.doors import Doors
from tasks.flower.refused import FORBIDDEN, Refused, page
from tasks.flower.signin import LIFE, VISIT_LIFE, SignIn

HEALTH: Final = "/healthcheck"
READS: Final = frozenset({"GET", "HEAD"})
TABLE: Final = "/tasks/datatable"
"""What Flower's own page asks by POST, for its query is long; nothing is changed by it."""
LOOPBACK: Final = ("localhost", "127.0.0.1", "[::1]")
_CROSS_ORIGIN: Final = ("Access-Control-Allow-Origin", "Access-Control-Allow-Headers", "Access-Control-Allow-Methods")


def _inline_scripts() -> str:
    """The one script that stands in a page of Flower's, for each value it may hold, by its hash (CSP 3, 2.3.1)."""
    template = (Path(flower.app.__file__).parent / "templates" / "workers.html").read_text()
    found = re.findall(r"<script[^>]*>(.+?)</script>", template, re.DOTALL)
    # As tornado renders it, which leaves out indentation.
    texts = [filter_whitespace("single", each).replace("{{ autorefresh }}", value) for each in found for value in "01"]
    hashes = [base64.b64encode(hashlib.sha256(each.encode()).digest()).decode() for each in texts]
    return " ".join(f"'sha256-{each}'" for each in hashes)


POLICY: Final = (
    f"default-src 'none'; script-src 'self' {_inline_scripts()}; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
HEADERS: Final[Mapping[str, str]] = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # What somebody saw is not shown again by the browser once they have signed out.
    "Cache-Control": "no-store",
}


class GuardedFlower(flower.app.Flower):
    doors: Doors
    signin: SignIn | None = None
    hosts: Sequence[str] = ()
    """Host headers that are answered, without their ports; empty for any."""
    has_password: bool = False

    def find_handler(self, request: HTTPServerRequest, **kwargs: Any) -> Any:  # noqa: ANN401  # tornado's
        """Whichever handler Flower has for it, guarded; none of them when there is no need to ask."""
        if request.path == HEALTH:
            return self.get_handler_delegate(request, Healthy)
        if refused := self._refusal(request):
            return self.get_handler_delegate(request, Refusing, {"refused": refused})
        if self.signin and request.path.rstrip("/") in OWN:
            return self.get_handler_delegate(request, OWN[request.path.rstrip("/")], {"signin": self.signin})
        found: Any = super().find_handler(request, **kwargs)
        found.handler_class = guarded(found.handler_class)
        return found

    def _refusal(self, request: HTTPServerRequest) -> Refused | None:
        named = request.headers.get_list("Host")
        strange = self.hosts and (len(named) != 1 or re.sub(r":[0-9]+$", "", named[0].lower()) not in self.hosts)
        # Programs ask by addresses, and show a password, which must be right: no other way in is tried beside it.
        shows = self.has_password and request.headers.get("Authorization", "").lower().startswith("basic ")
        if strange and not shows:
            # A page elsewhere whose name leads here (DNS rebinding).
            return Refused(421, "Host is not a name of this Flower: MCP_FLOWER_URL must be the one you use.")
        if request.method not in READS and not _is_look_at_the_table(request):
            return Refused(FORBIDDEN, "Flower shows what ran, and changes nothing.")
        return None


def _is_look_at_the_table(request: HTTPServerRequest) -> bool:
    """By a page of ours: another site's would ask in the name of whoever looks at it."""
    site, origin = (request.headers.get(name) for name in ("Sec-Fetch-Site", "Origin"))
    is_own = site == "same-origin" if site else not origin or urlsplit(origin).netloc == request.host
    return request.method == "POST" and request.path == TABLE and is_own


class Secured(RequestHandler):
    """The headers of every answer, and nothing about us in them."""

    def set_default_headers(self) -> None:
        super().set_default_headers()
        for name in (*_CROSS_ORIGIN, "Server"):
            self.clear_header(name)
        for name, value in HEADERS.items():
            self.set_header(name, value)


class Guarded(Secured):
    """Goes before each handler of Flower's."""

    async def prepare(self) -> None:
        try:
            name = await cast("GuardedFlower", self.application).doors.admit(self.request)
        except Refused as refused:
            refused.answer(self)
            return
        self.current_user = name
        waiting = super().prepare()
        if waiting is not None:
            await waiting


@cache
def guarded(handler: type[RequestHandler]) -> type[RequestHandler]:
    # Flower's own sign-in makes a handler of another class, which nobody would guard.
    found = NotFoundErrorHandler if issubclass(handler, LoginHandler) else handler
    return type(f"Guarded{found.__name__}", (Guarded, found), {})


class Own(Secured):
    def write_error(self, status_code: int, **_: Any) -> None:  # noqa: ANN401  # tornado's
        """Nothing of what went wrong: it is in the log."""
        page(self, status_code, "Flower", "This did not work.")


class Healthy(Own):
    """For probes, which have no name here: that it runs, and nothing else."""

    def get(self) -> None:
        self.set_header("Content-Type", "text/plain; charset=UTF-8")
        self.finish("OK")


class Refusing(Own):
    def initialize(self, refused: Refused) -> None:
        self.refused = refused

    def check_xsrf_cookie(self) -> None:
        """There is nothing to protect: the answer is no."""

    def prepare(self) -> None:
        self.refused.answer(self)


class Login(Own):
    def initialize(self, signin: SignIn) -> None:
        self.signin = signin

    async def get(self) -> None:
        answer = {name: values[0].decode("latin-1") for name, values in self.request.query_arguments.items()}
        if answer.keys() & {"code", "error", "state"}:
            await self._arrive(answer)
            return
        departure = self.signin.set_out(answer.get("next", "/"))
        self._keep(*departure.cookie, VISIT_LIFE)
        self.redirect(departure.location, status=303)

    async def _arrive(self, answer: Mapping[str, str]) -> None:
        name = self.signin.visit_cookie(answer.get("state", ""))
        cookie = self.get_cookie(name)
        self._keep(name, "", 0)
        if any(len(values) > 1 for values in self.request.query_arguments.values()):
            Refused(400, "A parameter came twice.").answer(self)
            return
        try:
            session_id, back = await self.signin.arrive(answer, cookie)
        except Refused as refused:
            refused.answer(self)
            return
        self._keep(self.signin.session_cookie(), session_id, LIFE)
        self.redirect(back, status=303)

    def _keep(self, name: str, value: str, seconds: float) -> None:
        # Lax: the authorization server may be another site, and sends the browser back from there.
        self.set_cookie(
            name,
            value,
            path="/",
            max_age=int(seconds),
            secure=self.signin.is_https,
            httponly=True,
            samesite="Lax",
        )


class Logout(Own):
    def initialize(self, signin: SignIn) -> None:
        self.signin = signin

    async def get(self) -> None:
        # A link on another site signs nobody out.
        if self.request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
            page(self, FORBIDDEN, "Flower", "Do you want to sign out?", ("/logout", "Sign out"))
            return
        await self.signin.leave(self.request)
        self.clear_cookie(self.signin.session_cookie(), path="/", secure=self.signin.is_https)
        page(self, 200, "Signed out", "You are signed out of Flower.", ("/login", "Sign in again"))


OWN: Final[Mapping[str, type[Own]]] = {"/login": Login, "/logout": Logout}
"""In place of Flower's own, which know neither our sign-in nor its sessions."""
