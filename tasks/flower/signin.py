"""Signing in to Flower at our own authorization server, and the sessions that come of it.

A session lives in this one process: a browser holds a random id, and its refresh token never leaves here. It ends after
hours whatever happens, and within minutes when the grant behind it is revoked or its person is no operator any more.
"""

import asyncio
import base64
import binascii
import secrets
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, cast
from urllib.parse import urlencode

import msgspec
import structlog
from tornado.httputil import HTTPServerRequest

from storage.errors import Unreadable
from storage.grants import digest
from storage.seal import open_under, seal_under
from tasks.flower.refused import FORBIDDEN, Refused
from tasks.flower.server import Away, NoMore, Server

log = structlog.get_logger(__name__)

LIFE: Final = 8 * 3600.0
"""Seconds that somebody is signed in at most."""
VISIT_LIFE: Final = 600.0
"""Seconds that somebody has to sign in."""
MOST: Final = 1000
"""Sessions; one more ends the one that began first."""
LONGEST_NEXT: Final = 1024
AGAIN: Final = ("/login", "Sign in")


class Visit(msgspec.Struct, frozen=True, kw_only=True):
    """A sign-in under way, sealed into a cookie of the browser that set out on it: it costs nothing to keep."""

    state: str
    verifier: str
    back: str
    """The page that was asked for."""
    ends_at: float


@dataclass
class Session:
    name: str
    refresh: str = field(repr=False)
    ends_at: float
    checked_at: float
    asking: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False)


@dataclass(frozen=True)
class Departure:
    location: str
    cookie: tuple[str, str] = field(repr=False)
    """Its name and value."""


@dataclass(frozen=True, kw_only=True)
class SignIn:
    server: Server
    recheck: float
    """Seconds between two looks whether a session's person may still look."""
    is_https: bool
    sessions: OrderedDict[str, Session] = field(default_factory=OrderedDict[str, Session], repr=False)
    """By the hash of the id that the browser holds."""
    _key: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)

    async def find(self, request: HTTPServerRequest) -> str | None:
        key = self._key_of(request)
        session = self.sessions.get(key)
        if session is None:
            return None
        if session.ends_at <= time.time():
            del self.sessions[key]
            return None
        # A page asks many things at once; the refresh token is good once.
        async with session.asking:
            if key not in self.sessions:
                return None
            if time.time() - session.checked_at >= self.recheck:
                await self._check(key, session)
        return session.name

    def stranger(self, request: HTTPServerRequest) -> Refused:
        asked = request.uri or "/"
        return Refused(401, "Sign in to Flower first.", location=f"/login?{_query(asked)}")

    def set_out(self, back: str) -> Departure:
        """To the authorization server, and *back* to a page of ours."""
        state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(48)
        visit = Visit(state=state, verifier=verifier, back=_own(back), ends_at=time.time() + VISIT_LIFE)
        sealed = base64.urlsafe_b64encode(seal_under(self._key, msgspec.json.encode(visit), kind=_VISIT)).decode()
        return Departure(self.server.authorization_url(state, verifier), (self.visit_cookie(state), sealed))

    async def arrive(self, answer: Mapping[str, str], cookie: str | None) -> tuple[str, str]:
        """A new session's id and the page to go on to. Refused when the answer is no, or is not to be believed."""
        visit = self._visit(answer, cookie)
        if answer.get("iss") != self.server.issuer:
            # RFC 9207 2.4: of another authorization server.
            raise Refused(400, "This answer came from somewhere else. Start again.", link=AGAIN)
        if "error" in answer or "code" not in answer:
            raise Refused(FORBIDDEN, "You did not sign in, or said no.", link=AGAIN)
        try:
            tokens = await self.server.redeem(answer["code"], visit.verifier)
            name = await self.server.who(tokens)
        except NoMore:
            raise Refused(
                FORBIDDEN, "The server that you signed in at says that you may not look.", link=AGAIN
            ) from None
        except Away as error:
            raise _away(error) from None
        session_id, now = secrets.token_urlsafe(32), time.time()
        self.sessions[digest(session_id)] = Session(name, tokens.refresh_token, now + LIFE, now)
        if len(self.sessions) > MOST:
            self.sessions.popitem(last=False)
        log.info("signed in to Flower", person=name)
        return session_id, visit.back

    async def leave(self, request: HTTPServerRequest) -> None:
        """Forget the session of a browser, and tell the server that its grant is over."""
        session = self.sessions.pop(self._key_of(request), None)
        if session is None:
            return
        try:
            await self.server.revoke(session.refresh)
        except (Away, NoMore) as error:
            # Nobody else has its token: it is of no use, and expires.
            log.warning("grant of Flower not revoked", person=session.name, error=str(error))
        log.info("signed out of Flower", person=session.name)

    def session_cookie(self) -> str:
        return self._cookie("mcp_flower")

    def visit_cookie(self, state: str) -> str:
        """One for each sign-in, so that two of them side by side do not spoil each other."""
        return self._cookie(f"mcp_flower_visit_{digest(state)[:8]}")

    def _cookie(self, name: str) -> str:
        # `__Host-` binds a cookie to this very origin, and needs https; plain http is for this machine only.
        return f"__Host-{name}" if self.is_https else name

    def _key_of(self, request: HTTPServerRequest) -> str:
        found: Any = cast("Any", request).cookies.get(self.session_cookie())
        return digest(found.value) if found else ""

    async def _check(self, key: str, session: Session) -> None:
        try:
            session.refresh = (await self.server.refresh(session.refresh)).refresh_token
        except NoMore as error:
            self.sessions.pop(key, None)
            log.info("sign-in to Flower over", person=session.name, why=str(error))
            raise Refused(
                FORBIDDEN,
                f"{session.name} may not look any longer: the sign-in was revoked, or it is no operator's.",
                link=AGAIN,
            ) from None
        except Away as error:
            raise _away(error) from None
        session.checked_at = time.time()

    def _visit(self, answer: Mapping[str, str], cookie: str | None) -> Visit:
        """What this browser set out on. Another browser's answer would sign this one in as somebody else."""
        try:
            opened = open_under(self._key, base64.urlsafe_b64decode(cookie or ""), kind=_VISIT)
            visit = msgspec.json.decode(opened, type=Visit)
        except (Unreadable, binascii.Error, ValueError, msgspec.MsgspecError):
            visit = None
        if (
            visit is None
            or visit.ends_at <= time.time()
            or not secrets.compare_digest(visit.state.encode(), answer.get("state", "").encode())
        ):
            raise Refused(FORBIDDEN, "This sign-in is too old, or was begun in another browser.", link=AGAIN)
        return visit


_VISIT: Final = "visit to Flower"


def _away(error: Away) -> Refused:
    log.warning("the authorization server does not say who may look", error=str(error))
    return Refused(503, "The server that people sign in at cannot be asked whether you may look. Try again soon.")


def _own(back: str) -> str:
    """A page of this origin, or its first one: never an address elsewhere."""
    is_path = back.startswith("/") and not back.startswith(("//", "/\\")) and len(back) <= LONGEST_NEXT
    return back if is_path and back.isprintable() and not back.startswith(("/login", "/logout")) else "/"


def _query(asked: str) -> str:
    return urlencode({"next": _own(asked)})
