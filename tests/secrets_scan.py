"""Nothing secret in a log or in Redis: looked for wherever a stack of a test has been, when it stops.

What is looked for is whatever has the form of something we issue, whatever the settings of the stack keep secret, and
the canaries: what the tests' own clients and people were given or made up, noted as it goes (`tests.oauth`).
"""

import base64
import binascii
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import parse_qs, urlsplit

import httpx2

from tests.redis_client import client_of

SHORTEST: Final = 8
"""Characters; what is shorter is found everywhere."""
ISSUED: Final = re.compile(
    rb"mcp_(?:ac|at|rt)_[0-9a-f]{32}_[A-Za-z0-9_-]{43}|mcp_cs_[A-Za-z0-9_-]{43}|-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----"
)
_WORD: Final = re.compile(rb"[A-Za-z0-9_\-+/=.~]{8,}")
_RANDOM: Final = re.compile(r"[A-Za-z0-9._~-]{10,}")
_BASE64: Final = re.compile(rb"[A-Za-z0-9+/]{24,}={0,2}")
_TICKET: Final = re.compile(r'name="ticket" value="([^"]+)"')
_SECRET_FIELDS: Final = ("access_token", "refresh_token", "id_token", "client_secret", "registration_access_token")
_SECRET_PARAMETERS: Final = ("code", "state", "nonce", "code_verifier")
_PIPED: Final = 500
"""Keys that are read in one round trip."""


class Canaries:
    """Values that may stand nowhere, and those that may stand in a log: each with what it is."""

    def __init__(self) -> None:
        self.anywhere: dict[bytes, str] = {}
        self.stored: dict[bytes, str] = {}

    def note(self, what: str, *values: str | None) -> None:
        """None of *values* may be in Redis or in a log from now on."""
        self.anywhere.update(_needles(what, values))

    def note_printed(self, what: str, *values: str | None) -> None:
        """A program prints these on purpose; they may not be in Redis."""
        self.stored.update(_needles(what, values))

    def learn(self, answer: httpx2.Response) -> None:
        """Note whatever an answer of an authorization server hands out: cookies, codes, states, tickets, tokens."""
        self.note("a cookie", *(cookie.value for cookie in answer.cookies.jar))
        location = urlsplit(answer.headers.get("location", ""))
        told = parse_qs(location.query)
        if location.path == "/oauth/callback/local":
            self.note_printed("a sign-in code", *told.pop("code", ()))
        for name in _SECRET_PARAMETERS:
            # A client may send any state: "<script>" is none that could give anything away.
            self.note(f"a {name}", *(value for value in told.get(name, ()) if _RANDOM.fullmatch(value)))
        kind = answer.headers.get("content-type", "").partition(";")[0]
        if kind == "application/json":
            self._learn_json(answer.read())
        elif kind == "text/html":
            answer.read()
            self.note("a ticket", *_TICKET.findall(answer.text))

    def _learn_json(self, body: bytes) -> None:
        for name in _SECRET_FIELDS:
            found = re.findall(rb'"' + name.encode() + rb'"\s*:\s*"([^"]+)"', body)
            self.note(f"a {name}", *(value.decode() for value in found))


CANARIES: Final = Canaries()
"""Of this process's tests."""


def _needles(what: str, values: Iterable[str | None]) -> dict[bytes, str]:
    return {value.encode(): what for value in values if value and len(value) >= SHORTEST}


_NAMED: Final = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "MCP_FLOWER_SECRET")


def secrets_of(settings: Mapping[str, str]) -> dict[bytes, str]:
    """What a stack's own settings keep secret: its key ring in every spelling, passwords, client secrets."""
    found: dict[bytes, str] = {}
    for name, value in settings.items():
        if name == "MCP_SECRET_KEYS":
            found |= _ring(name, value.replace(",", " ").split())
        elif name == "MCP_SECRET_KEYS_FILE" and Path(value).is_file():
            found |= _ring(name, Path(value).read_text().split())
        elif name.endswith("_CLIENT_SECRET") or name in _NAMED:
            found |= _needles(name, [value])
        elif name == "MCP_REDIS_URL":
            found |= _needles(f"the password in {name}", [urlsplit(value).password])
        elif name == "FLOWER_BASIC_AUTH":
            found |= _needles(f"the password in {name}", [value.partition(":")[2]])
    return found


def _ring(what: str, words: Iterable[str]) -> dict[bytes, str]:
    found: dict[bytes, str] = {}
    for word in words:
        try:
            raw = base64.b64decode(word.replace("-", "+").replace("_", "/"), validate=True)
        except binascii.Error:
            continue
        if len(raw) == 32:
            spellings = (raw, raw.hex().encode(), base64.b64encode(raw), base64.urlsafe_b64encode(raw))
            found |= {spelling.rstrip(b"="): f"a key of {what}" for spelling in spellings}
    return found


def found_in(parts: Iterable[bytes], needles: Mapping[bytes, str]) -> list[str]:
    """What of *needles*, or of what we issue, stands in *parts*: named, with four characters of it."""
    seen: dict[str, None] = {}
    words: set[bytes] = set()
    raw = [needle for needle in needles if not _WORD.fullmatch(needle)]
    for part in parts:
        for text in (part, *_decoded(part)):
            seen |= {f"what we issue ({_shown(match)})": None for match in ISSUED.findall(text)}
            seen |= {f"{needles[needle]} ({_shown(needle)})": None for needle in raw if needle in text}
            words.update(_WORD.findall(text))
    # The same words come again and again in a log: looked through once, all together.
    heap = b"\n".join(words)
    seen |= {f"{what} ({_shown(needle)})": None for needle, what in needles.items() if needle in heap}
    return list(seen)


def _decoded(part: bytes) -> Iterator[bytes]:
    """What stands in *part* as base64, as kombu's messages do."""
    for word in _BASE64.findall(part):
        try:
            yield base64.b64decode(word, validate=True)
        except binascii.Error:
            continue


def _shown(secret: bytes) -> str:
    return f"{secret[:4]!r}…" if not secret.startswith(b"mcp_") else f"{secret[:11]!r}…"


def everything_in(url: str, settings: Mapping[str, str] | None = None) -> Iterator[bytes]:
    """Every key of a Redis database by its name, with all that is under it, whatever its type."""
    with client_of({**(settings or {}), "MCP_REDIS_URL": url}) as client:
        names: list[bytes] = list(client.scan_iter(count=1000))
        for start in range(0, len(names), _PIPED):
            some = names[start : start + _PIPED]
            kinds = _piped(client, [("TYPE", name) for name in some])
            pairs = [(name, _READ[kind]) for name, kind in zip(some, kinds, strict=True) if kind in _READ]
            commands = [(command, name, *rest) for name, (command, rest) in pairs]
            yield from some
            for answer in _piped(client, commands):
                yield b" ".join(_flat(answer))


_READ: Final[Mapping[bytes, tuple[str, tuple[object, ...]]]] = {
    b"string": ("GET", ()),
    b"hash": ("HGETALL", ()),
    b"list": ("LRANGE", (0, -1)),
    b"set": ("SMEMBERS", ()),
    b"zset": ("ZRANGE", (0, -1)),
    b"stream": ("XRANGE", ("-", "+")),
}
"""By type, what reads all of a key: a command, and what follows the key's name."""


def _piped(client: Any, commands: list[tuple[Any, ...]]) -> list[Any]:
    pipe = client.pipeline(transaction=False)
    for command in commands:
        pipe.execute_command(*command)
    return pipe.execute()


def _flat(answer: object) -> Iterator[bytes]:
    """Every byte string in an answer of Redis, however deep."""
    if isinstance(answer, bytes):
        yield answer
    elif isinstance(answer, dict):
        for pair in cast("dict[object, object]", answer).items():
            yield from _flat(list(pair))
    elif isinstance(answer, list | tuple | set):
        for each in cast("Iterable[object]", answer):
            yield from _flat(each)


def scan_logs(files: Iterable[Path], settings: Mapping[str, str]) -> list[str]:
    """What stands in files that no secret may stand in."""
    needles = secrets_of(settings) | CANARIES.anywhere
    return [f"{file.name}: {each}" for file in files for each in found_in([file.read_bytes()], needles)]


def scan_redis(url: str, settings: Mapping[str, str]) -> list[str]:
    """What stands in clear in a Redis database."""
    needles = secrets_of(settings) | CANARIES.anywhere | CANARIES.stored
    return [f"Redis: {each}" for each in found_in(everything_in(url, settings), needles)]


def scan_files(folder: Path, settings: Mapping[str, str]) -> list[str]:
    """What stands in clear in what Redis wrote to disk: append-only files and its log."""
    needles = secrets_of(settings) | CANARIES.anywhere | CANARIES.stored
    files = [file for file in folder.rglob("*") if file.is_file()]
    return [f"{file.name}: {each}" for file in files for each in found_in([file.read_bytes()], needles)]
