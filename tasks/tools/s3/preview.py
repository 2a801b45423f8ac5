"""The beginning or the end of a text."""

from contextlib import closing
from typing import Any, Final

from botocore.exceptions import BotoCoreError

from tasks.aws.errors import explain
from tasks.tool import Run, ToolError
from tasks.tools.s3.head import Item, archived, reading
from tasks.tools.s3.shapes import Asked, Part, Preview
from tasks.tools.s3.text import GZIP, NotText, Piece, readable, unpacked
from tasks.tools.s3.words import measured, shown

USUAL: Final = 16 * 1024
MOST: Final = 64 * 1024
"""Bytes of one preview."""
AROUND: Final = 16 * 1024
"""Bytes beyond it, read so that secrets at its edge are told: the longest is a private key."""
_MEDIA: Final = ("image/", "video/", "audio/", "font/")
_PACKED: Final = ("application/gzip", "application/x-gzip")


def preview(run: Run, asked: Asked, item: Item) -> Preview:
    """The part that was asked for. ToolError when the object is no text, or cannot be read now."""
    part: Part = asked.part or "start"
    size = asked.max_bytes or USUAL
    _check(item, part)
    data = _read(run, item, part, size + AROUND) if item.size else b""
    is_all = len(data) >= item.size
    is_packed = part == "start" and data.startswith(GZIP)
    try:
        if is_packed:
            data, is_all = _unpacked(data, size + AROUND, is_all=is_all)
        piece = Piece(data, size, is_end=part == "end", is_all=is_all)
        text, encoding = readable(piece)
    except NotText as error:
        raise ToolError(_no_text(item, str(error))) from None
    made: Preview = {
        "text": text,
        "part": part,
        "bytes": len(piece.part.data),
        "encoding": encoding,
        "truncated": not is_all or len(data) > size,
    }
    return {**made, "compression": "gzip"} if is_packed else made


def _check(item: Item, part: Part) -> None:
    """What can be known without reading."""
    if reason := archived(item.told):
        raise ToolError(f"The object {shown(item.key)} cannot be read: {reason}.")
    if item.kind.startswith(_MEDIA) and not item.kind.endswith("+xml"):
        raise ToolError(_no_text(item, f"{item.kind.partition('/')[0]} data"))
    packing = _packing(item)
    if packing and packing != "gzip":
        raise ToolError(_no_text(item, f"compressed ({packing})"))
    if packing and part == "end":
        raise ToolError(f"The object {shown(item.key)} is compressed with gzip: only its start can be read.")


def _packing(item: Item) -> str:
    """How it is compressed, by what its headers and its name say."""
    # Uploads in signed chunks leave a word of their own here, which says nothing about the content.
    words = [each.strip() for each in item.told.get("ContentEncoding", "").lower().split(",")]
    found = ", ".join(each for each in words if each not in ("", "aws-chunked", "identity", "utf-8"))
    return found or ("gzip" if item.kind in _PACKED or item.key.endswith(".gz") else "")


def _read(run: Run, item: Item, part: Part, most: int) -> bytes:
    """At most so many bytes, even of a server that knows no ranges."""
    wanted = f"bytes=0-{most - 1}" if part == "start" else f"bytes=-{most}"
    run.progress(1, 2, f"reading {measured(min(most, item.size))} of {measured(item.size)}")
    ask = item.ask(Range=wanted)
    answer: Any = reading(run, item.place, item.key, lambda: item.place.s3.get_object(**ask))
    if part == "end" and item.size > most and "ContentRange" not in answer:
        answer["Body"].close()
        raise ToolError("This S3 knows no ranges: only the start of an object can be read.")
    try:
        with closing(answer["Body"]) as body:
            data: bytes = body.read(most)
    except BotoCoreError as error:
        run.check()
        raise ToolError(explain(error)) from error
    run.progress(2, 2, f"read {measured(len(data))}")
    return data


def _unpacked(data: bytes, most: int, *, is_all: bool) -> tuple[bytes, bool]:
    data, is_end = unpacked(data, most)
    return data, is_end and is_all


def _no_text(item: Item, kind: str) -> str:
    of = f"{measured(item.size)}, {item.kind}" if item.kind else measured(item.size)
    return f"The object {shown(item.key)} is no text: it is {kind} ({of}). headObject describes it."
