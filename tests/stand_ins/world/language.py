"""The part of Logs Insights' query language that is asked for here, evaluated as the service would; else Malformed."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import Final

from tests.stand_ins.world.lines import Event

Row = dict[str, str]
Value = Callable[[Event], str | None]
Holds = Callable[[Event], bool]

_NAME: Final = r"(@?[A-Za-z][\w.]*)"
_TEXT: Final = r"'((?:[^'\\]|\\.)*)'"
_REGEX: Final = r"/((?:[^/\\]|\\.)*)/"
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600}
_PIECE: Final = re.compile(rf"(?:{_TEXT}|{_REGEX}|[^|'/])+")
_BIN: Final = re.compile(r"bin\((\d+)([smh])\)(?: as (\w+))?")


class Malformed(Exception):
    """What the service answers MalformedQueryException to; the text says where."""


@dataclass
class Query:
    """A query, understood."""

    filters: list[Holds] = field(default_factory=list[Holds])
    names: list[str] = field(default_factory=list[str])
    computed: dict[str, Holds] = field(default_factory=dict[str, Holds])
    counts: list[tuple[str, str | None]] = field(default_factory=list[tuple[str, str | None]])
    """Of `stats`: the name of a column, and what is summed up in it; None counts events."""
    bucket: tuple[int, str] | None = None
    newest_first: bool = True
    limit: int | None = None

    def rows(self, events: Iterable[Event], limit: int) -> list[Row]:
        """What *events*, which come in the query's order, make of it."""
        found = iter(events)
        for holds in self.filters:
            found = filter(holds, found)
        if self.counts:
            return self._counted(found)[: self.limit or limit]
        return [self._row(event) for event in islice(found, min(self.limit or limit, limit))]

    def _row(self, event: Event) -> Row:
        values = ((name, value_of(name)(event)) for name in self.names)
        row = {name: value for name, value in values if value is not None}
        return row | {"@ptr": f"{event.at}-{abs(hash(event.message)) % 10**8}"}

    def _counted(self, events: Iterator[Event]) -> list[Row]:
        step = (self.bucket[0] if self.bucket else 10**9) * 1000
        columns = [self.computed[name] if name else _always for _, name in self.counts]
        sums: dict[int, list[int]] = {}
        for event in events:
            row = sums.setdefault(event.at // step, [0] * len(columns))
            for at, holds in enumerate(columns):
                row[at] += holds(event)
        return [self._group(key * step, sums[key]) for key in sorted(sums, reverse=self.newest_first)]

    def _group(self, key: int, row: list[int]) -> Row:
        named = {self.bucket[1]: printed(key)} if self.bucket else {}
        return named | {name: str(value) for (name, _), value in zip(self.counts, row, strict=True)}


def _always(_: Event) -> bool:
    return True


def parsed(text: str) -> Query:
    """The query that *text* says. Malformed for what is not understood here."""
    query = Query()
    commands = [match[0].strip() for match in _PIECE.finditer(text)]
    if "|".join(match[0] for match in _PIECE.finditer(text)) != text:
        raise Malformed(f"unexpected symbol in {text!r}")
    for command in commands:
        word, _, rest = command.partition(" ")
        reader = _COMMANDS.get(word)
        if reader is None:
            raise Malformed(f"unknown command {word!r}")
        reader(query, rest.strip())
    return query


def printed(at: int) -> str:
    """A time (milliseconds) as Insights prints it."""
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]


def value_of(name: str) -> Value:
    own: Mapping[str, Value] = {
        "@timestamp": lambda event: printed(event.at),
        "@message": lambda event: event.message,
        "@logStream": lambda event: event.stream,
    }
    return own.get(name, lambda event: event.more.get(name))


def _fields(query: Query, rest: str) -> None:
    for part in _split(rest, ","):
        computed = re.fullmatch(r"\((.+)\) as (\w+)", part, re.DOTALL)
        if computed:
            query.computed[computed[2]] = _condition(computed[1])
        elif re.fullmatch(_NAME, part):
            query.names.append(part)
        else:
            raise Malformed(f"unknown field {part!r}")


def _filter(query: Query, rest: str) -> None:
    query.filters += [_condition(part) for part in _split(rest, " and ")]


def _stats(query: Query, rest: str) -> None:
    columns, _, by = rest.partition(" by ")
    for column in columns.split(","):
        found = re.fullmatch(r"(?:count\(\*\)|sum\((\w+)\)) as (\w+)", column.strip())
        if found is None or (found[1] and found[1] not in query.computed):
            raise Malformed(f"unknown function {column!r}")
        query.counts.append((found[2], found[1]))
    if by:
        found = _BIN.fullmatch(by.strip())
        if found is None:
            raise Malformed(f"unknown group {by!r}")
        query.bucket = int(found[1]) * _SECONDS[found[2]], found[3] or f"bin({found[1]}{found[2]})"


def _sort(query: Query, rest: str) -> None:
    name, _, order = rest.partition(" ")
    if order not in ("asc", "desc") or name not in ("@timestamp", query.bucket[1] if query.bucket else ""):
        raise Malformed(f"unknown order {rest!r}")
    query.newest_first = order == "desc"


def _limit(query: Query, rest: str) -> None:
    if not rest.isdigit() or not 1 <= int(rest) <= 10_000:
        raise Malformed(f"limit must be from 1 to 10000, not {rest!r}")
    query.limit = int(rest)


_COMMANDS: Final[Mapping[str, Callable[[Query, str], None]]] = {
    "fields": _fields,
    "filter": _filter,
    "stats": _stats,
    "sort": _sort,
    "limit": _limit,
}


def _condition(text: str) -> Holds:
    """One comparison, in brackets or not."""
    text = text.strip()
    for pattern, make in _CONDITIONS:
        found = re.fullmatch(pattern, text, re.DOTALL)
        if found:
            return make(*found.groups())
    raise Malformed(f"unknown condition {text!r}")


def _like(name: str, denied: str | None, regex: str) -> Holds:
    try:
        search, value = re.compile(regex.replace(r"\/", "/")).search, value_of(name)
    except re.error as error:
        raise Malformed(f"regular expression {regex!r}: {error}") from error
    if name == "@message" and not denied:
        # Asked of a million events.
        return lambda event: search(event.message) is not None
    return lambda event: (search(value(event) or "") is not None) is not bool(denied)


def _contains(name: str, denied: str | None, text: str) -> Holds:
    part, value = _unquoted(text), value_of(name)
    return lambda event: (part in (value(event) or "")) is not bool(denied)


def _equals(name: str, text: str) -> Holds:
    wanted, value = _unquoted(text), value_of(name)
    return lambda event: value(event) == wanted


def _among(name: str, texts: str) -> Holds:
    wanted, value = {_unquoted(match[1]) for match in re.finditer(_TEXT, texts)}, value_of(name)
    return lambda event: value(event) in wanted


_CONDITIONS: Final[tuple[tuple[str, Callable[..., Holds]], ...]] = (
    (rf"{_NAME} (not )?like {_REGEX}", _like),
    (rf"{_NAME} (not )?like {_TEXT}", _contains),
    (rf"{_NAME} ?= ?{_TEXT}", _equals),
    (rf"{_NAME} in \[((?:\s*{_TEXT.replace('(', '(?:', 1)}\s*,?)+)\]", _among),
)


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


def _split(text: str, by: str) -> list[str]:
    """*text* in parts, where *by* stands in no literal."""
    literals = re.compile(rf"{_TEXT}|{_REGEX}")
    hidden = literals.sub(lambda match: "\0" * len(match[0]), text)
    parts, at = list[str](), 0
    for piece in hidden.split(by):
        parts.append(text[at : at + len(piece)].strip())
        at += len(piece) + len(by)
    return parts
