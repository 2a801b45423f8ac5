"""CloudWatch Logs Insights, as far as we use it: moto accepts queries and ignores what they say.

It knows the events of each group that a test gives it, keeps to the time window (in seconds, as the API wants), filters
by the streams, the task or the service the query names, sorts, limits and pages. Everything else is refused.
"""

import json
import re
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.stand_ins.http import Handler, serving

PAGE = 100
Row = dict[str, str]


class Refused(Exception):
    """An error of the API: its code, and a message."""


@dataclass
class Insights:
    """Log groups, each a list of events with `@timestamp` (as the API prints it), `@message` and what they have."""

    groups: dict[str, list[Row]] = field(default_factory=dict[str, list[Row]])
    polls: int = 1
    """How often a query says Running before it says Complete; negative for ever."""
    url: str = ""
    denied: bool = False
    status: str = "Complete"
    """How queries end."""
    queries: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    stopped: list[str] = field(default_factory=list[str])
    scanning: int = 100
    """Bytes a query has scanned more each time it is looked at."""
    busy: int = 0
    """How often StartQuery says that there are too many queries."""
    regions: set[str] = field(default_factory=set[str])
    """That requests were signed for."""
    polled: threading.Event = field(default_factory=threading.Event)

    def environment(self) -> dict[str, str]:
        return {"AWS_ENDPOINT_URL_CLOUDWATCH_LOGS": self.url}

    def StartQuery(self, request: dict[str, Any]) -> dict[str, Any]:  # the API's name
        for group in request["logGroupNames"]:
            if group not in self.groups:
                raise Refused("ResourceNotFoundException", f"Log group '{group}' does not exist")
        if request["endTime"] > 10_000_000_000:
            raise Refused("InvalidParameterException", "times are seconds since the epoch")
        if self.busy:
            self.busy -= 1
            raise Refused("LimitExceededException", "Account maximum query concurrency limit of [30] reached")
        query_id = f"q-{len(self.queries)}"
        self.queries[query_id] = {**request, "left": self.polls, "scanned": 0, "ended": False}
        return {"queryId": query_id}

    def GetQueryResults(self, request: dict[str, Any]) -> dict[str, Any]:
        query = self.queries.get(request["queryId"])
        if query is None:
            raise Refused("ResourceNotFoundException", "no such query")
        self.polled.set()
        if not query["ended"]:
            query["scanned"] += self.scanning
        rows = self._rows(query)
        scanned = {"bytesScanned": query["scanned"], "recordsScanned": len(rows), "recordsMatched": len(rows)}
        if query["left"] != 0:
            query["left"] -= 1
            return {"status": "Running", "results": _fields(rows[:PAGE]), "statistics": scanned}
        query["ended"] = True
        if (status := query.get("status", self.status)) != "Complete":
            return {"status": status, "results": []}
        start = int(request.get("nextToken", "0"))
        more = {"nextToken": str(start + PAGE)} if start + PAGE < len(rows) else {}
        return {"status": "Complete", "results": _fields(rows[start : start + PAGE]), "statistics": scanned, **more}

    def StopQuery(self, request: dict[str, Any]) -> dict[str, Any]:
        self.stopped.append(request["queryId"])
        return {"success": True}

    def _rows(self, query: dict[str, Any]) -> list[Row]:
        text = query["queryString"]
        streams = re.search(r"@logStream in \[(.*?)\]", text)
        owner = re.search(r"(TaskId|ServiceName) = '([^']*)'", text)
        rows = [row for group in query["logGroupNames"] for row in self.groups[group]]
        rows = [row for row in rows if query["startTime"] <= _seconds(row) <= query["endTime"]]
        if streams:
            rows = [row for row in rows if f"'{row.get('@logStream')}'" in streams[1]]
        if owner:
            rows = [row for row in rows if row.get(owner[1]) == owner[2]]
        rows.sort(key=lambda row: row["@timestamp"], reverse="desc" in text)
        return rows[: query["limit"]]


def _fields(rows: list[Row]) -> list[list[Row]]:
    return [[{"field": name, "value": value} for name, value in row.items()] for row in rows]


def printed(moment: datetime) -> str:
    """A time as Insights prints it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]


def _seconds(row: Row) -> float:
    return datetime.strptime(row["@timestamp"], "%Y-%m-%d %H:%M:%S.%f").replace(tzinfo=UTC).timestamp()


@contextmanager
def insights(**how: Any) -> Generator[Insights]:
    """A running stand-in."""
    service = Insights(**how)

    class Logs(Handler):
        def do_POST(self) -> None:
            operation = self.headers["x-amz-target"].rpartition(".")[2]
            request = json.loads(self.body())
            service.regions.add(self.headers["authorization"].split("/")[2])
            try:
                if service.denied:
                    raise Refused("AccessDeniedException", f"not authorized to perform: logs:{operation}")
                if operation not in ("StartQuery", "GetQueryResults", "StopQuery"):
                    raise Refused("UnknownOperationException", operation)
                self.answer(200, json.dumps(getattr(service, operation)(request)).encode())
            except Refused as refused:
                code, message = refused.args
                self.answer(400, json.dumps({"__type": code, "message": message}).encode())

    with serving(Logs) as url:
        service.url = url
        yield service
