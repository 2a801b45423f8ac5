"""The `requestState` of the stateless era, sealed under our own key ring: it turns while the server runs."""

import base64
import binascii
from dataclasses import dataclass
from typing import Final

from mcp.server.request_state import InvalidRequestState

from storage.errors import Unreadable
from storage.seal import KeyRing

_RECORD: Final = "requestState"


@dataclass(frozen=True)
class RingCodec:
    """The SDK's `RequestStateCodec`: what it gives is checked for time, request and principal there."""

    ring: KeyRing

    def seal(self, payload: bytes) -> str:
        sealed = self.ring.seal(payload, kind=_RECORD, record=_RECORD, principal="")
        return base64.urlsafe_b64encode(sealed).decode().rstrip("=")

    def unseal(self, token: str) -> bytes:
        try:
            sealed = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
            if base64.urlsafe_b64encode(sealed).decode().rstrip("=") != token:
                raise InvalidRequestState("not canonical")
            return self.ring.open(sealed, kind=_RECORD, record=_RECORD, principal="")
        except (binascii.Error, ValueError, Unreadable) as error:
            raise InvalidRequestState("not sealed by us") from error
