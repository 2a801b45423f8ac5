"""The language of Logs Insights, as far as our queries use it: what they say is done, and what is not known is refused.

After AWS's reference (CWL_QuerySyntax): commands are parted by |, `like` takes a regular expression or a quoted text,
fields of JSON messages are found by themselves, and `diff` stands right after `pattern`. Groups of patterns are cruder
than AWS's: words with a digit in them are what varies.
"""

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

Row = dict[str, str]
DAY = 86_400
_UNITS = {"m": (60, 60), "h": (3_600, 24)}
"""Seconds, and as many of them as bin takes."""

_COMMANDS = re.compile(r"(?:'(?:[^'\\]|\\.)*'|/(?:[^/\\]|\\.)*/|[^|'/])+")
_PARTS = re.compile(r"(?:'(?:[^'\\]|\\.)*'|\([^()]*\)|[^,'(])+")
_LITERAL = r"'(?:[^'\\]|\\.)*'"
_TERM = re.compile(
    rf"(?P<name>[@\w]+) (?:like /(?P<like>(?:[^/\\]|\\.)*)/|like (?P<holds>{_LITERAL})|= (?P<equals>{_LITERAL})"
    rf"|in \[(?P<among>.*)\]|>= (?P<least>\d+))|ispresent\((?P<present>[@\w]+)\)"
)


class Malformed(Exception):
    """A query that is none, or that we do not know."""


@dataclass
class Evaluated:
    rows: list[Row]
    matched: int
    read: int


@dataclass
class _State:
    """The events that are left, and what will be shown of them."""

    rows: list[Row]
    shown: list[str] = field(default_factory=list[str])
    matched: int | None = None
    """How many events there were when they were made something else of."""
    sort: tuple[str, bool] = ("@timestamp", True)


def evaluate(text: str, read: Callable[[float, float], list[Row]], start: float, end: float) -> Evaluated:
    """What a query of the events from *start* to *end* answers; *read* gives the events of a time."""
    commands = [command.strip() for command in _COMMANDS.findall(text)]
    if " | ".join(commands) != text:
        raise Malformed(f"unexpected symbol in {text}")
    events = read(start, end)
    state = _State([_discovered(event) for event in events])
    for number, command in enumerate(commands):
        if command == "diff previousDay":
            if number == 0 or not commands[number - 1].startswith("pattern "):
                raise Malformed("Diff operation has to be used after Pattern")
            before = evaluate(" | ".join(commands[:number]), read, start - DAY, end - DAY)
            state.rows = _differences(state.rows, before.rows)
        else:
            _run(state, command)
    matched = len(state.rows) if state.matched is None else state.matched
    return Evaluated([_projected(state, row) for row in state.rows], matched, len(events))


def printed(moment: datetime) -> str:
    """A time as Insights prints it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]


def seconds(row: Row) -> float:
    return datetime.fromisoformat(row["@timestamp"]).replace(tzinfo=UTC).timestamp()


def _run(state: _State, command: str) -> None:
    name, _, rest = command.partition(" ")
    known: dict[str, Callable[[_State, str], None]] = {
        "fields": _fields,
        "filter": _filter,
        "parse": _parse,
        "sort": _sort,
        "limit": _limit,
        "stats": _stats,
        "pattern": _pattern,
    }
    if name not in known:
        raise Malformed(f"mismatched input '{name}'")
    known[name](state, rest)


def _fields(state: _State, rest: str) -> None:
    for part in _parts(rest):
        if made := re.fullmatch(r"coalesce\((.*)\) as (\w+)", part):
            for row in state.rows:
                value = next(filter(None, (_value(row, term) for term in _parts(made[1]))), None)
                if value is not None:
                    row[made[2]] = value
            state.shown.append(made[2])
        elif re.fullmatch(r"[@\w]+", part):
            state.shown.append(part)
        else:
            raise Malformed(f"unknown expression {part}")


def _filter(state: _State, rest: str) -> None:
    for term in re.split(r" and (?=[@\w]+ (?:=|in|like|>=) )", rest):
        found = _TERM.fullmatch(term)
        if found is None:
            raise Malformed(f"unknown condition {term}")
        state.rows = [row for row in state.rows if _holds(row, found)]


def _holds(row: Row, term: re.Match[str]) -> bool:
    value = row.get(term["name"] or term["present"])
    if value is None or term["present"]:
        return value is not None
    if term["like"] is not None:
        return re.search(term["like"], value) is not None
    if term["holds"]:
        return _text(term["holds"]) in value
    if term["equals"]:
        return value == _text(term["equals"])
    if term["among"]:
        return value in map(_text, _parts(term["among"]))
    number = _number(value)
    return number is not None and number >= float(term["least"])


def _parse(state: _State, rest: str) -> None:
    found = re.fullmatch(r"@message /((?:[^/\\]|\\.)*)/", rest)
    if found is None:
        raise Malformed(f"parse {rest}")
    form = re.compile(found[1].replace("(?<", "(?P<"))
    for row in state.rows:
        if set(form.groupindex) & row.keys():
            raise Malformed("Ephemeral field is already defined")
        if parsed := form.search(row.get("@message", "")):
            row.update(parsed.groupdict(""))


def _sort(state: _State, rest: str) -> None:
    found = re.fullmatch(r"([@\w]+) (asc|desc)", rest)
    if found is None:
        raise Malformed(f"sort {rest}")

    def key(row: Row) -> tuple[float, str]:
        value = row.get(found[1], "")
        number = _number(value)
        return (0.0, value) if number is None else (number, "")

    state.rows.sort(key=key, reverse=found[2] == "desc")


def _limit(state: _State, rest: str) -> None:
    state.matched = len(state.rows) if state.matched is None else state.matched
    state.rows = state.rows[: int(rest)]


def _stats(state: _State, rest: str) -> None:
    asked, _, by = rest.partition(" by ")
    found = re.fullmatch(r"bin\((\d+)([mh])\)", by)
    if found is None or int(found[1]) > _UNITS[found[2]][1]:
        raise Malformed(f"stats by {by}")
    width = int(found[1]) * _UNITS[found[2]][0]
    bins: dict[int, list[Row]] = {}
    for row in state.rows:
        bins.setdefault(int(seconds(row)) // width * width, []).append(row)
    state.matched, state.shown = len(state.rows), []
    state.rows = [
        {by: printed(datetime.fromtimestamp(at, UTC)), **dict(_aggregated(asked, rows))} for at, rows in bins.items()
    ]


def _aggregated(asked: str, rows: list[Row]) -> Iterator[tuple[str, str]]:
    for part in _parts(asked):
        found = re.fullmatch(r"(count|pct|max)\((\*|\w+)(?:, (\d+))?\) as (\w+)", part)
        if found is None:
            raise Malformed(f"unknown function {part}")
        name, of, percent, alias = found.groups()
        numbers = sorted(number for row in rows if (number := _number(row.get(of, ""))) is not None)
        if name == "count":
            yield alias, str(len(rows))
        elif name == "max":
            yield alias, f"{numbers[-1]:g}"
        else:
            yield alias, f"{numbers[math.ceil(len(numbers) * int(percent) / 100) - 1]:g}"


def _pattern(state: _State, rest: str) -> None:
    if rest != "@message":
        raise Malformed(f"pattern {rest}")
    state.matched, state.shown = len(state.rows), []
    samples: dict[str, Row] = {}
    counts: Counter[str] = Counter()
    for row in state.rows:
        text = _grouped(row["@message"])
        counts[text] += 1
        samples.setdefault(text, row)
    state.rows = [
        {
            "@pattern": text,
            "@sampleCount": str(count),
            "@ratio": f"{count / len(state.rows):.4f}",
            "@severityLabel": "ERROR" if "error" in text.lower() else "INFO",
            "@logSamples": json.dumps([{"timestamp": seconds(samples[text]), "logEvent": samples[text]["@message"]}]),
            "@PatternId": f"{abs(hash(text)):x}",
            "@tokens": json.dumps([{"dynamicTokenPosition": 0}]),
            "@visualization": "{}",
        }
        for text, count in counts.most_common()
    ]


def _grouped(message: str) -> str:
    """Words with a digit are numbered from one, as AWS names its tokens."""
    words, number = message.split(" "), 0
    for place, word in enumerate(words):
        if re.search(r"\d", word):
            number += 1
            words[place] = f"<Token-{number}>"
    return " ".join(words)


def _differences(now: list[Row], before: list[Row]) -> list[Row]:
    counts = {row["@pattern"]: int(row["@sampleCount"]) for row in before}
    seen = {row["@pattern"] for row in now}
    gone = [{**row, "@sampleCount": "0"} for row in before if row["@pattern"] not in seen]
    rows = [*now, *gone]
    for row in rows:
        change = int(row["@sampleCount"]) - counts.get(row["@pattern"], 0)
        row["@diffEventCount"] = str(change)
        row["@differenceDescription"] = "New" if row["@pattern"] not in counts else f"{change:+d}"
    return rows


def _projected(state: _State, row: Row) -> Row:
    if not state.shown:
        return row
    return {name: row[name] for name in [*dict.fromkeys(state.shown), "@ptr"] if name in row}


def _discovered(event: Row) -> Row:
    """With the fields of a message that is JSON."""
    try:
        found: Any = json.loads(event.get("@message", ""))
    except ValueError:
        return dict(event)
    plain = cast("dict[str, Any]", found) if isinstance(found, dict) else {}
    return {name: str(value) for name, value in plain.items() if not isinstance(value, dict | list)} | event


def _value(row: Row, term: str) -> str | None:
    name, _, factor = term.partition(" * ")
    if not re.fullmatch(r"[@\w]+", name):
        raise Malformed(f"unknown expression {term}")
    if not factor:
        return row.get(name)
    number = _number(row.get(name, ""))
    return None if number is None else f"{number * float(factor):g}"


def _number(value: str) -> float | None:
    try:
        return float(value)
    except ValueError:
        return None


def _parts(text: str) -> list[str]:
    return [part.strip() for part in _PARTS.findall(text)]


def _text(literal: str) -> str:
    return re.sub(r"\\(.)", r"\1", literal[1:-1])
