"""What one replica tells the others about open streams. Hints: what must not be missed is looked up as well."""

from typing import NamedTuple

import msgspec

from storage import keys
from storage.connection import Redis


class Abandoned(msgspec.Struct, frozen=True, tag="abandoned"):
    """The client gave up a request of its session."""

    session: str
    request: int | str


class SessionEnded(msgspec.Struct, frozen=True, tag="ended"):
    session: str


class StreamOpened(msgspec.Struct, frozen=True, tag="opened"):
    """*opener* now carries the *stream*: an older response that does ends, for a message travels on one only."""

    session: str
    stream: str
    opener: str


class Opened(NamedTuple):
    """What a response was asked for with: an access token (its hash) of a grant."""

    grant: str
    token: str


class GrantRevoked(msgspec.Struct, frozen=True, tag="revoked"):
    """No token of the grant is good any more: what they opened ends."""

    grant: str
    token: str = ""
    """Only this access token (its hash) is not; empty for all of the grant."""

    def concerns(self, opened: Opened) -> bool:
        return self.grant == opened.grant and self.token in ("", opened.token)


Control = Abandoned | SessionEnded | StreamOpened | GrantRevoked

_DECODER: "msgspec.json.Decoder[Control]" = msgspec.json.Decoder(Control)


async def publish(redis: Redis, control: Control) -> None:
    await redis.publish(keys.CONTROL_CHANNEL, msgspec.json.encode(control))


def decode(message: bytes) -> Control:
    return _DECODER.decode(message)
