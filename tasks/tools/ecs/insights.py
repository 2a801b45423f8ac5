"""CloudWatch Logs Insights: bounded in time and rows, and stopped when nobody waits any more."""

import math
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import structlog
from botocore.exceptions import BotoCoreError, ClientError

from tasks.aws.clients import AwsClients
from tasks.tool import Run, ToolError

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient

POLL: Final = timedelta(milliseconds=500)
LONGEST: Final = timedelta(seconds=90)
MOST_ROWS: Final = 10_000
_RUNNING: Final = frozenset({"Scheduled", "Running", "Unknown"})

log = structlog.get_logger(__name__)

Row = dict[str, str]


def query(run: Run, groups: Sequence[str], text: str, *, window: tuple[datetime, datetime], limit: int) -> list[Row]:
    """The rows of one query, at most *limit*. ToolError when it fails or takes too long.

    StartQuery takes its times in seconds. The query is stopped if this ends before it does, whatever the reason.
    """
    logs = run.aws("logs")
    start, end = math.floor(window[0].timestamp()), math.ceil(window[1].timestamp())
    query_id = logs.start_query(
        logGroupNames=list(groups), startTime=start, endTime=end, queryString=text, limit=min(limit, MOST_ROWS)
    )["queryId"]
    ended = False
    try:
        answer = _wait(run, logs, query_id)
        ended = True
    finally:
        if not ended:
            _stop(run, query_id)
    if answer["status"] != "Complete":
        raise ToolError(f"the Logs Insights query ended as {answer['status']}")
    return _rows(run, logs, query_id, answer, limit=limit)


def _wait(run: Run, logs: "CloudWatchLogsClient", query_id: str) -> Any:  # noqa: ANN401  # boto3's shapes
    """The first answer after the query ended."""
    deadline = time.monotonic() + LONGEST.total_seconds()
    while True:
        answer = logs.get_query_results(queryId=query_id)
        if answer["status"] not in _RUNNING:
            return answer
        if time.monotonic() > deadline:
            raise ToolError(f"the Logs Insights query took longer than {LONGEST.total_seconds():g} s and was stopped")
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


def _stop(run: Run, query_id: str) -> None:
    """Stop the query with a client of its own: the run's are closed when it is cancelled."""
    own = AwsClients(run.settings, run.principal)
    try:
        own.client("logs").stop_query(queryId=query_id)
    except (ClientError, BotoCoreError, ToolError) as error:
        log.warning("query not stopped, it ends by itself", query=query_id, error=str(error))
    finally:
        own.close()
