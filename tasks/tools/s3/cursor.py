"""Where the next page begins, bound to what was asked.

A cursor is no secret and opens nothing: it says what its holder has seen already. It is checked all the same, so that
one that was cut, made up or given with other arguments is refused in words and not answered with the wrong page.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Sequence
from typing import Any, Final, cast

from tasks.tool import ToolError
from tasks.tools.s3.shapes import Asked

LONGEST: Final = 12_000
"""Characters: a key of 1,024 bytes, each escaped."""
_MARK: Final = 8
_UNKNOWN: Final = "The cursor is none that aws_s3 gave, or not the whole of it: leave it out to begin again."
_OTHERS: Final = (
    "The cursor was given for other arguments: repeat the operation, bucket, bucketPrefix and keyPrefix that it came "
    "with, or leave it out to begin again."
)


def issue(asked: Asked, *state: str) -> str:
    """A cursor that `read` turns into *state* again, when the same is asked."""
    body = json.dumps([_bound(asked), *state], ensure_ascii=False).encode()
    return base64.urlsafe_b64encode(_digest(body) + body).decode()


def read(asked: Asked, length: int) -> Sequence[str]:
    """The state behind the cursor: so many words, empty when there is no cursor. ToolError when it does not fit."""
    if not asked.cursor:
        return [""] * length
    bound, *state = _opened(asked.cursor)
    if bound != _bound(asked):
        raise ToolError(_OTHERS)
    if len(state) != length:
        raise ToolError(_UNKNOWN)
    return state


def _opened(cursor: str) -> list[str]:
    try:
        raw = base64.b64decode(cursor.encode(), altchars=b"-_", validate=True)
        found: Any = json.loads(raw[_MARK:]) if raw[:_MARK] == _digest(raw[_MARK:]) else None
    except (binascii.Error, ValueError, RecursionError):
        found = None
    if not isinstance(found, list) or not found or not all(isinstance(each, str) for each in cast("list[Any]", found)):
        raise ToolError(_UNKNOWN)
    return cast("list[str]", found)


def _bound(asked: Asked) -> str:
    named = [asked.operation, asked.bucket, asked.bucket_prefix, asked.key_prefix]
    return _digest(json.dumps(named).encode()).hex()


def _digest(body: bytes) -> bytes:
    return hashlib.sha256(body).digest()[:_MARK]
