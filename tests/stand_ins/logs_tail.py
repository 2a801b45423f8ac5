"""CloudWatch Logs as a tail needs it: DescribeLogGroups, FilterLogEvents, StartLiveTail in real event-stream frames.

moto has no Live Tail that sends lines as they are written. Filter patterns are taken as AWS takes quoted terms: each
must be in the line.
"""

import json
import re
import select
import ssl
import threading
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from moto.core.eventstream import EventStreamEncoder

from tests.stand_ins.aws import ACCOUNT, REGION
from tests.stand_ins.http import Handler, serving
from tests.stand_ins.insights import Refused

Live = Literal["lines", "silent", "mute", "breaks", "drops"]
"""`silent`: a session without updates; `mute`: not even an answer; `breaks`: an exception after the first lines;
`drops`: the connection ends there."""

PATIENCE = 60


@dataclass(frozen=True)
class Event:
    at: int
    group: str
    stream: str
    message: str
    id: str


@dataclass
class LogsTail:
    """The groups there are, and what was written into them."""

    groups: dict[str, list[Event]] = field(default_factory=dict[str, list[Event]])
    live: Live = "lines"
    sampled: bool = False
    refuses: Mapping[str, tuple[str, str]] = field(default_factory=dict[str, tuple[str, str]])
    """By operation: code and message."""
    page: int = 100
    empty_pages: int = 0
    """Pages without events, but with a token, that come before the first page that has some."""
    ignores_patterns: bool = False
    interval: float = 0.2
    """Seconds between two updates of Live Tail; with AWS it is one second."""
    url: str = ""
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list[tuple[str, dict[str, Any]]])
    sessions: int = 0
    """Live Tail sessions that are open."""
    over: threading.Event = field(default_factory=threading.Event)
    _written: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def environment(self) -> dict[str, str]:
        # botocore's own switch: without it Live Tail is looked for at stream-127.0.0.1.
        return {"AWS_ENDPOINT_URL_CLOUDWATCH_LOGS": self.url, "AWS_DISABLE_HOST_PREFIX_INJECTION": "true"}

    def write(self, group: str, message: str, *, stream: str = "web/1", ago: float = 0.0) -> None:
        """A line that is taken in now, and says that it is *ago* seconds old."""
        with self._lock:
            self._written += 1
            at = round((time.time() - ago) * 1000)
            event = Event(at, group, stream, message, f"event-{self._written}")
            self.groups.setdefault(group, []).append(event)

    def calls(self, operation: str) -> list[dict[str, Any]]:
        return [request for name, request in list(self.asked) if name == operation]

    def taken(self, operation: str, request: dict[str, Any]) -> None:
        with self._lock:
            self.asked.append((operation, request))
        if operation in self.refuses:
            raise Refused(*self.refuses[operation])

    def DescribeLogGroups(self, request: dict[str, Any]) -> dict[str, Any]:  # the API's name
        prefix, part = request.get("logGroupNamePrefix", ""), request.get("logGroupNamePattern", "")
        names = [name for name in sorted(self.groups) if name.startswith(prefix) and part in name]
        return {"logGroups": [{"logGroupName": name, "arn": f"{arn(name)}:*"} for name in names[: request["limit"]]]}

    def FilterLogEvents(self, request: dict[str, Any]) -> dict[str, Any]:  # the API's name
        group = request.get("logGroupName") or request["logGroupIdentifier"].partition(":log-group:")[2]
        if group not in self.groups:
            raise Refused("ResourceNotFoundException", "The specified log group does not exist.")
        number = int(request.get("nextToken", "0"))
        if number < self.empty_pages:
            return {"events": [], "nextToken": str(number + 1)}
        found = [event for event in list(self.groups[group]) if event.at >= request["startTime"]]
        found = sorted(self._matching(found, request, "filterPattern"), key=lambda event: event.at)
        first = (number - self.empty_pages) * self.page
        more = {"nextToken": str(number + 1)} if first + self.page < len(found) else {}
        return {"events": [_filtered(event) for event in found[first : first + self.page]], **more}

    def known_to(self, request: dict[str, Any]) -> set[str]:
        """The events that a session which begins now does not show."""
        return {event.id for name in _names(request) for event in list(self.groups[name])}

    def updates(self, request: dict[str, Any], known: set[str]) -> Iterator[list[Event]]:
        """What was written since the last look and is not *known*, again and again."""
        names = _names(request)
        while not self.over.is_set():
            events = [event for name in names for event in list(self.groups[name]) if event.id not in known]
            known |= {event.id for event in events}
            yield list(self._matching(events, request, "logEventFilterPattern"))

    def _matching(self, events: list[Event], request: dict[str, Any], name: str) -> Iterator[Event]:
        terms = [] if self.ignores_patterns else re.findall(r'"([^"]*)"', request.get(name, ""))
        prefixes = request.get("logStreamNamePrefixes") or [request.get("logStreamNamePrefix", "")]
        for event in events:
            is_named = event.stream in request.get("logStreamNames", [event.stream])
            is_like = any(event.stream.startswith(prefix) for prefix in prefixes)
            if is_named and is_like and all(term in event.message for term in terms):
                yield event


def _names(request: dict[str, Any]) -> list[str]:
    return [identifier.partition(":log-group:")[2] for identifier in request["logGroupIdentifiers"]]


def arn(group: str) -> str:
    return f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{group}"


def _filtered(event: Event) -> dict[str, Any]:
    written = {"timestamp": event.at, "ingestionTime": event.at, "message": event.message}
    return {**written, "logStreamName": event.stream, "eventId": event.id}


def _tailed(event: Event) -> dict[str, Any]:
    written = {"timestamp": event.at, "ingestionTime": event.at, "message": event.message}
    return {**written, "logStreamName": event.stream, "logGroupIdentifier": f"{ACCOUNT}:{event.group}"}


class _Logs(Handler):
    service: LogsTail

    def do_POST(self) -> None:
        operation = self.headers["x-amz-target"].rpartition(".")[2]
        request = json.loads(self.body())
        try:
            self.service.taken(operation, request)
            if operation == "StartLiveTail":
                self._session(request)
                return
            body = json.dumps(getattr(self.service, operation)(request))
            self.answer(200, body.encode("utf-8", "surrogatepass"))
        except Refused as refused:
            code, message = refused.args
            self.answer(400, json.dumps({"__type": code, "message": message}).encode())

    def _session(self, request: dict[str, Any]) -> None:
        self.close_connection = True
        # Before anybody hears of the session: a line that is written then is shown.
        known = self.service.known_to(request)
        self.service.sessions += 1
        try:
            if self.service.live == "mute":
                self._watch(PATIENCE)
            else:
                self._stream(request, known)
        except OSError:
            return
        finally:
            self.service.sessions -= 1

    def _stream(self, request: dict[str, Any], known: set[str]) -> None:
        self.send_response(200)
        self.send_header("content-type", "application/vnd.amazon.eventstream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        self._event("initial-response", {})
        self._event("sessionStart", {"requestId": "r", "sessionId": "s", **request})
        for events in self.service.updates(request, known):
            if self.service.live != "silent":
                update = {"sessionMetadata": {"sampled": self.service.sampled}}
                self._event("sessionUpdate", {**update, "sessionResults": [_tailed(event) for event in events]})
            if events and self.service.live == "drops":
                return
            if events and self.service.live == "breaks":
                kind = {":message-type": "exception", ":exception-type": "SessionStreamingException"}
                self._frame(kind, {"message": "an unknown error"})
                break
            if self._watch(self.service.interval):
                return
        self.wfile.write(b"0\r\n\r\n")

    def _watch(self, seconds: float) -> bool:
        """Whether the client hangs up within that time; it has nothing to say but that."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0 and not self.service.over.is_set():
            if select.select([self.connection], [], [], min(left, 0.05))[0]:
                return True
        return False

    def _event(self, kind: str, payload: dict[str, Any]) -> None:
        self._frame({":message-type": "event", ":event-type": kind}, payload)

    def _frame(self, headers: dict[str, str], payload: dict[str, Any]) -> None:
        typed = {**headers, ":content-type": "application/json"}
        frame = EventStreamEncoder().encode_message(typed, json.dumps(payload).encode())
        self.wfile.write(f"{len(frame):x}\r\n".encode() + frame + b"\r\n")
        self.wfile.flush()


@contextmanager
def logs_tail(*groups: str, tls: ssl.SSLContext | None = None, **how: Any) -> Generator[LogsTail]:
    """A running stand-in with these groups."""
    service = LogsTail(groups={name: [] for name in groups}, **how)
    with serving(type("Logs", (_Logs,), {"service": service}), tls=tls) as url:
        service.url = url
        try:
            yield service
        finally:
            service.over.set()
