"""`tail_logs` as an engineer on call uses it: lines arrive while they are written, and leaving ends the session."""

import os
import re
import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from mcp import Client

from tests.clients import ERAS, Heard, wire
from tests.servers import Stack, ValkeyServer, running_stack, until
from tests.sse import Stream
from tests.stand_ins.aws import CREDENTIALS
from tests.stand_ins.logs_tail import LogsTail, logs_tail

GROUP = "/app/web"
RUNS = pytest.mark.parametrize("mode", ["live", "poll"])


@pytest.fixture(scope="module")
def service() -> Generator[LogsTail]:
    with logs_tail(GROUP) as made:
        yield made


@pytest.fixture
def logs(service: LogsTail) -> LogsTail:
    """As new."""
    service.groups[GROUP], service.asked = [], []
    return service


@pytest.fixture(scope="module")
def following(valkey: ValkeyServer, service: LogsTail, tmp_path_factory: pytest.TempPathFactory) -> Generator[Stack]:
    """A stack whose worker finds CloudWatch Logs where the stand-in is."""
    settings = CREDENTIALS | service.environment()
    with running_stack(valkey.url(27), tmp_path_factory.mktemp("tail"), settings=settings) as running:
        yield running


@contextmanager
def tailing(stack: Stack, era: str, **arguments: Any) -> Generator[Stream]:
    """A call whose response is read as it comes; leaving the context leaves the call."""
    params = {"name": "tail_logs", "arguments": arguments}
    with wire(stack.mcp_url, era).open("tools/call", params, meta={"progressToken": 1}) as response:
        yield Stream(response)


def listening(logs: LogsTail, mode: str) -> bool:
    return bool(logs.sessions if mode == "live" else logs.calls("FilterLogEvents"))


def heard(stream: Stream, words: str) -> str:
    """The first progress message with these *words*."""
    for _ in range(100):
        event = stream.message(20)
        assert event.message is not None
        assert event.method == "notifications/progress", event.message
        if words in (message := event.message["params"].get("message", "")):
            return message
    raise AssertionError(f"{words} was not said")


def ending(stream: Stream) -> dict[str, Any]:
    """The call's result, after what progress there is."""
    while (message := stream.message(20).message or {}).get("method") == "notifications/progress":
        continue
    return message["result"]


@pytest.mark.parametrize("era", ERAS)
@RUNS
def test_a_line_reaches_the_client_while_the_call_goes_on(following: Stack, logs: LogsTail, era: str, mode: str):
    """Ours, true streaming: it was written after the call began, and is there before the call ends."""
    arguments: dict[str, Any] = {"logGroups": [GROUP], "seconds": 60, "maxLines": 2, "mode": mode}
    with tailing(following, era, **arguments) as stream:
        until(lambda: listening(logs, mode), "the tail listening")
        logs.write(GROUP, "the first")
        assert re.fullmatch(r"[\d:.]{12}Z web/1 the first\n", heard(stream, "the first"))
        logs.write(GROUP, "the second")
        heard(stream, "the second")
        result = ending(stream)

    found = result["structuredContent"]
    assert (found["mode"], found["ended"], found["linesShown"]) == (mode, "lines", 2)
    assert "the second" in result["content"][0]["text"]


async def test_the_official_client_gets_a_result_that_fits_its_schema(following: Stack, logs: LogsTail):
    """MCP, tools: structured output matches outputSchema; the official client validates it."""
    for number in range(400):
        logs.write(GROUP, f"GET /item/{number} 200")
    async with Client(following.mcp_url, mode="legacy") as client:
        await client.list_tools()
        arguments: dict[str, Any] = {"logGroups": [GROUP], "seconds": 1, "mode": "poll", "contains": "GET /item/"}
        result = await client.call_tool("tail_logs", arguments)

    found: dict[str, Any] = result.structured_content or {}
    assert found["linesSeen"] == 400
    assert found["patterns"]["patterns"][0]["count"] == 400


@RUNS
def test_leaving_a_stateless_call_ends_the_session_with_aws(following: Stack, logs: LogsTail, mode: str):
    """MCP 2026-07-28, cancellation: closing the response cancels, and Live Tail is not paid for any longer."""
    arguments: dict[str, Any] = {"logGroups": [GROUP], "seconds": 600, "mode": mode}
    with tailing(following, "stateless", **arguments) as stream:
        until(lambda: listening(logs, mode), "the tail listening")
        logs.write(GROUP, "here")
        heard(stream, "here")

    until(lambda: logs.sessions == 0, "the end of the session", within=8)
    until(lambda: idle(logs), "the end of polling", within=8)


def idle(logs: LogsTail) -> bool:
    """Whether nothing is asked for longer than a pause between two rounds."""
    before = len(logs.asked)
    try:
        until(lambda: len(logs.asked) > before, "another request", within=2.5)
    except AssertionError:
        return True
    return False


def test_cancelling_a_handshake_call_ends_the_session_with_aws(following: Stack, logs: LogsTail):
    """MCP 2025-11-25, cancellation."""
    session = wire(following.mcp_url, "handshake")
    answers: list[Heard] = []
    arguments: dict[str, Any] = {"logGroups": [GROUP], "seconds": 600, "mode": "live"}
    calling = threading.Thread(target=lambda: answers.append(session.call("tail_logs", arguments, request_id=5)))
    calling.start()
    until(lambda: logs.sessions == 1, "the tail listening")

    session.notify("notifications/cancelled", {"requestId": 5})
    until(lambda: logs.sessions == 0, "the end of the session", within=5)
    calling.join(10)

    assert answers[0].error["code"] == -32800


@pytest.mark.parametrize("era", ERAS)
@RUNS
def test_hostile_lines_reach_the_client_harmless(following: Stack, logs: LogsTail, era: str, mode: str):
    """Ours, A57: whoever can write into a log steers nobody's terminal, and shows nobody's secret."""
    arguments: dict[str, Any] = {"logGroups": [GROUP], "seconds": 60, "maxLines": 6, "mode": mode}
    with tailing(following, era, **arguments) as stream:
        until(lambda: listening(logs, mode), "the tail listening")
        for message in (
            "\x1b[2J\x1b]0;owned\x07colours",
            "right \u202e to left \u200b",
            "half \ud800 a letter",
            "password=hunter2 AKIAABCDEFGHIJKLMNOP",
            "a line\n00:00:00.000Z web/1 and one that is none",
            "x" * 1_000_000,
        ):
            logs.write(GROUP, message)
        said: list[str] = []
        while (event := stream.message(20).message or {}).get("method") == "notifications/progress":
            said.append(event["params"].get("message", ""))

    lines = "".join(said)
    whole = lines.replace("\n", "") + str(event["result"])
    assert whole.isprintable()
    assert not [secret for secret in ("hunter2", "AKIAABCDEFGHIJKLMNOP") if secret in whole]
    assert "\n    00:00:00.000Z web/1 and one that is none\n" in lines
    assert all(part in lines for part in ("colours", "right  to left", "half \ufffd a letter", "password=[secret]"))
    assert len(whole) < 24_000


def test_a_tail_outlives_its_worker(valkey: ValkeyServer, logs: LogsTail, tmp_path: Path):
    """Ours: what is written while no worker is there is shown by the next, and what was kept as shown is not again."""
    settings = CREDENTIALS | logs.environment()
    with running_stack(valkey.url(28), tmp_path, worker=False, settings=settings) as stack:
        first = stack.start_worker()
        arguments: dict[str, Any] = {"logGroups": [GROUP], "seconds": 300, "maxLines": 3}
        with tailing(stack, "handshake", **arguments) as stream:
            until(lambda: logs.sessions == 1, "the tail listening", within=40)
            logs.write(GROUP, "before")
            heard(stream, "before")
            # Two beats later it is kept; the next words come after that.
            heard(stream, "1 lines seen, 1 shown")
            heard(stream, "1 lines seen, 1 shown")
            os.killpg(first.process.pid, signal.SIGKILL)
            first.process.wait(10)
            logs.write(GROUP, "between")
            stack.start_worker()
            heard_next = stream.message(60).message or {}
            while "between" not in heard_next["params"].get("message", ""):
                assert "web/1 before" not in heard_next["params"].get("message", "")
                heard_next = stream.message(60).message or {}
            logs.write(GROUP, "after")
            heard(stream, "after")
            result = ending(stream)

    found = result["structuredContent"]
    assert [line["message"] for line in found["lines"]] == ["before", "between", "after"]
    assert (found["mode"], found["linesShown"]) == ("poll", 3)
