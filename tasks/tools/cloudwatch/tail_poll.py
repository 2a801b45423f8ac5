"""Lines by asking again and again (FilterLogEvents): where Live Tail is not to be had, and after it broke off."""

import heapq
import time
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from tasks.aws.errors import explain, kind_of
from tasks.redact import redact
from tasks.tool import Run
from tasks.tools.cloudwatch.tail_screen import Broke, Screen
from tasks.tools.cloudwatch.tail_shapes import Asked, Ended, Group, Line
from tasks.tools.cloudwatch.tail_state import OVERLAP, State

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_logs.type_defs import FilteredLogEventTypeDef

PAUSE: Final = 1.5
"""Seconds between two rounds; longer where many groups are asked, for all share a quota of requests."""
REQUESTS_A_SECOND: Final = 2
THROTTLED: Final = timedelta(seconds=5)
"""The pause after AWS refused for its quota's sake, more often than botocore tries again."""
GRACE: Final = 5.0
"""Seconds that the last round may take; a later attempt may begin when the time is long over."""
MOST_IDS: Final = 50_000
"""Events that are remembered, over all groups."""
BEFORE: Final = 5_000
"""Milliseconds before the call that the first round looks into: what is written now may bear an older time."""


def follow_poll(run: Run, asked: Asked, screen: Screen) -> Ended:
    """Show lines until time or room is over; a last round is made when the time is over. Broke when AWS refuses."""
    screen.way = " by polling"
    logs = run.aws("logs", region=asked.region)
    shown = Counter(screen.state.marks)
    readers = [_Reader(run, logs, asked, group, screen) for group in asked.groups]
    rounds = 0
    while True:
        last = screen.left <= 0
        before = sum(reader.requests for reader in readers)
        try:
            for line in heapq.merge(*(reader.read() for reader in readers), key=lambda line: line.at):
                _show(line, screen, shown)
                if screen.full:
                    return "lines"
        except (ClientError, BotoCoreError) as error:
            run.check()
            if last or not rounds or kind_of(error) != "throttled":
                raise Broke(redact(explain(error)), began=rounds > 0) from error
            run.sleep(THROTTLED)
            continue
        rounds += 1
        screen.tick()
        if last:
            return "time"
        requests = sum(reader.requests for reader in readers) - before
        run.sleep(timedelta(seconds=max(0.0, min(screen.left, max(PAUSE, requests / REQUESTS_A_SECOND)))))


def _show(line: Line, screen: Screen, shown: Counter[tuple[int, str]]) -> None:
    """Show it, unless Live Tail or an earlier attempt has."""
    if shown[key := (line.at, line.mark)]:
        shown[key] -= 1
    else:
        screen.show(line)


class _Reader:
    """One group. A round looks back a bit, for lines that arrive late, and leaves out events it knows by their id."""

    def __init__(self, run: Run, logs: "CloudWatchLogsClient", asked: Asked, group: Group, screen: Screen) -> None:
        self.requests = 0
        self._run = run
        self._logs = logs
        self._asked = asked
        self._group = group
        self._screen = screen
        self._most = max(1, MOST_IDS // len(asked.groups))
        self._known: dict[str, int] = {}
        self._start = _start(screen.state)
        self._newest = 0
        self._over = time.monotonic() + max(0.0, screen.left) + GRACE

    def read(self) -> Iterator[Line]:
        """What is new, by time. More pages than the time allows are left for the next call of the tool."""
        request = self._request()
        while True:
            self._run.check()
            self._screen.tick()
            self.requests += 1
            page = self._logs.filter_log_events(**request)
            for event in page.get("events", []):
                if self._is_new(event):
                    yield Line(
                        event.get("timestamp", 0),
                        self._group.name,
                        event.get("logStreamName", ""),
                        event.get("message", ""),
                    )
            # An empty page with a token is not the end (AWS, FilterLogEvents).
            token = page.get("nextToken")
            if not token or time.monotonic() > self._over:
                return
            request["nextToken"] = token

    def _request(self) -> Any:  # noqa: ANN401  # boto3's shapes
        now = round(time.time() * 1000)
        since = max(self._start, min(self._newest, now) - OVERLAP)
        self._known = {event: at for event, at in self._known.items() if at >= since}
        request: dict[str, Any] = {"startTime": since}
        if self._group.by_arn:
            request["logGroupIdentifier"] = self._group.arn
        else:
            request["logGroupName"] = self._group.name
        if self._asked.streams:
            request["logStreamNames"] = list(self._asked.streams)
        if self._asked.prefix:
            request["logStreamNamePrefix"] = self._asked.prefix
        if self._asked.pattern:
            request["filterPattern"] = self._asked.pattern
        return request

    def _is_new(self, event: "FilteredLogEventTypeDef") -> bool:
        at, event_id = event.get("timestamp", 0), event.get("eventId", "")
        if event_id in self._known or at < self._start:
            return False
        self._known[event_id] = at
        self._newest = max(self._newest, at)
        if len(self._known) > self._most:
            # Nothing is looked back for beyond what is remembered, so nothing is shown twice.
            self._start = max(self._start, self._known.pop(next(iter(self._known))) + 1)
        return True


def _start(state: State) -> int:
    if state.last is None:
        return state.started - BEFORE
    return state.since(round(time.time() * 1000))
