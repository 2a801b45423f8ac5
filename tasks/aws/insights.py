"""CloudWatch Logs Insights: bounded in time, rows and bytes, and stopped when nobody waits any more."""

import contextlib
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import structlog
from botocore.exceptions import BotoCoreError, ClientError

from tasks.aws.clients import AwsClients
from tasks.aws.errors import code_of
from tasks.tool import Run, ToolError

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient

POLL: Final = timedelta(milliseconds=500)
LONGEST: Final = timedelta(seconds=90)
MOST_ROWS: Final = 10_000
MOST_GROUPS: Final = 50
"""Rows of a query, and groups it looks into: the API's own limits."""
BUSY: Final = 5
"""How often a query is tried while the account has as many of them as it may."""
_UNITS: Final = ("bytes", "kB", "MB", "GB", "TB")
_STEP: Final = 1000
_RUNNING: Final = frozenset({"Scheduled", "Running", "Unknown"})

log = structlog.get_logger(__name__)

Row = dict[str, str]
Window = tuple[datetime, datetime]


@dataclass(frozen=True, kw_only=True)
class Query:
    """What to ask: *text* in Insights' own language, of at most MOST_GROUPS log groups, by name.

    *budget* is how many bytes it may scan, *longest* how long it may take.
    """

    groups: Sequence[str]
    text: str
    window: Window
    limit: int = 1_000
    region: str | None = None
    budget: int | None = None
    longest: timedelta = LONGEST


@dataclass(frozen=True)
class Scan:
    """How far a query is, or came: what it read is paid for."""

    bytes: int = 0
    events: int = 0
    matched: int = 0


@dataclass(frozen=True)
class Answer:
    rows: list[Row]
    scan: Scan
    whole: bool = True
    """False when the query was stopped at its budget: there may be more."""


class _NotComplete(Exception):
    """A query ended otherwise than it should; the text is its status."""


def query(
    run: Run,
    asked: Query,
    *,
    query_id: str | None = None,
    started: Callable[[str], None] | None = None,
    heard: Callable[[Scan], None] | None = None,
) -> Answer:
    """Ask, and wait for the answer. ToolError when the query fails or takes too long.

    *started* is told the query's id; given as *query_id* to a later attempt, it is waited for instead of paid for
    again, unless it was stopped. *heard* is told how far it is. The query is stopped if this ends before it does.
    """
    logs = run.aws("logs", region=asked.region)
    if query_id is not None:
        with contextlib.suppress(logs.exceptions.ResourceNotFoundException, _NotComplete):
            return _answer(run, logs, query_id, asked, heard)
    query_id = _start(run, logs, asked)
    try:
        return _answer(run, logs, query_id, asked, heard, started)
    except _NotComplete as error:
        raise ToolError(f"the Logs Insights query ended as {error}") from None


def _answer(  # what the query is asked with
    run: Run,
    logs: "CloudWatchLogsClient",
    query_id: str,
    asked: Query,
    heard: Callable[[Scan], None] | None,
    started: Callable[[str], None] | None = None,
) -> Answer:
    ended = False
    try:
        if started is not None:
            started(query_id)
        answer, whole = _wait(run, logs, query_id, asked, heard)
        ended = whole
    finally:
        if not ended:
            _stop(run, query_id, asked.region)
    if whole and answer["status"] != "Complete":
        raise _NotComplete(answer["status"])
    rows = _rows(run, logs, query_id, answer, limit=asked.limit) if whole else _read(answer)[: asked.limit]
    return Answer(rows, _scan(answer), whole)


def quoted(text: str) -> str:
    """A string literal of the query language: what a caller gives stays data."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def moment(printed: str) -> datetime:
    """A time as Insights prints it: without its zone, which is UTC."""
    return datetime.fromisoformat(printed).replace(tzinfo=UTC)


def sized(count: int) -> str:
    """Bytes in words, such as 340 MB."""
    size, unit = count, 0
    while size >= _STEP and unit < len(_UNITS) - 1:
        size, unit = size / _STEP, unit + 1
    return f"{size:.3g} {_UNITS[unit]}" if size < _STEP - 1 else f"{size:,.0f} {_UNITS[unit]}"


def _start(run: Run, logs: "CloudWatchLogsClient", asked: Query) -> str:
    """StartQuery takes its times in seconds."""
    start, end = math.floor(asked.window[0].timestamp()), math.ceil(asked.window[1].timestamp())
    for left in reversed(range(BUSY)):
        try:
            return logs.start_query(
                logGroupNames=list(asked.groups),
                startTime=start,
                endTime=end,
                queryString=asked.text,
                limit=min(asked.limit, MOST_ROWS),
            )["queryId"]
        except ClientError as error:
            # The account has as many queries running as it may: one of them ends soon.
            if code_of(error) != "LimitExceededException" or not left:
                raise
            run.sleep(POLL * 2)
    raise AssertionError("not reached: the last try returns or raises")


def _wait(
    run: Run, logs: "CloudWatchLogsClient", query_id: str, asked: Query, heard: Callable[[Scan], None] | None
) -> tuple[Any, bool]:
    """The first answer after the query ended, and True; or its latest when it went beyond its budget, and False."""
    deadline = time.monotonic() + asked.longest.total_seconds()
    said = Scan()
    while True:
        answer = logs.get_query_results(queryId=query_id)
        scan = _scan(answer)
        if heard is not None and scan != said:
            heard(scan)
            said = scan
        if answer["status"] not in _RUNNING:
            return answer, True
        if asked.budget is not None and scan.bytes > asked.budget:
            return answer, False
        if time.monotonic() > deadline:
            seconds = asked.longest.total_seconds()
            raise ToolError(f"the Logs Insights query took longer than {seconds:g} s and was stopped")
        run.sleep(POLL)


def _rows(run: Run, logs: "CloudWatchLogsClient", query_id: str, answer: Any, *, limit: int) -> list[Row]:  # noqa: ANN401
    """The rows of *answer* and of the pages after it."""
    rows = _read(answer)
    while (token := answer.get("nextToken")) and len(rows) < limit:
        run.check()
        answer = logs.get_query_results(queryId=query_id, nextToken=token)
        rows += _read(answer)
    return rows[:limit]


def _read(answer: Any) -> list[Row]:  # noqa: ANN401  # boto3's shapes
    return [
        {field["field"]: field.get("value", "") for field in row if field["field"] != "@ptr"}
        for row in answer["results"]
    ]


def _scan(answer: Any) -> Scan:  # noqa: ANN401  # boto3's shapes
    numbers = answer.get("statistics", {})
    counted = (int(numbers.get(name, 0)) for name in ("bytesScanned", "recordsScanned", "recordsMatched"))
    return Scan(*counted)


def _stop(run: Run, query_id: str, region: str | None) -> None:
    """Stop the query with a client of its own: the run's are closed when it is cancelled."""
    own = AwsClients(run.settings, run.principal)
    try:
        own.client("logs", region).stop_query(queryId=query_id)
    except (ClientError, BotoCoreError, ToolError) as error:
        log.warning("query not stopped, it ends by itself", query=query_id, error=str(error))
    finally:
        own.close()
