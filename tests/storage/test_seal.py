"""What a reader of Redis must not see, and a mover of values must not gain."""

import base64
import os

import pytest

from storage.errors import Unreadable
from storage.seal import KeyRing, decode_key, new_key

OLD, NEW = os.urandom(32), os.urandom(32)
PLACE = {"kind": "event", "record": "r1", "principal": "p1"}


def test_what_is_sealed_can_be_opened_and_is_never_the_same_twice():
    """NIST SP 800-38D: a nonce is used once."""
    ring = KeyRing([OLD])
    one, two = ring.seal(b"secret", **PLACE), ring.seal(b"secret", **PLACE)

    assert one != two
    assert b"secret" not in one + two
    assert ring.open(one, **PLACE) == ring.open(two, **PLACE) == b"secret"


@pytest.mark.parametrize("change", [{"kind": "outcome"}, {"record": "r2"}, {"principal": "p2"}])
def test_a_value_in_another_place_does_not_open(change: dict[str, str]):
    """Ours: kind, record and principal are bound to the value."""
    ring = KeyRing([OLD])

    with pytest.raises(Unreadable):
        ring.open(ring.seal(b"secret", **PLACE), **{**PLACE, **change})


@pytest.mark.parametrize("position", [0, 3, 8, 20, -1])
def test_a_flipped_bit_is_noticed(position: int):
    """NIST SP 800-38D: authenticated."""
    sealed = bytearray(KeyRing([OLD]).seal(b"secret", **PLACE))
    sealed[position] ^= 1

    with pytest.raises(Unreadable):
        KeyRing([OLD]).open(bytes(sealed), **PLACE)


@pytest.mark.parametrize("length", [0, 1, 6, 18, 25])
def test_a_cut_value_is_noticed(length: int):
    """Ours: whatever is missing."""
    with pytest.raises(Unreadable):
        KeyRing([OLD]).open(KeyRing([OLD]).seal(b"secret", **PLACE)[:length], **PLACE)


def test_the_first_key_seals_and_every_key_opens():
    """Ours: rotation is a new first key; an old value stays readable until its key is dropped."""
    before = KeyRing([OLD]).seal(b"secret", **PLACE)
    rotated = KeyRing([NEW, OLD])

    assert rotated.open(before, **PLACE) == b"secret"
    assert KeyRing([NEW]).open(rotated.seal(b"new", **PLACE), **PLACE) == b"new"
    with pytest.raises(Unreadable, match="MCP_SECRET_KEYS"):
        KeyRing([NEW]).open(before, **PLACE)


def test_a_ring_shows_nothing_of_its_keys():
    """Ours: four characters of a hash."""
    shown = repr(KeyRing([OLD]))

    assert OLD.hex() not in shown
    assert len(shown) < 20


@pytest.mark.parametrize(
    "text", ["", "abc", "!" * 44, base64.b64encode(b"x" * 31).decode(), base64.b64encode(b"x" * 33).decode()]
)
def test_a_key_must_be_32_bytes_of_base64(text: str):
    """Ours: said before anything is sealed with less."""
    with pytest.raises(ValueError, match=r"base64|bytes"):
        decode_key(text)


def test_both_alphabets_are_keys():
    """RFC 4648 sections 4 and 5: openssl prints one, we the other."""
    raw = bytes(range(248, 256)) * 2 + bytes(range(16))

    assert decode_key(base64.b64encode(raw).decode()) == decode_key(base64.urlsafe_b64encode(raw).decode()) == raw
    assert len(decode_key(new_key())) == 32


@pytest.mark.parametrize("raw", [bytes(32), b"\xff" * 32, b"0123456789" * 3 + b"01", b"secret" * 5 + b"se"])
def test_a_key_that_somebody_typed_is_none(raw: bytes):
    """A51: zeros, a pattern, a word: not made by chance, and said so; what `keys new` makes is taken."""
    with pytest.raises(ValueError, match="not random"):
        decode_key(base64.b64encode(raw).decode())

    assert len(decode_key(new_key())) == 32
