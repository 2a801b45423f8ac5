"""From events to notifications: a pure function."""

from collections.abc import Mapping
from typing import Any

import pytest
from mcp.types import ProgressToken

from api.mcp.caller import Caller
from api.mcp.translate import DATA_KEY, call_result, ending, notification
from auth.principal import ANONYMOUS
from storage.events import Ended, Event, Log, Progress, Status, Text
from storage.states import Level
from tasks.outcome import outcome
from tasks.result import Image, Link, Result
from tasks.result import Text as Words


def told(event: Event, *, token: ProgressToken | None = None, level: Level | None = None) -> Mapping[str, Any] | None:
    caller = Caller(principal=ANONYMOUS, session=None, progress_token=token, log_level=level, headers={})
    made = notification(event, caller)
    return None if made is None else made.model_dump(by_alias=True, exclude_none=True)


def test_progress_goes_to_whoever_gave_a_token():
    """MCP, progress: and to nobody else."""
    event = Progress(done=1, total=2, message="half", data={"x": 1})

    sent = told(event, token="t")

    assert told(event) is None
    assert sent is not None
    assert sent["params"] == {
        "progressToken": "t",
        "progress": 1.0,
        "total": 2.0,
        "message": 'half: {"x": 1}',
        "_meta": {DATA_KEY: {"x": 1}},
    }


def test_text_is_progress_with_a_token_and_a_log_message_without():
    """Ours: streamed text reaches a client that asked for either."""
    event = Text(text="word", done=1.5)

    with_token, with_level = told(event, token=1, level="debug"), told(event, level="info")

    assert with_token is not None
    assert with_token["params"]["message"] == "word"
    assert with_level is not None
    assert with_level["params"]["data"] == "word"
    assert told(event, level="error") is None


@pytest.mark.parametrize(("wanted", "sent"), [("debug", True), ("warning", True), ("error", False), (None, False)])
def test_a_log_message_passes_from_the_wanted_level_up(wanted: Level | None, *, sent: bool):
    """MCP, logging; RFC 5424 orders the levels."""
    assert (told(Log(level="warning", message="hm"), level=wanted) is not None) == sent


def test_what_is_not_for_clients_is_not_told():
    """Ours: the result is the answer, not a notification."""
    for event in (Status(status="working"), Ended(status="completed")):
        assert told(event, token=1, level="debug") is None


def test_a_result_keeps_its_content_and_structure():
    """MCP, tools: text, image and link blocks, structured content, isError."""
    content = (Words("hi"), Image.of(b"png", "image/png"), Link("echo://x", "x", mime_type="text/plain"))
    result = Result(content=content, structured={"a": 1})

    made = call_result(ending(Ended(status="completed", outcome=outcome(result))))

    assert [block.type for block in made.content] == ["text", "image", "resource_link"]
    assert (made.structured_content, made.is_error) == ({"a": 1}, False)


def test_an_ending_without_a_result_is_an_error_in_words():
    """Ours: failed, cancelled and interrupted say why."""
    made = call_result(ending(Ended(status="failed", message="it took longer than its 5 s")))

    assert made.is_error
    assert "longer than its 5 s" in str(made.content)
