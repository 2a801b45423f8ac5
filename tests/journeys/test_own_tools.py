"""A company's own tools, without a fork."""

import itertools

import pytest

from tests.clients import ERAS, wire
from tests.servers import Stack, ValkeyServer, until


@pytest.mark.parametrize("era", ERAS)
def test_ten_thousand_progress_events_become_few_and_keep_the_last(own: Stack, era: str):
    """Ours: coalesced, strictly increasing, and never without the last."""
    heard = wire(own.mcp_url, era).call("flood", {"count": 10_000}, token=1)

    values = [event.message["params"]["progress"] for event in heard.progress]
    assert len(values) < 200
    assert all(first < second for first, second in itertools.pairwise(values))
    assert values[-1] == 10_000
    assert heard.result["content"][0]["text"] == "flooded"


@pytest.mark.parametrize("era", ERAS)
def test_no_piece_of_streamed_text_is_lost_or_out_of_order(own: Stack, era: str):
    """Ours: pieces may be joined, and that is all."""
    heard = wire(own.mcp_url, era).call("talk", {"pieces": 2000}, token=1)

    text = "".join(event.message["params"]["message"] for event in heard.progress)
    values = [event.message["params"]["progress"] for event in heard.progress]
    assert text == "".join(f"<{piece}>" for piece in range(2000))
    assert all(first < second for first, second in itertools.pairwise(values))


def test_log_messages_come_from_the_level_the_session_asked_for(own: Stack):
    """MCP, logging: logging/setLevel filters, on any replica because the session's record holds the level."""
    session = wire(own.mcp_url, "handshake")
    session.send("logging/setLevel", {"level": "error"})

    heard = session.call("say", {})

    logged = [
        each.message["params"] for each in heard.messages if each.message.get("method") == "notifications/message"
    ]
    assert [(each["level"], each["data"]) for each in logged] == [("error", "loud")]


def test_log_messages_of_the_stateless_era_need_an_invitation(own: Stack):
    """MCP 2026-07-28, logging: without logLevel in _meta there are none; with it, from that level up."""
    stateless = wire(own.mcp_url, "stateless")

    uninvited = stateless.call("say", {})
    invited = stateless.call("say", {}, meta={"io.modelcontextprotocol/logLevel": "info"})

    assert len(uninvited.messages) == 1
    levels = [each.message["params"]["level"] for each in invited.messages[:-1]]
    assert levels == ["info", "error"]


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("tool", ["broken", "broken_inline"])
def test_an_exception_of_a_tool_tells_the_client_nothing_of_itself(own: Stack, era: str, tool: str):
    """Ours: an error result with the run's id, for whoever reads the log."""
    heard = wire(own.mcp_url, era).call(tool, {})

    text = str(heard.messages)
    assert heard.result["isError"] is True
    assert "under run" in text
    assert not any(word in text for word in ("hunter2", "/etc", "RuntimeError", "Traceback"))


@pytest.mark.parametrize("era", ERAS)
def test_a_coroutine_may_answer_in_the_web_process(own: Stack, era: str):
    """Ours: inline tools may be coroutines."""
    assert wire(own.mcp_url, era).call("soon", {"name": "you"}).result["content"][0]["text"] == "hello you"


@pytest.mark.parametrize("era", ERAS)
def test_a_silent_run_shows_life(own: Stack, era: str):
    """Ours: the response begins within moments, with an id to come back by where clients know how."""
    with wire(own.mcp_url, era).open("tools/call", {"name": "silent", "arguments": {"seconds": 3.0}}) as response:
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        lines = list(response.iter_lines())

    assert lines[0].startswith(":" if era == "stateless" else "id: ")
    assert "at last" in lines[-2]


@pytest.mark.parametrize("modules", ["no_such_module", "/no/such/file.py", "json"])
def test_a_module_that_brings_no_tools_stops_the_start_with_a_sentence(valkey: ValkeyServer, own: Stack, modules: str):
    """Ours: the sentence names the variable, and there is no traceback."""
    stack = Stack(valkey.url(3), own.folder, {"MCP_TOOL_MODULES": modules})
    program = stack.start("serve", "--port", str(stack.port))

    until(lambda: program.process.poll() is not None, "the end of serve")

    assert program.process.returncode == 2
    assert "MCP_TOOL_MODULES" in program.output()
    assert "Traceback" not in program.output()
