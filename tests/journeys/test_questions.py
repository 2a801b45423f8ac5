"""A tool asks the client: over a stream with a session, by its result without one."""

from typing import Any

import pytest

from tests.clients import Heard, Wire
from tests.servers import Stack
from tests.sse import answer, at, call, session

ASKS: dict[str, Any] = {"elicitation": {}}
ENVELOPE = {"io.modelcontextprotocol/clientCapabilities": ASKS}
ADA = {"action": "accept", "content": {"name": "Ada"}}


def test_two_questions_are_answered_on_alternating_replicas(pair: Stack):
    """MCP, elicitation: asked on the call's own stream, answered by a POST to any replica."""
    here, there = pair.mcp_urls
    wire = session(here, ASKS)
    with call(wire, "ask_twice") as stream:
        first = stream.message()
        assert answer(at(wire, there), first, value="one").status_code == 202
        second = stream.message()
        assert answer(wire, second, value="two").status_code == 202

        assert stream.message().text == "one and two"
    assert first.message is not None
    assert first.method == "elicitation/create"
    assert first.message["params"]["requestedSchema"]["required"] == ["value"]


@pytest.mark.parametrize(
    ("reply", "text"),
    [
        ({"result": {"action": "decline"}}, "they chose to decline"),
        ({"error": {"code": -1, "message": "the person is away"}}, "the person is away"),
        ({"result": {"action": "accept", "content": {"name": 7}}}, "content.name: 7 is not of type 'string'"),
    ],
)
def test_any_answer_ends_the_wait_in_words(pair: Stack, reply: dict[str, Any], text: str):
    """Ours: a refusal and nonsense reach the tool's caller as such."""
    wire = session(pair.mcp_urls[0], ASKS)
    with call(wire, "ask_name") as stream:
        asked = stream.message().message
        assert asked is not None
        body = {"jsonrpc": "2.0", "id": asked["id"], **reply}
        assert wire.http.post(pair.mcp_urls[1], json=body, headers=wire.headers("", {})).status_code == 202

        assert text in stream.message().text


@pytest.mark.parametrize("tool", ["ask_name", "ask_inline"])
def test_a_client_that_takes_no_questions_is_told_so(pair: Stack, tool: str):
    """MCP, capabilities: nothing is asked that was not declared; -32021 without a session, a result with one."""
    with_session = session(pair.mcp_urls[0]).call(tool, {})
    without = Wire(pair.mcp_urls[0]).call(tool, {})

    assert with_session.result["isError"] is True
    assert "elicitation" in with_session.result["content"][0]["text"]
    assert (without.status, without.error["code"]) == (400, -32021)
    assert without.error["data"] == {"requiredCapabilities": {"elicitation": {}}}


def ask(url: str, tool: str, **more: Any) -> Heard:
    params: dict[str, Any] = {"name": tool, "arguments": {}, **more}
    return Wire(url).send("tools/call", params, meta=ENVELOPE, headers={"mcp-name": tool})


@pytest.mark.parametrize("tool", ["ask_name", "ask_inline"])
def test_a_result_asks_and_the_retry_goes_to_another_replica(pair: Stack, tool: str):
    """MCP 2026-07-28, multi round-trip requests: input_required, then the answers with the state it gave."""
    here, there = pair.mcp_urls
    asked = ask(here, tool).result

    answered = ask(there, tool, inputResponses={"name": ADA}, requestState=asked["requestState"]).result

    assert asked["resultType"] == "input_required"
    assert asked["inputRequests"]["name"]["method"] == "elicitation/create"
    assert answered["resultType"] == "complete"
    assert answered["content"][0]["text"].startswith("hello Ada")


def test_two_rounds_are_one_task(pair: Stack):
    """Ours: the first answer is kept on the way to the second."""
    here, there = pair.mcp_urls
    first = ask(here, "ask_twice").result
    one = {"first": {"action": "accept", "content": {"value": "one"}}}
    second = ask(there, "ask_twice", inputResponses=one, requestState=first["requestState"]).result
    two = {"second": {"action": "accept", "content": {"value": "two"}}}

    done = ask(here, "ask_twice", inputResponses=two, requestState=second["requestState"]).result

    assert list(first["inputRequests"]) == ["first"]
    assert list(second["inputRequests"]) == ["second"]
    assert done["content"][0]["text"] == "one and two"


@pytest.mark.parametrize("tool", ["ask_name", "ask_inline"])
@pytest.mark.parametrize("given", [{}, {"other": ADA}, {"name": {"action": "accept", "content": {"name": 7}}}])
def test_what_is_missing_or_wrong_is_asked_again(pair: Stack, tool: str, given: dict[str, Any]):
    """MCP 2026-07-28, multi round-trip requests: a new input_required; what was not asked for is ignored."""
    here, there = pair.mcp_urls
    asked = ask(here, tool).result
    again = ask(there, tool, inputResponses=given, requestState=asked["requestState"]).result

    done = ask(here, tool, inputResponses={"name": ADA, "extra": ADA}, requestState=again["requestState"]).result

    assert again["resultType"] == "input_required"
    assert list(again["inputRequests"]) == ["name"]
    assert done["content"][0]["text"].startswith("hello Ada")


def test_a_state_that_was_changed_or_is_for_something_else_is_refused(pair: Stack):
    """MCP 2026-07-28, multi round-trip requests: requestState is protected; the refusal does not say how."""
    asked = ask(pair.mcp_urls[0], "ask_name").result
    state = asked["requestState"]
    middle = len(state) // 2
    changed = state[:middle] + ("A" if state[middle] != "A" else "B") + state[middle + 1 :]

    wrong = [
        ask(pair.mcp_urls[1], "ask_name", inputResponses={"name": ADA}, requestState=changed),
        ask(pair.mcp_urls[1], "ask_name", inputResponses={"name": ADA}, requestState="made up"),
        ask(pair.mcp_urls[1], "ask_twice", inputResponses={"first": ADA}, requestState=state),
    ]

    assert [each.error["code"] for each in wrong] == [-32602] * 3
    assert {each.error["message"] for each in wrong} == {"Invalid or expired requestState"}


def test_an_answer_of_no_known_shape_is_named(pair: Stack):
    """Ours: -32602 that says which, instead of asking for ever."""
    state = ask(pair.mcp_urls[0], "ask_name").result["requestState"]

    error = ask(pair.mcp_urls[0], "ask_name", inputResponses={"name": 7}, requestState=state).error

    assert error["code"] == -32602
    assert "inputResponses.name" in error["message"]
