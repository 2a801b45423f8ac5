"""Encryption at rest: what a reader of Redis or of a backup must not see.

A sealed value is `v1 | key id (4) | nonce (12) | AES-256-GCM`. The key is derived per record (HKDF-SHA256, RFC 5869)
and the associated data names kind, record and principal, so a value moved to another record does not open.
"""

import base64
import binascii
import hashlib
import os
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from storage.errors import Unreadable

_VERSION: Final = b"v1"
_KEY_ID: Final = 4
_NONCE: Final = 12
KEY_BYTES: Final = 32


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
    return raw


class KeyRing:
    """The first key seals, every key opens: rotation is a new first key."""

    def __init__(self, ring: Sequence[bytes]) -> None:
        if not ring:
            raise ValueError("a key ring needs a key")
        self._keys = {hashlib.sha256(key).digest()[:_KEY_ID]: key for key in ring}
        self._first = next(iter(self._keys))
        self._cipher = lru_cache(maxsize=4096)(self._derive)

    def __repr__(self) -> str:
        return f"KeyRing({', '.join(key_id.hex()[:4] for key_id in self._keys)})"

    def _derive(self, key_id: bytes, record: str) -> AESGCM:
        derived = HKDF(SHA256(), KEY_BYTES, salt=None, info=b"mcp-playground " + record.encode())
        return AESGCM(derived.derive(self._keys[key_id]))

    def secrets(self, purpose: str) -> list[bytes]:
        """A secret of 32 bytes from each key, newest first, for something else than this ring to seal with."""
        label = f"mcp-playground for {purpose}".encode()
        return [HKDF(SHA256(), KEY_BYTES, salt=None, info=label).derive(key) for key in self._keys.values()]

    def seal(self, plain: bytes, *, kind: str, record: str, principal: str) -> bytes:
        nonce = os.urandom(_NONCE)
        sealed = self._cipher(self._first, record).encrypt(nonce, plain, _associated(kind, record, principal))
        return _VERSION + self._first + nonce + sealed

    def open(self, sealed: bytes, *, kind: str, record: str, principal: str) -> bytes:
        """The plain bytes; Unreadable when no key fits, or kind, record or principal differ."""
        head = len(_VERSION) + _KEY_ID
        key_id = sealed[len(_VERSION) : head]
        if sealed[: len(_VERSION)] != _VERSION or key_id not in self._keys:
            raise Unreadable(f"{kind} {record[:4]}… was sealed under a key that is not in MCP_SECRET_KEYS")
        nonce, body = sealed[head : head + _NONCE], sealed[head + _NONCE :]
        try:
            return self._cipher(key_id, record).decrypt(nonce, body, _associated(kind, record, principal))
        except (InvalidTag, ValueError) as error:
            raise Unreadable(f"{kind} {record[:4]}… was changed or belongs elsewhere") from error


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


def _under(secret: bytes, kind: str) -> AESGCM:
    return AESGCM(HKDF(SHA256(), KEY_BYTES, salt=None, info=f"mcp-playground {kind}".encode()).derive(secret))


def _associated(kind: str, record: str, principal: str) -> bytes:
    return f"{kind}|{record}|{principal}".encode()
