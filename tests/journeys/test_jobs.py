"""Clients without the tasks extension lose nothing either: the deadline, the job tools, repeated calls, limits."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.clients import ERAS, Heard, Wire, wire
from tests.servers import Stack, until
from tests.sse import at, call, session

ID_KEY = "mcp-server-playground/jobId"
KEY = "mcp-server-playground/idempotencyKey"
EVERY_ERA = pytest.mark.parametrize("era", list(ERAS))


def job(heard: Heard) -> str:
    return heard.result["_meta"][ID_KEY]


def has_begun(file: Path, times: int = 1) -> Callable[[], bool]:
    return lambda: file.exists() and file.read_text().count("begun") >= times


@EVERY_ERA
def test_a_job_outlives_its_call_and_its_session(hasty: Stack, tmp_path: Path, era: str):
    """Ours: past the deadline the call names the job; whoever comes back, on another replica, gets the result."""
    here, there = hasty.mcp_urls
    handed = wire(here, era).call("steps", {"file": str(tmp_path / "begun"), "count": 12})
    later = wire(there, era)
    listed = later.call("job_list", {"running": True}).result["structuredContent"]["jobs"]
    status = later.call("job_status", {"jobId": job(handed)}).result["structuredContent"]
    results = [later.call("job_result", {"jobId": job(handed)})]
    while ID_KEY in results[-1].result.get("_meta", {}):
        results.append(later.call("job_result", {"jobId": job(handed)}))

    assert "isError" not in handed.result or handed.result["isError"] is False
    assert handed.result["structuredContent"]["status"] == "working"
    assert f'{{"jobId": "{job(handed)}"}}' in handed.result["content"][0]["text"]
    assert job(handed) in [each["jobId"] for each in listed]
    assert status["tool"] == "steps"
    assert status["total"] == 12
    assert status["message"].startswith(f"{status['progress']:g} of 12: step ")
    assert len(results) <= 4
    assert results[-1].result["content"][0]["text"] == "12 steps"
    assert (tmp_path / "begun").read_text() == "begun\n"


def test_progress_of_a_client_with_a_token_starts_the_time_again(hasty: Stack, tmp_path: Path):
    """Ours: a client whose clock every notification resets may stay, and gets the result itself."""
    heard = wire(hasty.mcp_urls[0], "stateless").call("steps", {"file": str(tmp_path / "b"), "count": 10}, token=1)

    assert len(heard.progress) == 10
    assert heard.result["content"][0]["text"] == "10 steps"


def test_waiting_for_a_job_streams_its_progress_from_the_beginning(hasty: Stack, tmp_path: Path):
    """Ours: job_result is as good as the call itself."""
    handed = wire(hasty.mcp_urls[0], "handshake").call("steps", {"file": str(tmp_path / "b"), "count": 10})
    heard = wire(hasty.mcp_urls[1], "handshake").call("job_result", {"jobId": job(handed)}, token=7)

    assert [each.message["params"]["progress"] for each in heard.progress] == [float(step) for step in range(1, 11)]
    assert heard.result["content"][0]["text"] == "10 steps"


def test_a_tool_with_an_output_schema_hands_over_as_an_error_because_its_result_is_not_there(hasty: Stack):
    """MCP, tools: structured content must fit the schema; an error need not have any."""
    handed = wire(hasty.mcp_urls[0], "stateless").call("steps_with_schema", {"count": 10})
    done = wire(hasty.mcp_urls[0], "stateless").call("job_result", {"jobId": job(handed)}, token=1)

    assert handed.result["isError"] is True
    assert "structuredContent" not in handed.result
    assert done.result["structuredContent"] == {"steps": 10}


@EVERY_ERA
def test_a_job_is_cancelled_for_good(hasty: Stack, tmp_path: Path, era: str):
    """Ours: the work stops; the answer says that it has; the result says so too."""
    ticks = tmp_path / "ticks"
    handed = wire(hasty.mcp_urls[0], era).call("tick", {"file": str(ticks)})
    cancelled = wire(hasty.mcp_urls[1], era).call("job_cancel", {"jobId": job(handed)}).result["structuredContent"]
    size = ticks.stat().st_size
    result = wire(hasty.mcp_urls[1], era).call("job_result", {"jobId": job(handed)}).result

    assert cancelled["status"] == "cancelled"
    assert result["isError"] is True
    assert "cancelled" in result["content"][0]["text"]
    assert ticks.stat().st_size == size


@EVERY_ERA
@pytest.mark.parametrize("tool", ["job_status", "job_result", "job_cancel"])
def test_an_unknown_job_is_told_in_words(hasty: Stack, era: str, tool: str):
    """Ours: for the model to read; one of another principal looks the same."""
    heard = wire(hasty.mcp_urls[0], era).call(tool, {"jobId": "0" * 32})

    assert heard.result["isError"] is True
    assert "job_list names yours" in heard.result["content"][0]["text"]


def test_waiting_for_a_job_asks_its_questions(hasty: Stack):
    """Ours: a session that ended before the person answered costs nothing; the next one is asked."""
    first = session(hasty.mcp_urls[0], {"elicitation": {}})
    with call(first, "ask_name") as stream:
        assert stream.message().method == "elicitation/create"
        handed = stream.message().message
    assert handed is not None
    job_id = handed["result"]["_meta"][ID_KEY]
    assert "It waits for an answer" in handed["result"]["content"][0]["text"]
    second = session(hasty.mcp_urls[1], {"elicitation": {}})
    with call(second, "job_result", jobId=job_id) as stream:
        asked = stream.message()
        assert asked.message is not None
        reply = {
            "jsonrpc": "2.0",
            "id": asked.message["id"],
            "result": {"action": "accept", "content": {"name": "Ada"}},
        }
        elsewhere = at(second, hasty.mcp_urls[0])
        assert elsewhere.http.post(elsewhere.url, json=reply, headers=elsewhere.headers("", {})).status_code == 202

        assert stream.message().text == "hello Ada"


def test_a_job_that_waits_asks_in_the_stateless_era_too(hasty: Stack):
    """Ours: as input_required of job_result, whose retry may go anywhere."""
    meta: dict[str, Any] = {"io.modelcontextprotocol/clientCapabilities": {"elicitation": {}}}
    params: dict[str, Any] = {"name": "ask_name", "arguments": {}}
    asked = Wire(hasty.mcp_urls[0]).send("tools/call", params, meta=meta).result
    listed = Wire(hasty.mcp_urls[0]).call("job_list", {"limit": 1}).result["structuredContent"]["jobs"]
    waits: dict[str, Any] = {"name": "job_result", "arguments": {"jobId": listed[0]["jobId"]}}
    again = Wire(hasty.mcp_urls[1]).send("tools/call", waits, meta=meta).result
    given = {"inputResponses": {"name": {"action": "accept", "content": {"name": "Ada"}}}}
    done = Wire(hasty.mcp_urls[0]).send(
        "tools/call", {**waits, **given, "requestState": again["requestState"]}, meta=meta
    )

    assert asked["resultType"] == again["resultType"] == "input_required"
    assert listed[0]["status"] == "input_required"
    assert done.result["content"][0]["text"] == "hello Ada"


def test_the_same_call_again_is_given_the_running_task(hasty: Stack, tmp_path: Path):
    """Ours: of a tool that may run twice, when nobody follows the first; the order of arguments does not matter."""
    file = tmp_path / "begun"
    first = wire(hasty.mcp_urls[0], "handshake").call("steps", {"file": str(file), "count": 15})
    again = wire(hasty.mcp_urls[1], "stateless").call("steps", {"count": 15, "file": str(file)}, token=1)
    other = wire(hasty.mcp_urls[1], "stateless").call("steps", {"count": 1, "file": str(file)})

    assert job(first)
    assert again.result["content"][0]["text"] == "15 steps"
    assert len(again.progress) == 15
    assert other.result["content"][0]["text"] == "1 steps"
    assert file.read_text() == "begun\n" * 2


def test_the_same_call_at_the_same_time_is_another(hasty: Stack, tmp_path: Path):
    """Ours: two people, or two windows of one, may do the same."""
    file = tmp_path / "begun"
    wires = [session(url) for url in hasty.mcp_urls]
    arguments = {"file": str(file), "count": 4}
    with call(wires[0], "steps", token=1, **arguments) as one, call(wires[1], "steps", token=1, **arguments) as two:
        ends = [stream.rest()[-1].text for stream in (one, two)]

    assert ends == ["4 steps"] * 2
    assert file.read_text() == "begun\n" * 2


@pytest.mark.parametrize("where", ["header", "meta"])
def test_a_key_of_the_clients_own_makes_any_tool_safe_to_call_again(hasty: Stack, tmp_path: Path, where: str):
    """draft-ietf-httpapi-idempotency-key-header: one run, and its result again after it ended; other arguments are an
    error.
    """
    file = tmp_path / "begun"
    key = f"{where} {tmp_path}"[-200:]
    how: dict[str, Any] = {"headers": {"idempotency-key": key}} if where == "header" else {"meta": {KEY: key}}
    arguments = {"file": str(file), "seconds": 1.5}
    first = wire(hasty.mcp_urls[0], "stateless").call("once", arguments, **how)
    meanwhile = wire(hasty.mcp_urls[1], "handshake").call("once", arguments, **how)
    afterwards = wire(hasty.mcp_urls[0], "stateless").call("once", arguments, **how)
    wrong = wire(hasty.mcp_urls[0], "stateless").call("once", {**arguments, "seconds": 2.0}, **how)

    assert job(first)
    assert meanwhile.result["content"][0]["text"] == "done once"
    assert afterwards.result["content"][0]["text"] == "done once"
    assert wrong.error["code"] == -32602
    assert "idempotency key" in wrong.error["message"]
    assert file.read_text() == "begun\n"


@pytest.mark.parametrize("key", ["x" * 256, 7, ""])
def test_a_key_must_be_a_short_string(hasty: Stack, key: object):
    """Ours: -32602 says so."""
    heard = wire(hasty.mcp_urls[0], "stateless").call("once", {"file": "x", "seconds": 0.0}, meta={KEY: key})

    assert heard.error["code"] == -32602
    assert "1 to 255 characters" in heard.error["message"]


def test_a_tool_that_must_not_run_twice_is_run_again_when_no_key_says_otherwise(hasty: Stack, tmp_path: Path):
    """Ours: two orders of the same thing may be two orders."""
    file = tmp_path / "begun"
    handed = [wire(url, "handshake").call("once", {"file": str(file), "seconds": 2.0}) for url in hasty.mcp_urls]
    until(has_begun(file, 2), "the second run")

    assert job(handed[0]) != job(handed[1])


def test_too_many_at_work_are_refused_until_one_ends(hasty: Stack, tmp_path: Path):
    """Ours: a code of its own, what is full, and when to try again; refused work never runs."""
    waiting = [session(url) for url in hasty.mcp_urls]
    jobs: list[str] = []
    refused: Heard | None = None
    for index in range(12):
        heard = waiting[index % 2].call("tick", {"file": str(tmp_path / f"ticks-{index}")})
        if "error" in heard.messages[-1].message:
            refused = heard
            break
        jobs.append(job(heard))
    assert refused is not None
    refused_file = tmp_path / f"ticks-{len(jobs)}"
    for job_id in jobs:
        waiting[0].call("job_cancel", {"jobId": job_id})
    accepted = waiting[1].call("streaming", {"count": 1})

    assert len(jobs) <= 8
    assert refused.error["code"] == -31006
    assert refused.error["data"] == {"retryAfter": 10}
    assert "you have 8 calls at work" in refused.error["message"]
    assert accepted.result["structuredContent"]["count"] == 1
    assert not refused_file.exists()


def test_arguments_that_are_too_large_are_refused(hasty: Stack):
    """Ours: -32602 with both sizes."""
    heard = wire(hasty.mcp_urls[0], "stateless").call("steps", {"file": "x" * 5000, "count": 1})

    assert heard.error["code"] == -32602
    assert "at most 4096 are taken" in heard.error["message"]


@EVERY_ERA
def test_a_large_result_is_a_link_to_a_resource(hasty: Stack, era: str):
    """MCP, tools: resource links; read at any replica by whoever made the call."""
    heard = wire(hasty.mcp_urls[0], era).call("much", {"size": 50_000}).result
    link = next(content for content in heard["content"] if content["type"] == "resource_link")
    read = wire(hasty.mcp_urls[1], era).send("resources/read", {"uri": link["uri"]}).result

    assert not heard.get("isError")
    assert "too many for this answer" in heard["content"][0]["text"]
    assert len(json.dumps(heard)) < 2000
    assert read["contents"][0]["text"] == "0123456789" * 5000
    assert read["contents"][0]["mimeType"] == "text/plain"


def test_a_large_result_with_a_schema_is_an_error_that_names_the_resource(hasty: Stack):
    """MCP, tools: structured content would have to be there and fit; an error need not have any."""
    heard = wire(hasty.mcp_urls[0], "stateless").call("much_with_schema", {"size": 40_000}).result
    link = next(content for content in heard["content"] if content["type"] == "resource_link")
    read = wire(hasty.mcp_urls[1], "stateless").send("resources/read", {"uri": link["uri"]}).result

    assert heard["isError"] is True
    assert "structuredContent" not in heard
    assert json.loads(read["contents"][0]["text"]) == {"text": "0123456789" * 4000}
    assert read["contents"][0]["mimeType"] == "application/json"


def test_a_result_beyond_every_limit_is_an_error_that_says_so(hasty: Stack):
    """Ours: and nothing is stored."""
    heard = wire(hasty.mcp_urls[0], "stateless").call("much", {"size": 200_000}).result

    assert heard["isError"] is True
    assert "at most 100000" in heard["content"][0]["text"]
    assert len(heard["content"]) == 1
