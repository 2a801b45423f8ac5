"""Sign-ins under way: a consent page that was shown, and a visit to a provider. Each can be taken once."""

from datetime import timedelta
from typing import Final

import msgspec

from storage import keys
from storage.connection import Redis
from storage.errors import Unreadable
from storage.grants import digest
from storage.seal import KeyRing

LIFE: Final = timedelta(minutes=10)


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """An authorization request that was found good (RFC 6749 4.1.1)."""

    client_id: str
    redirect_uri: str
    state: str | None
    code_challenge: str
    scopes: tuple[str, ...]
    resource: str
    id: str = ""
    """What tells one sign-in from another in the audit trail."""
    is_redirect_given: bool = True
    """Whether the client named the redirect URI, or left it to what it registered."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A consent page, and the browser that it was shown to (hashed)."""

    request: Request
    browser: str


class Visit(msgspec.Struct, frozen=True, kw_only=True):
    """A browser (hashed) on its way to a provider, after its person agreed."""

    request: Request
    browser: str
    provider: str
    nonce: str
    code_verifier: str
    agreement: str = ""
    """What the remembered consent is kept under, if it is."""

    def __repr__(self) -> str:
        return f"Visit(to {self.provider} for {self.request.client_id})"


class SignInStore:
    def __init__(self, redis: Redis, ring: KeyRing) -> None:
        self._redis = redis
        self._ring = ring

    async def ask(self, ticket: str, asked: Asked) -> None:
        await self._put("ask", keys.ask(digest(ticket)), ticket, msgspec.json.encode(asked))

    async def take_asked(self, ticket: str) -> Asked | None:
        """The page this ticket was printed on; nobody gets it a second time."""
        plain = await self._take("ask", keys.ask(digest(ticket)), ticket)
        return None if plain is None else msgspec.json.decode(plain, type=Asked)

    async def send(self, state: str, visit: Visit) -> None:
        await self._put("state", keys.state(digest(state)), state, msgspec.json.encode(visit))

    async def take_visit(self, state: str) -> Visit | None:
        """The visit this state was made for; nobody gets it a second time."""
        plain = await self._take("state", keys.state(digest(state)), state)
        return None if plain is None else msgspec.json.decode(plain, type=Visit)

    async def keep_code(self, state: str, code: str) -> None:
        """Remember the code that was printed for this sign-in."""
        await self._put("signin", keys.signin_code(digest(state)), state, code.encode())

    async def find_code(self, state: str) -> str | None:
        sealed = await self._redis.get(keys.signin_code(digest(state)))
        plain = None if sealed is None else self._open("signin", state, sealed)
        return None if plain is None else plain.decode()

    async def take_code(self, state: str) -> str | None:
        plain = await self._take("signin", keys.signin_code(digest(state)), state)
        return None if plain is None else plain.decode()

    async def use_assertion(self, client_id: str, jti: str, keep: timedelta) -> bool:
        """Whether this is the first time that the client's assertion is shown (RFC 7523 3, 7)."""
        return bool(await self._redis.set(keys.assertion(client_id, jti), b"1", ex=keep, nx=True))

    async def remember(self, agreement: str, keep: timedelta) -> None:
        """Remember that a browser agreed; *agreement* is a hash of its secret and everything it agreed to."""
        await self._redis.set(keys.consent(agreement), b"1", ex=keep)

    async def forget(self, agreement: str) -> None:
        await self._redis.delete(keys.consent(agreement))

    async def remembers(self, agreement: str) -> bool:
        return await self._redis.get(keys.consent(agreement)) is not None

    async def _put(self, kind: str, name: str, secret: str, plain: bytes) -> None:
        sealed = self._ring.seal(plain, kind=kind, record=digest(secret), principal="")
        await self._redis.set(name, sealed, ex=LIFE)

    async def _take(self, kind: str, name: str, secret: str) -> bytes | None:
        sealed = await self._redis.getdel(name)
        return None if sealed is None else self._open(kind, secret, sealed)

    def _open(self, kind: str, secret: str, sealed: bytes) -> bytes | None:
        """None when it was changed, or made for another secret: then there is none for this one."""
        try:
            return self._ring.open(sealed, kind=kind, record=digest(secret), principal="")
        except Unreadable:
            return None
