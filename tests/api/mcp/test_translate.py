"""From events to notifications: a pure function."""

from collections.abc import Mapping
from typing import Any

import pytest
from mcp import MCPError
from mcp.types import ProgressToken

from api.mcp.translate import DATA_KEY, Audience, call_result, ending, message, question_of, request
from storage.events import Asked, Ended, Event, Log, Progress, Status, Text, Withdrawn
from storage.states import Level
from tasks.ask import UrlElicitation
from tasks.outcome import outcome
from tasks.result import Image, Link, Result
from tasks.result import Text as Words

HANDSHAKE = Audience(request=1, session="s")
STATELESS = Audience(request=1)
STREAM = "0" * 32


def told(event: Event, *, token: ProgressToken | None = None, level: Level | None = None) -> Mapping[str, Any] | None:
    return message(event, Audience(request=1, progress_token=token, log_level=level), STREAM)


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

    made = call_result(ending(Ended(status="completed", outcome=outcome(result)), HANDSHAKE))

    assert [block.type for block in made.content] == ["text", "image", "resource_link"]
    assert (made.structured_content, made.is_error) == ({"a": 1}, False)


def test_an_ending_without_a_result_is_an_error_in_words():
    """Ours: failed, cancelled and interrupted say why."""
    made = call_result(ending(Ended(status="failed", message="it took longer than its 5 s"), HANDSHAKE))

    assert made.is_error
    assert "longer than its 5 s" in str(made.content)


def test_a_question_is_a_request_with_a_session_and_nothing_without():
    """MCP: in the handshake eras the server asks, in the stateless one the result does."""
    plain = {"type": "elicitation", "message": "Who?", "schema": {"type": "object"}}
    event = Asked(key="name", question=plain)

    sent = message(event, HANDSHAKE, STREAM)

    assert sent is not None
    assert (sent["method"], sent["params"]) == (
        "elicitation/create",
        {"message": "Who?", "requestedSchema": {"type": "object"}},
    )
    assert question_of(sent["id"]) == (STREAM, "name")
    assert message(event, STATELESS, STREAM) is None


@pytest.mark.parametrize("foreign", [7, None, "", "7", "name", ".name", f"{STREAM}.", f"{STREAM[1:]}.name", True])
def test_an_id_that_is_none_of_ours_leads_nowhere(foreign: object):
    """Ours: a client may answer anything."""
    assert question_of(foreign) is None


def test_a_question_taken_back_is_cancelled():
    """MCP, cancellation: whoever sent the request may."""
    sent = message(Withdrawn(key="name"), HANDSHAKE, STREAM)

    assert sent is not None
    assert sent["method"] == "notifications/cancelled"
    assert sent["params"]["requestId"] == f"{STREAM}.name"


def test_the_handshake_eras_name_a_url_elicitation():
    """MCP 2025-11-25, elicitation: elicitationId; 2026-07-28 has none."""
    question = UrlElicitation("Sign in", "https://example.com")

    assert request(question, "id")[1]["elicitationId"] == "id"
    assert "elicitationId" not in request(question)[1]


def test_a_missing_capability_is_an_error_without_a_session_and_a_result_with_one():
    """MCP 2026-07-28, basic: -32021 names what is needed."""
    event = Ended(
        status="completed", outcome=outcome(Result(content=(Words("no"),), is_error=True)), missing="sampling"
    )

    with pytest.raises(MCPError) as caught:
        ending(event, STATELESS)

    assert caught.value.error.code == -32021
    assert caught.value.error.data == {"requiredCapabilities": {"sampling": {}}}
    assert ending(event, HANDSHAKE).is_error
