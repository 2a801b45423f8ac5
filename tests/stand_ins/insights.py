"""CloudWatch Logs Insights, as far as we use it: moto accepts queries and ignores what they say.

It knows the events of each group that a test gives it, keeps to the time window (in seconds, as the API wants), does
what the query says (`insights_language`), pages, and knows its groups by prefix. Everything else is refused.
"""

import json
import re
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.stand_ins.http import Handler, serving
from tests.stand_ins.insights_language import Malformed, Row, evaluate, seconds

ACCOUNT = "123456789012"
PAGE = 100
GROUPS = 50
"""Of a page, at most."""
OPERATIONS = ("StartQuery", "GetQueryResults", "StopQuery", "DescribeLogGroups")


class Refused(Exception):
    """An error of the API: its code, and a message."""


@dataclass
class Insights:
    """Log groups, each a list of events with `@timestamp` (as the API prints it), `@message` and what they have."""

    groups: dict[str, list[Row]] = field(default_factory=dict[str, list[Row]])
    polls: int = 1
    """How often a query says Running before it says Complete; negative for ever."""
    url: str = ""
    classes: dict[str, str] = field(default_factory=dict[str, str])
    """Of groups that are not of the Standard class."""
    denied: bool = False
    denies: set[str] = field(default_factory=set[str])
    """Operations that are denied."""
    status: str = "Complete"
    """How queries end."""
    queries: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    stopped: list[str] = field(default_factory=list[str])
    scanning: int = 100
    """Bytes a query has scanned more each time it is looked at."""
    page: int = PAGE
    """Rows of an answer; AWS gives up to 10,000."""
    busy: int = 0
    """How often StartQuery says that there are too many queries."""
    regions: set[str] = field(default_factory=set[str])
    """That requests were signed for."""
    region: str = ""
    """Of the latest request."""
    polled: threading.Event = field(default_factory=threading.Event)

    def environment(self) -> dict[str, str]:
        return {"AWS_ENDPOINT_URL_CLOUDWATCH_LOGS": self.url}

    def StartQuery(self, request: dict[str, Any]) -> dict[str, Any]:  # the API's name
        for group in request["logGroupNames"]:
            if group not in self.groups:
                raise Refused("ResourceNotFoundException", f"Log group '{group}' does not exist")
            if group in self.classes and re.search(r"\b(pattern|diff)\b", request["queryString"]):
                raise Refused("InvalidParameterException", f"not supported for {self.classes[group]}")
        if request["endTime"] > 10_000_000_000:
            raise Refused("InvalidParameterException", "times are seconds since the epoch")
        if self.busy:
            self.busy -= 1
            raise Refused("LimitExceededException", "Account maximum query concurrency limit of [30] reached")
        query_id = f"q-{len(self.queries)}"
        answer = self._evaluated(request)
        self.queries[query_id] = {**request, **answer, "left": self.polls, "scanned": 0, "ended": False}
        return {"queryId": query_id}

    def GetQueryResults(self, request: dict[str, Any]) -> dict[str, Any]:
        query = self.queries.get(request["queryId"])
        if query is None:
            raise Refused("ResourceNotFoundException", "no such query")
        self.polled.set()
        if request["queryId"] in self.stopped:
            return {"status": "Cancelled", "results": []}
        if not query["ended"]:
            query["scanned"] += self.scanning
        rows = query["rows"]
        scanned = {
            "bytesScanned": query["scanned"],
            "recordsScanned": query["read"],
            "recordsMatched": query["matched"],
        }
        if query["left"] != 0:
            query["left"] -= 1
            return {"status": "Running", "results": _fields(rows[: self.page]), "statistics": scanned}
        query["ended"] = True
        if (status := query.get("status", self.status)) != "Complete":
            return {"status": status, "results": []}
        start = int(request.get("nextToken", "0"))
        more = {"nextToken": str(start + self.page)} if start + self.page < len(rows) else {}
        return {
            "status": "Complete",
            "results": _fields(rows[start : start + self.page]),
            "statistics": scanned,
            **more,
        }

    def StopQuery(self, request: dict[str, Any]) -> dict[str, Any]:
        self.stopped.append(request["queryId"])
        return {"success": True}

    def DescribeLogGroups(self, request: dict[str, Any]) -> dict[str, Any]:
        names = sorted(name for name in self.groups if name.startswith(request["logGroupNamePrefix"]))
        start, length = int(request.get("nextToken", "0")), request.get("limit", GROUPS)
        more = {"nextToken": str(start + length)} if start + length < len(names) else {}
        return {"logGroups": [self._group(name) for name in names[start : start + length]], **more}

    def _group(self, name: str) -> dict[str, str]:
        arn = f"arn:aws:logs:{self.region}:{ACCOUNT}:log-group:{name}:*"
        return {"logGroupName": name, "arn": arn, "logGroupClass": self.classes.get(name, "STANDARD")}

    def _evaluated(self, request: dict[str, Any]) -> dict[str, Any]:
        events = [
            {"@log": f"{ACCOUNT}:{group}", **event}
            for group in request["logGroupNames"]
            for event in self.groups[group]
        ]

        def read(start: float, end: float) -> list[Row]:
            return [event for event in events if start <= seconds(event) <= end]

        try:
            found = evaluate(request["queryString"], read, request["startTime"], request["endTime"])
        except Malformed as malformed:
            raise Refused("MalformedQueryException", str(malformed)) from None
        return {"rows": found.rows[: request["limit"]], "matched": found.matched, "read": found.read}


def _fields(rows: list[Row]) -> list[list[Row]]:
    return [[{"field": name, "value": value} for name, value in row.items()] for row in rows]


@contextmanager
def insights(**how: Any) -> Generator[Insights]:
    """A running stand-in."""
    service = Insights(**how)

    class Logs(Handler):
        def do_POST(self) -> None:
            operation = self.headers["x-amz-target"].rpartition(".")[2]
            request = json.loads(self.body())
            service.region = self.headers["authorization"].split("/")[2]
            service.regions.add(service.region)
            try:
                if service.denied or operation in service.denies:
                    raise Refused("AccessDeniedException", f"not authorized to perform: logs:{operation}")
                if operation not in OPERATIONS:
                    raise Refused("UnknownOperationException", operation)
                self.answer(200, json.dumps(getattr(service, operation)(request)).encode())
            except Refused as refused:
                code, message = refused.args
                self.answer(400, json.dumps({"__type": code, "message": message}).encode())

    with serving(Logs) as url:
        service.url = url
        yield service
