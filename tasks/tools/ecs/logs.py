"""The two kinds of logs worth reading: the application's own lines, and Container Insights' samples."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final, cast

from tasks.tool import Run
from tasks.tools.ecs.insights import Row, query
from tasks.tools.ecs.redact import redact
from tasks.tools.ecs.shapes import LogLine, Logs, Utilisation

LINES: Final = 200
LONGEST_LINE: Final = 1000
SAMPLES: Final = 120

_NAMES: Final = {
    "CpuReserved": "cpuReserved",
    "CpuUtilized": "cpuUtilized",
    "MemoryReserved": "memoryReserved",
    "MemoryUtilized": "memoryUtilized",
}


def application(run: Run, groups: Mapping[str, list[str]], window: tuple[datetime, datetime]) -> Iterator[Logs]:
    """The newest lines of each group, of this task's streams where their names are known."""
    for group, streams in groups.items():
        only = f" | filter @logStream in [{', '.join(map(_quoted, streams))}]" if streams else ""
        text = f"fields @timestamp, @message, @logStream{only} | sort @timestamp desc | limit {LINES}"
        rows = query(run, [group], text, window=window, limit=LINES)
        lines = [_line(row) for row in reversed(rows)]
        yield {"logGroup": group, "lines": lines, "truncated": len(rows) >= LINES}


def utilisation(run: Run, cluster: str, task_id: str | None, window: tuple[datetime, datetime]) -> list[Utilisation]:
    """CPU and memory of the task (or of the cluster's tasks) as Container Insights sampled them."""
    group = f"/aws/ecs/containerinsights/{cluster}/performance"
    only = f" and TaskId = {_quoted(task_id)}" if task_id else ""
    text = (
        f"fields @timestamp, {', '.join(_NAMES)} | filter Type = 'Task'{only} | sort @timestamp desc | limit {SAMPLES}"
    )
    rows = query(run, [group], text, window=window, limit=SAMPLES)
    return [_sample(row) for row in reversed(rows)]


def _sample(row: Row) -> Utilisation:
    numbers = {wire: float(row[field]) for field, wire in _NAMES.items() if row.get(field)}
    for kind in ("cpu", "memory"):
        reserved, used = numbers.get(f"{kind}Reserved"), numbers.get(f"{kind}Utilized")
        if reserved and used is not None:
            numbers[f"{kind}Percent"] = round(100 * used / reserved, 1)
    return cast("Utilisation", {"timestamp": row.get("@timestamp", ""), **numbers})


def _line(row: Row) -> LogLine:
    message = redact(row.get("@message", "").strip())
    cut = message if len(message) <= LONGEST_LINE else f"{message[:LONGEST_LINE]}…"
    line: LogLine = {"timestamp": row.get("@timestamp", ""), "message": cut}
    if stream := row.get("@logStream"):
        line["stream"] = stream
    return line


def _quoted(text: str) -> str:
    """A string literal of the query language: what a caller gives stays data."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
