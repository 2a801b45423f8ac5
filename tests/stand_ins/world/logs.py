"""CloudWatch Logs as the world has it: Insights queries that are really evaluated, and FilterLogEvents."""

import itertools
from dataclasses import dataclass, field
from typing import Any, Final

from tests.stand_ins.world.language import Malformed, Query, Row, parsed
from tests.stand_ins.world.lines import Lines
from tests.stand_ins.world.wire import Parameters, Refused

PAGE: Final = 1_000
"""Rows of an answer of GetQueryResults."""
MOST: Final = 10_000
SECONDS: Final = 10_000_000_000
"""Beyond it a time is in milliseconds."""


@dataclass
class Asked:
    """A query that was started."""

    text: str
    query: Query
    groups: tuple[str, ...]
    start: int
    end: int
    limit: int
    polls: int
    rows: list[Row] | None = None
    stopped: bool = False


@dataclass
class Logs:
    """Log groups by name."""

    groups: dict[str, Lines] = field(default_factory=dict[str, Lines])
    polls: int = 1
    """How often a query says Running before it says Complete; negative: until it is stopped."""
    queries: dict[str, Asked] = field(default_factory=dict[str, Asked])
    stopped: list[str] = field(default_factory=list[str])
    _numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    def StartQuery(self, given: Parameters) -> Any:
        groups = tuple(given.get("logGroupNames") or ([given["logGroupName"]] if "logGroupName" in given else ()))
        self._check(groups)
        if max(given["startTime"], given["endTime"]) > SECONDS or given["startTime"] > given["endTime"]:
            raise Refused("InvalidParameterException", "startTime and endTime are seconds since the epoch, in order")
        limit = given.get("limit", 1_000)
        if not 1 <= limit <= MOST:
            raise Refused("InvalidParameterException", f"limit must be from 1 to {MOST}")
        try:
            query = parsed(given["queryString"])
        except Malformed as error:
            raise Refused("MalformedQueryException", str(error)) from error
        name = f"query-{next(self._numbers)}"
        times = (given["startTime"] * 1000, given["endTime"] * 1000 + 999)
        self.queries[name] = Asked(given["queryString"], query, groups, *times, limit, self.polls)
        return {"queryId": name}

    def GetQueryResults(self, given: Parameters) -> Any:
        asked = self.queries.get(given["queryId"])
        if asked is None:
            raise Refused("ResourceNotFoundException", "query not found")
        sizes = [self.groups[group].size(asked.start, asked.end) for group in asked.groups]
        events, size = (sum(column) for column in zip(*sizes, strict=True))
        if asked.stopped:
            return {"status": "Cancelled", "results": [], "statistics": _statistics(size, events, 0)}
        if asked.polls:
            asked.polls -= 1
            # Half of the work is done when it is looked at the first time, as far as anybody is told.
            return {"status": "Running", "results": [], "statistics": _statistics(size // 2, events // 2, 0)}
        if asked.rows is None:
            asked.rows = self._evaluated(asked)
        at = int(given.get("nextToken", "0"))
        more = {"nextToken": str(at + PAGE)} if at + PAGE < len(asked.rows) else {}
        results = [_fields(row) for row in asked.rows[at : at + PAGE]]
        return {
            "status": "Complete",
            "results": results,
            "statistics": _statistics(size, events, len(asked.rows)),
        } | more

    def StopQuery(self, given: Parameters) -> Any:
        asked = self.queries.get(given["queryId"])
        self.stopped.append(given["queryId"])
        if asked is None or asked.stopped or asked.rows is not None:
            raise Refused("InvalidParameterException", "Query is already ended")
        asked.stopped = True
        return {"success": True}

    def FilterLogEvents(self, given: Parameters) -> Any:
        """Pages by streams, as the service does: an empty page with a token is not the end."""
        group = given["logGroupName"]
        self._check((group,))
        if given.get("filterPattern"):
            raise Refused("InvalidParameterException", "the stand-in knows no filter patterns")
        if "nextToken" not in given:
            return {"events": [], "nextToken": "0"}
        at, limit = int(given["nextToken"]), given.get("limit", MOST)
        wanted, prefix = given.get("logStreamNames"), given.get("logStreamNamePrefix", "")
        found = self.groups[group].events(given.get("startTime", 0), given.get("endTime", SECONDS * 1000))
        matching = (each for each in found if each.stream.startswith(prefix) and (not wanted or each.stream in wanted))
        page = list(itertools.islice(matching, at, at + limit))
        named = [{"logStreamName": each.stream, "timestamp": each.at, "message": each.message} for each in page]
        return {"events": named} | ({"nextToken": str(at + limit)} if len(page) == limit else {})

    def _check(self, groups: tuple[str, ...]) -> None:
        if not 1 <= len(groups) <= 50:
            raise Refused("InvalidParameterException", "from 1 to 50 log groups")
        for group in groups:
            if group not in self.groups:
                words = f"Log group '{group}' does not exist for account ID '123456789012'"
                raise Refused("ResourceNotFoundException", words)

    def _evaluated(self, asked: Asked) -> list[Row]:
        newest = asked.query.newest_first
        each = [self.groups[group].events(asked.start, asked.end, newest_first=newest) for group in asked.groups]
        rows = asked.query.rows(itertools.chain.from_iterable(each), asked.limit)
        if len(each) > 1 and not asked.query.counts:
            rows.sort(key=lambda row: row["@timestamp"], reverse=newest)
        return rows


def _fields(row: Row) -> list[Row]:
    return [{"field": name, "value": value} for name, value in row.items()]


def _statistics(size: int, events: int, matched: int) -> dict[str, float]:
    return {"bytesScanned": float(size), "recordsScanned": float(events), "recordsMatched": float(matched)}
