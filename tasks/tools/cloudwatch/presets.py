"""What each preset asks, in Logs Insights' own language; a caller's words stand in it as quoted literals alone."""

from datetime import timedelta
from typing import Final, Literal

from tasks.aws.insights import Window, quoted

Preset = Literal["errors", "slow", "pattern", "diff", "lines"]

FIELDS: Final = "fields @timestamp, @message, @logStream, @log"
ERRORS: Final = (
    "/(?i)(error|exception|fatal|critical|panic|traceback|fail(ed|ure)|time(d )?out|refused|denied|unhandled"
    r"|out of memory|oomkilled|segfault|no space left|(status|code)\W{1,4}5\d\d|HTTP\S{1,8} 5\d\d)/"
)
SLOW: Final = "slow_ms"
"""The field that a line's duration is brought to, in milliseconds."""
_MILLISECONDS: Final = (
    "durationMs, duration_ms, latencyMs, latency_ms, elapsedMs, elapsed_ms, responseTimeMs, response_time_ms, tookMs"
)
_SECONDS: Final = ("durationSeconds", "duration_seconds", "duration_s", "latency_seconds", "request_time")
"""request_time is nginx's."""
_UNSAID: Final = "duration, latency, elapsed, responseTime, response_time, took, @duration"
"""Most loggers mean milliseconds, and so does Lambda's @duration."""
_SAID: Final = (
    r"(?:duration|latency|elapsed|took|(?:response|request)[ _-]?time|(?:completed|finished)(?: \w{1,20}){0,3} in)"
    r"[^0-9a-z]{1,6}"
)
"""What stands before the number in a text: took 1.2 s, duration=35ms, Completed 200 OK in 350ms."""
_NUMBER: Final = r"\d{1,12}(?:\.\d{1,9})?"
DURATION: Final = (
    rf"parse @message /(?i){_SAID}(?<slow_text_ms>{_NUMBER}) ?(?:ms|millis)/"
    rf" | parse @message /(?i){_SAID}(?<slow_text_s>{_NUMBER}) ?s(?:ec|econds?)?\b/"
    f" | fields coalesce({_MILLISECONDS}, {', '.join(f'{name} * 1000' for name in _SECONDS)}"
    f", slow_text_ms, slow_text_s * 1000, {_UNSAID}) as {SLOW}"
)
_BINS: Final = (
    (timedelta(minutes=1), "1m"),
    (timedelta(minutes=5), "5m"),
    (timedelta(minutes=15), "15m"),
    (timedelta(minutes=30), "30m"),
    (timedelta(hours=1), "1h"),
    (timedelta(hours=3), "3h"),
    (timedelta(hours=6), "6h"),
    (timedelta(hours=12), "12h"),
)
_MOST_BINS: Final = 30


def errors(contains: str | None) -> str:
    return f"{FIELDS} | {_only(contains)}filter @message like {ERRORS} | sort @timestamp desc"


def lines(contains: str | None, *, limit: int) -> str:
    return f"{FIELDS} | {_only(contains)}sort @timestamp desc | limit {limit}"


def slowest(contains: str | None, *, slow_ms: int, limit: int) -> str:
    return f"{FIELDS} | {_only(contains)}{DURATION} | filter {SLOW} >= {slow_ms} | sort {SLOW} desc | limit {limit}"


def durations(contains: str | None, window: Window) -> str:
    """How long things took, over time."""
    numbers = ", ".join(f"pct({SLOW}, {part}) as p{part}" for part in (50, 95, 99))
    counted = f"count(*) as measured, {numbers}, max({SLOW}) as longest"
    return (
        f"{FIELDS} | {_only(contains)}{DURATION} | filter ispresent({SLOW}) | stats {counted} by bin({bin_of(window)})"
    )


def pattern(contains: str | None, *, limit: int) -> str:
    return f"{_only(contains)}pattern @message | sort @sampleCount desc | limit {limit}"


def diff(contains: str | None) -> str:
    """Nothing may stand between pattern and diff; what changed most is found by whoever reads the rows."""
    return f"{_only(contains)}pattern @message | diff previousDay"


def bin_of(window: Window) -> str:
    """The width of a bin. Units stop at 60 minutes and 24 hours (AWS, bin)."""
    length = window[1] - window[0]
    return next((name for width, name in _BINS if length <= width * _MOST_BINS), _BINS[-1][1])


def _only(contains: str | None) -> str:
    return f"filter @message like {quoted(contains)} | " if contains else ""
