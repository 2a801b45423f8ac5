"""Encryption at rest: what a reader of Redis or of a backup must not see.

A sealed value is `v1 | key id (4) | nonce (12) | AES-256-GCM`. The key is derived per record (HKDF-SHA256, RFC 5869)
and the associated data names kind, record and principal, so a value moved to another record does not open.
"""

import base64
import binascii
import hashlib
import os
import time
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

import structlog
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from storage.errors import Unreadable

log = structlog.get_logger(__name__)

_VERSION: Final = b"v1"
_KEY_ID: Final = 4
_NONCE: Final = 12
KEY_BYTES: Final = 32
LEAST_DIFFERENT: Final = 12
"""Of 32 random bytes fewer are different once in a billion billion; in a key somebody typed, seldom as many."""
EVERY: Final = 2.0
"""Seconds between two looks at a ring that may have changed."""

Reread = Callable[[], "Sequence[RingKey] | None"]


def new_key() -> str:
    """A fresh ring key in the form `MCP_SECRET_KEYS` takes."""
    return base64.urlsafe_b64encode(os.urandom(KEY_BYTES)).decode()


def decode_key(text: str) -> bytes:
    """The 32 bytes behind base64 *text* (either alphabet); ValueError otherwise."""
    try:
        raw = base64.b64decode(text.strip().replace("-", "+").replace("_", "/"), validate=True)
    except binascii.Error as error:
        raise ValueError("not base64") from error
    if len(raw) != KEY_BYTES:
        raise ValueError(f"{len(raw)} bytes, not {KEY_BYTES}")
    if len(set(raw)) < LEAST_DIFFERENT:
        raise ValueError("not random: make one with `mcp-playground keys new`")
    return raw


class RingKey(NamedTuple):
    """A key, and from when on it may seal (seconds since the epoch)."""

    key: bytes
    since: float = 0

    @property
    def id(self) -> bytes:
        return hashlib.sha256(self.key).digest()[:_KEY_ID]


def id_of(sealed: bytes) -> bytes | None:
    """The id of the key that a value was sealed under; None when it is no sealed value."""
    head = len(_VERSION) + _KEY_ID
    return sealed[len(_VERSION) : head] if sealed.startswith(_VERSION) and len(sealed) >= head + _NONCE else None


class KeyRing:
    """The first key that may seal already does, every key opens: rotation is a new first key.

    *reread* gives the ring again when it has changed, else None; it is asked now and then, and for an unknown key.
    """

    def __init__(self, ring: Sequence[bytes | RingKey], *, reread: Reread | None = None) -> None:
        if not ring:
            raise ValueError("a key ring needs a key")
        self._reread = reread
        self._cipher = lru_cache(maxsize=4096)(self._derive)
        self._use([key if isinstance(key, RingKey) else RingKey(key) for key in ring])

    def _use(self, ring: Sequence[RingKey]) -> None:
        self._ring = tuple(ring)
        self._keys = {key.id: key.key for key in ring}
        self._looked_at = time.monotonic()

    def _look_again(self, every: float) -> None:
        """Take up a ring that has changed. Other threads see the old one or the new one, and both open."""
        if self._reread is None or time.monotonic() - self._looked_at < every:
            return
        self._looked_at = time.monotonic()
        if ring := self._reread():
            self._use(ring)

    @property
    def first(self) -> bytes:
        """The id of the key that seals now."""
        self._look_again(EVERY)
        now = time.time() if self._ring[0].since else 0
        return next((key.id for key in self._ring if key.since <= now), self._ring[-1].id)

    def __repr__(self) -> str:
        return f"KeyRing({', '.join(key_id.hex()[:4] for key_id in self._keys)})"

    @property
    def ring(self) -> Sequence[RingKey]:
        """Every key, newest first."""
        self._look_again(0)
        return self._ring

    def _derive(self, key_id: bytes, record: str) -> AESGCM:
        derived = HKDF(SHA256(), KEY_BYTES, salt=None, info=b"mcp-playground " + record.encode())
        return AESGCM(derived.derive(self._keys[key_id]))

    def secret(self, purpose: str) -> bytes:
        """A secret of 32 bytes that every process derives alike: of the oldest key, which all of them have."""
        label = f"mcp-playground for {purpose}".encode()
        return HKDF(SHA256(), KEY_BYTES, salt=None, info=label).derive(self._ring[-1].key)

    def seal(self, plain: bytes, *, kind: str, record: str, principal: str) -> bytes:
        nonce, first = os.urandom(_NONCE), self.first
        sealed = self._cipher(first, record).encrypt(nonce, plain, _associated(kind, record, principal))
        return _VERSION + first + nonce + sealed

    def open(self, sealed: bytes, *, kind: str, record: str, principal: str) -> bytes:
        """The plain bytes; Unreadable when no key fits, or kind, record or principal differ."""
        head = len(_VERSION) + _KEY_ID
        key_id = sealed[len(_VERSION) : head]
        if key_id not in self._keys:
            self._look_again(0)
        if sealed[: len(_VERSION)] != _VERSION or key_id not in self._keys:
            raise _refused(kind, record, "was sealed under a key that is not in MCP_SECRET_KEYS")
        nonce, body = sealed[head : head + _NONCE], sealed[head + _NONCE :]
        try:
            return self._cipher(key_id, record).decrypt(nonce, body, _associated(kind, record, principal))
        except (InvalidTag, ValueError) as error:
            raise _refused(kind, record, "was changed or belongs elsewhere") from error


def seal_under(secret: bytes, plain: bytes, *, kind: str) -> bytes:
    """Encrypt for whoever holds *secret*, which must be random and is not stored."""
    nonce = os.urandom(_NONCE)
    return nonce + _under(secret, kind).encrypt(nonce, plain, kind.encode())


def open_under(secret: bytes, sealed: bytes, *, kind: str) -> bytes:
    """What `seal_under` got; Unreadable with another secret."""
    try:
        return _under(secret, kind).decrypt(sealed[:_NONCE], sealed[_NONCE:], kind.encode())
    except (InvalidTag, ValueError) as error:
        raise Unreadable(f"{kind} was sealed under another secret") from error


def _refused(kind: str, record: str, why: str) -> Unreadable:
    """Said here, where everything that is opened passes: somebody may be at work in Redis."""
    log.warning("sealed value refused", kind=kind, record=f"{record[:4]}…", why=why)
    return Unreadable(f"{kind} {record[:4]}… {why}")


def _under(secret: bytes, kind: str) -> AESGCM:
    return AESGCM(HKDF(SHA256(), KEY_BYTES, salt=None, info=f"mcp-playground {kind}".encode()).derive(secret))


def _associated(kind: str, record: str, principal: str) -> bytes:
    return f"{kind}|{record}|{principal}".encode()
