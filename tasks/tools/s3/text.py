"""Whether bytes are text, and the part of it that may be shown."""

import codecs
import re
import zlib
from dataclasses import dataclass, replace
from typing import Final

from tasks.mining.clean import visible
from tasks.redact import redact

_MAGIC: Final = (
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"%PDF-", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive, or a document in one"),
    (b"PAR1", "a Parquet file"),
    (b"ORC", "an ORC file"),
    (b"Obj\x01", "an Avro file"),
    (b"(\xb5/\xfd", "compressed with Zstandard"),
    (b"BZh", "compressed with bzip2"),
    (b"\xfd7zXZ", "compressed with xz"),
    (b"7z\xbc\xaf", "a 7-Zip archive"),
    (b"SQLite format 3\0", "an SQLite database"),
    (b"\x7fELF", "a program"),
    (b"\x1f\x8b", "compressed twice"),
)
GZIP: Final = b"\x1f\x8b"
_UTF_16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_CONTROLS: Final = bytes(each for each in range(32) if each not in b"\t\n\r\f\b\a\x1b")
"""Of the C0 set, without those that texts and terminals use."""
_SHARE: Final = 50
"""One in so many bytes may be a control character: random bytes have one in ten."""
_HEADLESS_KEY: Final = re.compile(
    r"\A(?:(?!-----BEGIN ).)*?-----END [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----", re.DOTALL
)


class NotText(Exception):
    """The bytes are something else; the text says what, as far as it is known."""


@dataclass(frozen=True)
class Piece:
    """The start or the end of an object: *size* bytes of it are to be shown.

    The others are there so that a secret can be told that the edge of the part goes through.
    """

    data: bytes
    size: int
    is_end: bool
    is_all: bool

    @property
    def at_start(self) -> bool:
        """Whether the bytes begin where the object does."""
        return self.is_all or not self.is_end

    @property
    def at_end(self) -> bool:
        return self.is_all or self.is_end

    @property
    def part(self) -> "Piece":
        """What is to be shown, alone."""
        if len(self.data) <= self.size:
            return self
        data = self.data[-self.size :] if self.is_end else self.data[: self.size]
        return replace(self, data=data, is_all=False)


def unpacked(data: bytes, most: int) -> tuple[bytes, bool]:
    """At most *most* bytes of what was packed with gzip, and whether that is all of it.

    Never more, however well it was packed. Several members may follow one another (RFC 1952 2.2). NotText when broken.
    """
    made = b""
    while data and len(made) < most:
        # 16 + 15: a gzip header, and its largest window.
        member = zlib.decompressobj(31)
        try:
            made += member.decompress(data, most - len(made))
        except zlib.error as error:
            if made:
                break
            raise NotText("broken gzip") from error
        if not member.eof:
            return made, False
        data = member.unused_data.lstrip(b"\0")
    return made, not data


def readable(piece: Piece) -> tuple[str, str]:
    """The part of *piece* as text, clean and masked, and its encoding. NotText when it is none.

    Secrets are masked in all of the piece, then as much is kept as the part would make.
    """
    encoding = _encoding(piece)
    whole = _masked(_decoded(piece, encoding), is_whole=piece.at_start)
    if piece.part is piece:
        return whole, encoding
    length = len(_masked(_decoded(piece.part, encoding), is_whole=piece.part.at_start))
    if not piece.is_end:
        return whole[:length], encoding
    # A line whose beginning is not shown is not either.
    end = whole[-length:] if length else ""
    return end.partition("\n")[2] or end, encoding


def _encoding(piece: Piece) -> str:
    data = piece.data
    if piece.at_start:
        for magic, kind in _MAGIC:
            if data.startswith(magic):
                raise NotText(kind)
        if data.startswith(_UTF_16):
            return "utf-16"
    if b"\0" in data:
        raise NotText("binary data")
    if len(data) - len(data.translate(None, _CONTROLS)) > len(data) // _SHARE + 1:
        raise NotText("binary data")
    try:
        _decoded(piece, "utf-8")
    except UnicodeDecodeError:
        return "windows-1252"
    return "utf-8"


def _decoded(piece: Piece, encoding: str) -> str:
    """A character that the edge goes through is left out."""
    data = piece.data
    if encoding == "utf-8":
        cut = 0
        while not piece.at_start and cut < min(3, len(data)) and data[cut] & 0xC0 == 0x80:  # noqa: PLR2004  # RFC 3629 3
            cut += 1
        return codecs.getincrementaldecoder("utf-8")().decode(data[cut:], final=piece.at_end)
    if encoding == "utf-16":
        return codecs.getincrementaldecoder("utf-16")("replace").decode(data, final=False)
    return data.decode(encoding, "replace")


def _masked(text: str, *, is_whole: bool) -> str:
    """Clean, without secrets. What is not *is_whole* may begin in the middle of a private key."""
    text = visible(text)
    if not is_whole:
        text = _HEADLESS_KEY.sub("[private key]", text)
    return redact(text)
