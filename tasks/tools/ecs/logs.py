"""The two kinds of logs worth reading: the application's own lines, and Container Insights' samples."""

from typing import Final, cast

from tasks.aws.insights import Query, Row, Window, query, quoted
from tasks.redact import clipped
from tasks.tool import Run, ToolError
from tasks.tools.ecs.describe import Destination
from tasks.tools.ecs.section import NotThere
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


def application(run: Run, destination: Destination, window: Window) -> Logs:
    """The newest lines of a group, of this task's streams where their names are known."""
    group, streams = destination.group, destination.streams
    here = run.aws("logs").meta.region_name
    if destination.region not in (None, here):
        raise ToolError(f"The log group {group} is in {destination.region}; this worker reads those in {here}.")
    only = f" | filter @logStream in [{', '.join(map(quoted, streams))}]" if streams else ""
    text = f"fields @timestamp, @message, @logStream{only} | sort @timestamp desc | limit {LINES}"
    rows = query(run, Query(groups=[group], text=text, window=window, limit=LINES)).rows
    if not rows:
        raise NotThere(f"The log group {group} has no lines of the task in this time.")
    return {"logGroup": group, "lines": [_line(row) for row in reversed(rows)], "truncated": len(rows) >= LINES}


def utilisation(run: Run, cluster: str, owner: tuple[str, str], window: Window) -> list[Utilisation]:
    """CPU and memory as Container Insights sampled them; *owner* is a field and its value: TaskId or ServiceName."""
    group = f"/aws/ecs/containerinsights/{cluster}/performance"
    field, value = owner
    only = f"filter Type = 'Task' and {field} = {quoted(value)}"
    text = f"fields @timestamp, {', '.join(_NAMES)} | {only} | sort @timestamp desc | limit {SAMPLES}"
    rows = query(run, Query(groups=[group], text=text, window=window, limit=SAMPLES)).rows
    if not rows:
        raise NotThere("Container Insights has no samples of the task in this time; is it on for this cluster?")
    return [_sample(row) for row in reversed(rows)]


def _sample(row: Row) -> Utilisation:
    numbers = {wire: float(row[field]) for field, wire in _NAMES.items() if row.get(field)}
    for kind in ("cpu", "memory"):
        reserved, used = numbers.get(f"{kind}Reserved"), numbers.get(f"{kind}Utilized")
        if reserved and used is not None:
            numbers[f"{kind}Percent"] = round(100 * used / reserved, 1)
    return cast("Utilisation", {"timestamp": row.get("@timestamp", ""), **numbers})


def _line(row: Row) -> LogLine:
    message = clipped(row.get("@message", "").strip(), LONGEST_LINE)
    line: LogLine = {"timestamp": row.get("@timestamp", ""), "message": message}
    if stream := row.get("@logStream"):
        line["stream"] = stream
    return line
