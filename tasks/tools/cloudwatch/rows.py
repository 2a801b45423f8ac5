"""What Logs Insights answers, brought to our shapes: cleaned of secrets and of what hides, and cut."""

import json
from datetime import datetime
from typing import Final

from tasks.aws.insights import Row, moment
from tasks.mining.clean import clean
from tasks.redact import clipped
from tasks.tools.cloudwatch.presets import SLOW
from tasks.tools.cloudwatch.shapes import Durations, Line, PatternRow

LONGEST_LINE: Final = 1_000
LONGEST_PATTERN: Final = 500
"""Characters."""


def group(row: Row) -> str:
    """@log is account:group."""
    return row.get("@log", "").partition(":")[2]


def line(row: Row) -> Line:
    made: Line = {
        "timestamp": _shown(moment(row["@timestamp"])),
        "message": clipped(clean(row.get("@message", "").strip()), LONGEST_LINE),
        "stream": row.get("@logStream", ""),
        "logGroup": group(row),
    }
    if row.get(SLOW):
        made["durationMs"] = _number(row, SLOW)
    return made


def durations(row: Row) -> Durations:
    """One bin."""
    start = next(value for name, value in row.items() if name.startswith("bin("))
    return {
        "start": _shown(moment(start)),
        "measured": int(float(row["measured"])),
        "p50": _number(row, "p50"),
        "p95": _number(row, "p95"),
        "p99": _number(row, "p99"),
        "longest": _number(row, "longest"),
    }


def pattern(row: Row) -> PatternRow:
    """A row of `pattern`, or of `diff` after it.

    AWS documents the fields of the first; what diff adds (@diffEventCount, @differenceDescription) it does not, so
    that is said where it is there.
    """
    count = int(float(row.get("@sampleCount") or 0))
    made: PatternRow = {"pattern": clipped(clean(row.get("@pattern", "")), LONGEST_PATTERN), "count": count}
    if row.get("@ratio"):
        made["share"] = round(float(row["@ratio"]), 4)
    if severity := row.get("@severityLabel"):
        made["severity"] = clipped(clean(severity), 40)
    if change := row.get("@diffEventCount"):
        made["change"] = int(float(change))
        made["dayBefore"] = max(0, count - made["change"])
    if words := row.get("@differenceDescription"):
        made["difference"] = clipped(clean(words), 200)
    if sample := _sample(row.get("@logSamples", "")):
        made["sample"] = clipped(clean(sample), LONGEST_PATTERN)
    return made


def _sample(text: str) -> str:
    """The first of the samples, which are JSON within the answer."""
    try:
        return str(json.loads(text)[0]["logEvent"])
    except (ValueError, LookupError, TypeError):
        return ""


def _number(row: Row, name: str) -> float:
    return round(float(row.get(name) or 0), 3)


def _shown(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
