"""Bytes that somebody put into a bucket: text or not, and what of it may be shown."""

import gzip
import io
import os
import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.tools.s3.text import NotText, Piece, readable, unpacked

MIB = 1024 * 1024


def start(data: bytes, size: int, *, is_all: bool = False) -> str:
    return readable(Piece(data, size, is_end=False, is_all=is_all))[0]


def end(data: bytes, size: int, *, is_all: bool = False) -> str:
    return readable(Piece(data, size, is_end=True, is_all=is_all))[0]


def test_a_bomb_is_unpacked_no_further_than_asked():
    """Ours: a gigabyte in a megabyte costs no more than the kilobytes that are shown (CWE-409)."""
    packer = zlib.compressobj(9, wbits=31)
    bomb = b"".join(packer.compress(bytes(b"a" * MIB)) for _ in range(256)) + packer.flush()
    tracemalloc.start()

    made, is_all = unpacked(bomb[: 32 * 1024], 32 * 1024)

    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (made, is_all) == (b"a" * 32 * 1024, False)
    assert peak < MIB


def test_a_bomb_of_many_members_ends_too():
    """RFC 1952 2.2: members that hold nothing are read and add nothing."""
    assert unpacked(gzip.compress(b"") * 2000 + gzip.compress(b"end"), 100) == (b"end", True)


def test_members_follow_one_another():
    """RFC 1952 2.2: logs are often appended to so."""
    assert unpacked(gzip.compress(b"one\n") + gzip.compress(b"two\n") + b"\0" * 512, 100) == (b"one\ntwo\n", True)


def test_what_is_not_all_there_is_unpacked_as_far_as_it_goes():
    """Ours: the start of a packed object is enough for its text's start."""
    whole = "".join(f"line {number}\n" for number in range(9999)).encode()

    made, is_all = unpacked(gzip.compress(whole)[:2000], MIB)

    assert whole.startswith(made)
    assert len(made) > 2000
    assert is_all is False


def test_broken_gzip_is_said_to_be_broken():
    """Ours."""
    with pytest.raises(NotText, match="broken gzip"):
        unpacked(b"\x1f\x8b" + b"\xff" * 50, 100)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"\x89PNG\r\n\x1a\n", "PNG"),
        (b"%PDF-1.7 text to begin with", "PDF"),
        (b"PK\x03\x04 and so on", "ZIP"),
        (b"PAR1 and so on", "Parquet"),
        (b"a\0b", "binary data"),
        (bytes(range(1, 256)) * 20, "binary data"),
        (b"\x1f\x8b again", "compressed twice"),
    ],
)
def test_what_is_no_text_is_refused_by_what_it_is(data: bytes, kind: str):
    """Ours: whatever its content type claims."""
    with pytest.raises(NotText, match=kind):
        start(data, 1000)


def test_random_bytes_are_no_text():
    """Ours: without a zero or a name, by how often control characters occur."""
    data = os.urandom(50_000).translate(None, b"\0")

    with pytest.raises(NotText):
        start(b"x" + data, 1000)


@pytest.mark.parametrize(
    ("data", "text", "encoding"),
    [
        ("größe\n".encode(), "größe\n", "utf-8"),
        (b"\xef\xbb\xbfwith a mark", "with a mark", "utf-8"),
        ("größe".encode("utf-16"), "größe", "utf-16"),
        ("größe „so“".encode("cp1252"), "größe „so“", "windows-1252"),
        (b"\x1b[31mred\x1b[0m\r\nnext\x07", "red\nnext", "utf-8"),
        ("left\u202eright\u200b".encode(), "leftright", "utf-8"),
        (b"", "", "utf-8"),
    ],
)
def test_text_is_read_in_its_encoding_and_comes_out_clean(data: bytes, text: str, encoding: str):
    """Ours: nothing steers a terminal, turns or hides."""
    assert readable(Piece(data, 1000, is_end=False, is_all=True)) == (text, encoding)


@pytest.mark.parametrize("size", range(1, 24))
def test_a_character_that_the_edge_goes_through_is_left_out(size: int):
    """RFC 3629: no replacement mark, and no other encoding, because of where the part ends."""
    text = "aé漢🙂" * 3
    data = text.encode()

    assert text.startswith(start(data[:size], size))
    assert text.endswith(end(data[-size:], size))
    assert "\ufffd" not in start(data, size) + end(data, size)


KEY = "-----BEGIN RSA PRIVATE KEY-----\n" + "\n".join(["MIIEowIBAAKC" * 5] * 20) + "\n-----END RSA PRIVATE KEY-----\n"
SECRETS = f"first\nuser=me password=correct-horse-battery\n{KEY}key AKIAABCDEFGHIJKLMNOP last\n"


def test_no_edge_shows_a_piece_of_a_secret():
    """Ours: wherever the part begins or ends, what was cut off is known, and the secret is masked."""
    data = SECRETS.encode()
    for size in range(1, len(data) + 1):
        for text in (start(data, size), end(data, size), end(data, size, is_all=True)):
            assert not any(word in text for word in ("horse", "battery", "EowIBA", "KIAABC", "KLMNOP")), (size, text)


def test_a_key_whose_beginning_was_not_read_is_masked_by_its_end():
    """Ours: the body of a private key is no text to show."""
    data = SECRETS.encode()

    text = end(data[300:], 5000)

    assert "MIIEow" not in text
    assert text.startswith("[private key]\nkey [aws key] last")


def test_an_end_begins_with_a_whole_line_where_it_can():
    """Ours."""
    data = b"".join(b"line %d\n" % number for number in range(1000))

    assert end(data, 20) == "line 998\nline 999\n"
    assert end(b"x" * 1000, 20) == "x" * 20


@given(st.binary(max_size=3000), st.integers(1, 2000), st.booleans(), st.booleans())
def test_any_bytes_are_refused_or_harmless(data: bytes, size: int, is_end: bool, is_all: bool):  # noqa: FBT001
    """Ours: no exception of another kind, no control character, and no more than was asked for."""
    try:
        text, _ = readable(Piece(data, size, is_end=is_end, is_all=is_all))
    except NotText:
        return

    assert all(each in "\t\n" or each >= " " for each in text)
    assert len(text) <= len(data) * 2 + 32


def test_a_whole_piece_is_shown_whole():
    """Ours: what fits is not cut at a line."""
    data = b"one\ntwo"

    assert start(data, 7, is_all=True) == end(data, 7, is_all=True) == "one\ntwo"


def test_unpacking_reads_what_python_packs():
    """The other side: a stream without its length in the header."""
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb") as file:
        file.write(b"text")

    assert unpacked(packed.getvalue(), 100) == (b"text", True)
