"""The time, right in every zone."""

import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest

from tasks.schema import InvalidArguments
from tasks.tool import ToolError
from tasks.tools.system_time import system_time
from tests.stand_ins.run import FakeRun


def told(**arguments: object) -> dict[str, Any]:
    return FakeRun().call(system_time, **arguments)


def test_all_fields_name_the_same_moment():
    """The predecessor was wrong with a time zone."""
    before = datetime.now(UTC).timestamp()
    answer = told(timezone="Asia/Kolkata")
    stamp = datetime.fromisoformat(str(answer["timestamp"]))

    assert stamp.utcoffset() is not None
    assert str(answer["timestamp"]).endswith("+05:30")
    assert before - 1 <= stamp.timestamp() <= before + 5
    assert abs(stamp.timestamp() - datetime.fromisoformat(str(answer["utc"])).timestamp()) < 1
    assert abs(int(str(answer["unix"])) - stamp.timestamp()) <= 1


@pytest.mark.parametrize(
    ("arguments", "pattern"),
    [
        ({"format": "unix"}, r"^\d{10}$"),
        ({"format": "human"}, r"^[A-Z][a-z]+day, \d{1,2} [A-Z][a-z]+ \d{4}, \d\d:\d\d:\d\d UTC$"),
        ({"format": "human", "includeTimezone": False}, r"\d\d:\d\d:\d\d$"),
        ({"includeTimezone": False}, r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}$"),
        ({"format": "custom", "customFormat": "%d.%m.%Y 100%%"}, r"^\d\d\.\d\d\.\d{4} 100%$"),
    ],
)
def test_each_format_is_what_it_says(arguments: dict[str, object], pattern: str):
    """The predecessor garbled custom formats."""
    assert re.search(pattern, str(told(**arguments)["timestamp"]))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"timezone": "Europe/Berlinn"}, "Did you mean Europe/Berlin"),
        ({"timezone": "europe/berlin"}, "Did you mean Europe/Berlin"),
        ({"timezone": "zzz"}, "Use an IANA name"),
        ({"timezone": ""}, "Unknown timezone"),
        ({"timezone": "../../etc/passwd"}, "Unknown timezone"),
        ({"format": "custom"}, "needs customFormat"),
        ({"format": "custom", "customFormat": ""}, "needs customFormat"),
        ({"format": "custom", "customFormat": "a\0b"}, "control characters"),
        ({"format": "custom", "customFormat": "%Y\n"}, "control characters"),
        ({"format": "custom", "customFormat": "%-d"}, "unknown directive %-"),
        ({"format": "custom", "customFormat": "%%%"}, "unknown directive"),
        ({"format": "custom", "customFormat": "%"}, "unknown directive"),
        ({"format": "custom", "customFormat": "%q"}, "unknown directive %q"),
    ],
)
def test_what_it_cannot_tell_it_explains(arguments: dict[str, object], sentence: str):
    """Ours: the error says what would be right."""
    with pytest.raises(ToolError, match=sentence):
        told(**arguments)


def test_every_directive_that_the_argument_documents_works():
    """Ours: the description is a promise to a model."""
    described = system_time.arguments.schema["properties"]["customFormat"]["description"]
    directives = set(re.findall(r"%.", described))

    written = told(format="custom", customFormat=" ".join(sorted(directives)))["timestamp"]

    assert len(directives) > 15
    assert len(written.split()) >= len(directives) - 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"format": "rfc"}, "format"),
        ({"timezone": 1}, "timezone"),
        ({"timezone": "x" * 101}, "timezone"),
        ({"customFormat": "x" * 201}, "customFormat"),
        ({"includeTimezone": "no"}, "includeTimezone"),
        ({"zone": "UTC"}, "zone is unknown"),
        ([], "must be a JSON object"),
    ],
)
def test_bad_input_is_refused_by_name(arguments: object, words: str):
    """MCP, tools: input is validated."""
    with pytest.raises(InvalidArguments, match=words):
        system_time.arguments.parse(json.dumps(arguments).encode())
