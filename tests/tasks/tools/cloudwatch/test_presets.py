"""What the presets ask, word for word: the queries are what people pay for."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from tasks.tools.cloudwatch import presets
from tests.stand_ins.insights_language import Evaluated, Malformed, Row, evaluate, printed

NOW = datetime.now(UTC).replace(microsecond=0)
HOUR = (NOW - timedelta(hours=1), NOW)


def answered(text: str, *messages: str) -> Evaluated:
    """What the query finds among these lines of this moment."""
    events: list[Row] = [{"@timestamp": printed(NOW), "@message": message} for message in messages]
    return evaluate(text, lambda start, end: events, 0, 1)


def test_queries_are_these():
    """AWS, Logs Insights QL: commands in the order that it takes them."""
    assert presets.lines(None, limit=9) == (
        "fields @timestamp, @message, @logStream, @log | sort @timestamp desc | limit 9"
    )
    assert presets.errors("x") == (
        "fields @timestamp, @message, @logStream, @log | filter @message like 'x' | filter @message like "
        r"/(?i)(error|exception|fatal|critical|panic|traceback|fail(ed|ure)|time(d )?out|refused|denied|unhandled"
        r"|out of memory|oomkilled|segfault|no space left|(status|code)\W{1,4}5\d\d|HTTP\S{1,8} 5\d\d)/"
        " | sort @timestamp desc"
    )
    assert presets.pattern("x", limit=9) == (
        "filter @message like 'x' | pattern @message | sort @sampleCount desc | limit 9"
    )
    assert presets.diff(None) == "pattern @message | diff previousDay"
    assert presets.slowest(None, slow_ms=500, limit=9).endswith(
        "request_time * 1000, slow_text_ms, slow_text_s * 1000, duration, latency, elapsed, responseTime, "
        "response_time, took, @duration) as slow_ms | filter slow_ms >= 500 | sort slow_ms desc | limit 9"
    )
    assert presets.durations(None, HOUR).endswith(
        " as slow_ms | filter ispresent(slow_ms) | stats count(*) as measured, pct(slow_ms, 50) as p50, "
        "pct(slow_ms, 95) as p95, pct(slow_ms, 99) as p99, max(slow_ms) as longest by bin(5m)"
    )


@pytest.mark.parametrize(
    ("message", "milliseconds"),
    [
        ('{"duration_ms": 1500}', 1500),
        ('{"latencyMs": 1500.5}', 1500.5),
        ('{"request_time": 1.5}', 1500),
        ('{"duration": 1500, "msg": "x"}', 1500),
        ('{"duration": "1.5s"}', 1500),
        ('{"elapsed": "1500ms"}', 1500),
        ("GET /cart took 1.5 s", 1500),
        ("took 2 seconds", 2000),
        ("Completed 200 OK in 1500ms (Views: 3.1ms)", 1500),
        ("level=info duration=1500ms path=/", 1500),
        ("response time: 1500 ms", 1500),
        ("REPORT RequestId: 1 Duration: 1500.25 ms Billed Duration: 1600 ms", 1500.25),
        ("took a while", None),
        ("timeout after 30 s", None),
        ("duration=5seas", None),
    ],
)
def test_durations_are_read_in_milliseconds(message: str, milliseconds: float | None):
    """Ours: from fields of JSON by their names, with the unit that these say, and from text with its unit."""
    found = answered(presets.slowest(None, slow_ms=1, limit=9), message).rows

    assert [float(row["slow_ms"]) for row in found] == ([] if milliseconds is None else [milliseconds])


@pytest.mark.parametrize(
    "message",
    [
        "ERROR db is down",
        "java.lang.IllegalStateException: no",
        'Traceback (most recent call last):\n  File "x"',
        "request timed out",
        "read timeout",
        'GET / HTTP/1.1" 503 12',
        '{"status": 502}',
        "status=500",
        "connection refused",
    ],
)
def test_error_lines_are_found(message: str):
    """Ours: by the words that loggers, runtimes and proxies use."""
    assert answered(presets.errors(None), message).matched == 1


@pytest.mark.parametrize("message", ["listening on 8080", 'GET / HTTP/1.1" 200 512', '{"status": 200}', "code=1500"])
def test_calm_lines_are_not(message: str):
    """Ours."""
    assert answered(presets.errors(None), message).matched == 0


@pytest.mark.parametrize(
    "text", ["it's", "a\\", "a' | pattern @message | '", "/x/ or 1", "' or @message like /./", "|"]
)
def test_a_text_stays_one_literal(text: str):
    """A55, CWE-77: what a caller gives is looked for, and asks nothing."""
    lines = [f"before {text} after", "other line"]

    for query in (presets.lines(text, limit=9), presets.errors(text)[: -len(" | sort @timestamp desc")]):
        assert re.fullmatch(r"fields [@\w, ]+ \| filter @message like '(?:[^'\\]|\\.)*' \| .*", query)
    assert [row["@message"] for row in answered(presets.lines(text, limit=9), *lines).rows] == lines[:1]


@pytest.mark.parametrize(
    ("hours", "width"), [(0.25, "1m"), (0.5, "1m"), (1, "5m"), (2.5, "5m"), (24, "1h"), (168, "6h"), (1000, "12h")]
)
def test_bins_are_few_and_of_units_that_aws_takes(hours: float, width: str):
    """AWS, bin: minutes to 60, hours to 24. Ours: a picture of 30 bins at most."""
    assert presets.bin_of((NOW - timedelta(hours=hours), NOW)) == width


@pytest.mark.parametrize(
    "text",
    [
        "diff previousDay",
        "filter @message like /x/ | diff previousDay",
        "SOURCE logGroups() | limit 1",
        "unmask @message",
        "stats count(*) as c by bin(300s)",
        "stats count(*) as c by bin(90m)",
        "fields sqrt(x)",
        "sort @timestamp",
        "parse @message 'a *' as b",
        "filter a < 1",
        "limit 1 |",
        "filter @message like 'x",
    ],
)
def test_the_stand_in_refuses_what_it_does_not_know(text: str):
    """Ours: a wrong query must not pass for one that finds nothing."""
    with pytest.raises(Malformed):
        answered(text, "x")
