"""A stream that breaks off goes on at another replica: nothing lost, nothing twice, nothing of another stream."""

from typing import Any

import pytest

from tests.servers import Stack, until
from tests.sse import Event, answer, at, call, get, refused, session

ASKS: dict[str, Any] = {"elicitation": {}}


def steps(events: list[Event]) -> list[float]:
    return [event.step for event in events if event.step is not None]


def test_a_stream_begins_with_an_id_to_come_back_by(pair: Stack):
    """MCP 2025-11-25, transports: a priming event with an id, empty data and `retry`; ids never repeat."""
    wire = session(pair.mcp_urls[0])
    with call(wire, "streaming", token=1, count=2, intervalMs=100) as one:
        first = one.rest()
    with call(wire, "streaming", token=1, count=2, intervalMs=100) as two:
        second = two.rest()

    assert first[0].id is not None
    assert (first[0].message, first[0].retry) == (None, 500)
    ids = [event.id for event in first + second]
    assert None not in ids
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("version", ["2025-03-26", "2025-06-18"])
def test_older_clients_get_ids_and_no_empty_event(pair: Stack, version: str):
    """MCP 2025-11-25, transports: only its clients know what an empty event is."""
    wire = session(pair.mcp_urls[0], version=version)
    with call(wire, "streaming", token=1, count=3, intervalMs=100) as stream:
        heard = stream.rest()

    assert all(event.message and event.id for event in heard)
    with get(at(wire, pair.mcp_urls[1]), heard[0].id) as later:
        assert later.rest() == heard[1:]


def test_every_later_event_comes_once_wherever_it_is_asked_for(pair: Stack):
    """MCP 2025-11-25, transports: exactly that stream's events after the id, up to the response."""
    here, there = pair.mcp_urls
    wire = session(here)
    with (
        call(wire, "streaming", token=1, count=3, intervalMs=100) as one,
        call(wire, "streaming", request_id=2, token=2, count=3, intervalMs=100) as other,
    ):
        heard, _ = one.rest(), other.rest()

    for url in (here, there):
        for position, event in enumerate(heard):
            with get(at(wire, url), event.id) as later:
                assert later.rest() == heard[position + 1 :]


def test_a_client_that_left_follows_the_rest_live(pair: Stack):
    """MCP 2025-11-25, transports: disconnection is not cancellation."""
    here, there = pair.mcp_urls
    wire = session(here)
    with call(wire, "streaming", token=1, count=8, intervalMs=200) as broken:
        heard = [broken.next() for _ in range(3)]

    with get(at(wire, there), heard[-1].id) as later:
        first = later.message()
        rest = later.rest()

    assert steps([*heard, first, *rest]) == [float(step) for step in range(1, 9)]
    assert rest[-1].message is not None
    assert rest[-1].message["id"] == 1
    assert "dataPoints" in rest[-1].message["result"]["structuredContent"]


def test_the_replica_that_streams_may_be_killed(pair: Stack):
    """Ours: SIGKILL; the other replica has every later event once, in order, and the result."""
    here, there = pair.mcp_urls
    wire = session(here)
    try:
        with call(wire, "streaming", token=1, count=10, intervalMs=200) as broken:
            heard = [broken.next() for _ in range(5)]
            pair.webs[0].process.kill()
            heard += broken.rest()
        with get(at(wire, there), heard[-1].id) as later:
            heard += later.rest()
    finally:
        pair.restart_web(0)

    assert steps(heard) == [float(step) for step in range(1, 11)]
    assert heard[-1].message is not None
    assert heard[-1].message["result"]["structuredContent"]["count"] == 10


def test_a_replica_that_stops_sends_its_clients_to_another(pair: Stack):
    """Ours: SIGTERM ends streams with `retry` at once, and nothing is lost."""
    here, there = pair.mcp_urls
    wire = session(here)
    try:
        with get(wire) as standalone, call(wire, "streaming", token=1, count=10, intervalMs=200) as moved:
            heard = [moved.next() for _ in range(4)]
            pair.webs[0].process.terminate()
            heard += moved.rest(within=3)
            idle = standalone.rest(within=3)
        status = pair.webs[0].process.wait(10)
        last = next(event.id for event in reversed(heard) if event.id)
        with get(at(wire, there), last) as later:
            rest = later.rest()
    finally:
        pair.restart_web(0)

    assert (heard[-1].retry, idle[-1].retry) == (500, 500)
    assert steps(heard + rest) == [float(step) for step in range(1, 11)]
    assert rest[-1].message is not None
    assert "result" in rest[-1].message
    assert status == 0


def test_a_tool_may_send_its_client_away_for_a_while(pair: Stack):
    """MCP 2025-11-25, transports: the server may close the stream; the client polls."""
    wire = session(pair.mcp_urls[0])
    with call(wire, "hang_up", seconds=1.0) as stream:
        heard = stream.rest()

    assert [(event.message, event.retry) for event in heard] == [(None, 500)]
    with get(at(wire, pair.mcp_urls[1]), heard[0].id) as later:
        assert later.message().text == "back again"
        assert later.rest() == []


@pytest.mark.parametrize("tool", ["streaming", "ask_inline"])
def test_whoever_comes_back_is_the_one_who_listens(pair: Stack, tool: str):
    """MCP, transports: a message travels on one stream; the older response of a stream falls silent."""
    wire = session(pair.mcp_urls[0], ASKS)
    given: dict[str, Any] = {"count": 12, "intervalMs": 200} if tool == "streaming" else {}
    with call(wire, tool, token=1, **given) as older:
        last = older.message()
        with get(at(wire, pair.mcp_urls[1]), last.id) as newer:
            if tool == "ask_inline":
                assert answer(wire, last, name="Ada").status_code == 202
            rest = newer.rest()
        left = older.rest()

    assert rest[-1].message is not None
    assert "result" in rest[-1].message
    # What was on its way when the newer one came may arrive; the result does not come twice.
    assert all("result" not in (event.message or {}) for event in left)
    assert len(left) <= 3


def test_a_question_may_be_met_on_the_resumed_stream(pair: Stack):
    """Ours: asked while nobody listened, answered on the other replica, and the result comes where it is awaited."""
    here, there = pair.mcp_urls
    wire = session(here, ASKS)
    with call(wire, "ask_twice") as broken:
        first = broken.message()
    assert answer(at(wire, there), first, value="one").status_code == 202

    with get(at(wire, there), first.id) as later:
        second = later.message()
        assert answer(wire, second, value="two").status_code == 202
        assert later.message().text == "one and two"


def test_a_cancellation_needs_no_replica_that_remembers_the_call(pair: Stack):
    """Ours: the replica that took the call is dead; the task is stopped all the same."""
    here, there = pair.mcp_urls
    wire = session(here)
    try:
        with call(wire, "streaming", request_id="gone", token=1, count=50, intervalMs=200) as broken:
            heard = [broken.next() for _ in range(2)]
            pair.webs[0].process.kill()
            heard += broken.rest()
        with get(at(wire, there), heard[-1].id) as later:
            later.message()
            assert at(wire, there).notify("notifications/cancelled", {"requestId": "gone"}) == 202
            end = later.rest(within=5)[-1]
    finally:
        pair.restart_web(0)

    assert end.message is not None
    assert end.message["result"]["isError"] is True
    assert "cancelled" in end.text


def test_a_call_the_web_process_answers_itself_ends_in_words_when_it_dies(pair: Stack):
    """Ours: nobody works for the stream any more, so the client is told to call again."""
    here, there = pair.mcp_urls
    wire = session(here, ASKS)
    try:
        with call(wire, "ask_inline", request_id=77) as broken:
            asked = broken.message()
            pair.webs[0].process.kill()
            broken.rest()
        with get(at(wire, there), asked.id) as later:
            end = later.message(within=60)
    finally:
        pair.restart_web(0)

    assert end.message is not None
    assert end.message["id"] == 77
    assert "Call again" in end.message["error"]["message"]


@pytest.mark.parametrize("last", ["7", "*", "0" * 32 + "_0-0", "standalone_1", "0" * 32])
def test_an_id_that_leads_nowhere_is_refused_in_words(pair: Stack, last: str):
    """Ours: what is wrong, in the protocol's own form."""
    answered = refused(session(pair.mcp_urls[0]), last)

    assert answered.status_code == 400
    assert "Last-Event-ID" in answered.json()["error"]["message"]


def test_a_stream_is_asked_for_as_a_stream(pair: Stack):
    """MCP, transports: Accept must name text/event-stream; a session must be named and known."""
    wire = session(pair.mcp_urls[0])
    headers = wire.headers("", {})

    assert wire.http.get(wire.url, headers=headers | {"accept": "application/json"}).status_code == 406
    assert wire.http.get(wire.url, headers=headers | {"mcp-session-id": ""}).status_code == 400
    assert wire.http.get(wire.url, headers=headers | {"mcp-session-id": "unknown"}).status_code == 404
    assert wire.http.get(wire.url, headers=headers | {"mcp-protocol-version": "2026-07-28"}).status_code == 405


def test_a_task_that_ended_while_nobody_listened_is_read_to_its_end(pair: Stack):
    """Ours: the result is in the log, whoever was there."""
    wire = session(pair.mcp_urls[0])
    with call(wire, "streaming", token=1, count=2, intervalMs=100) as broken:
        first = broken.next()

    def rest() -> list[Event]:
        with get(at(wire, pair.mcp_urls[1]), first.id) as later:
            return later.rest()

    until(lambda: len(rest()) == 3, "the whole rest")
    assert rest() == rest()
