"""One session can do nothing with another's ids: read, resume, answer, cancel, delete."""

from typing import Any

from tests.clients import Wire
from tests.servers import Stack
from tests.sse import answer, at, call, get, refused, session

ASKS: dict[str, Any] = {"elicitation": {}}


def test_another_sessions_stream_cannot_be_resumed(pair: Stack):
    """Ours: an event id means something only with its own session; it does not even tell that the stream exists."""
    mine, theirs = session(pair.mcp_urls[0]), session(pair.mcp_urls[0])
    with call(theirs, "streaming", token=1, count=2, intervalMs=100) as stream:
        secret = stream.rest()[0].id
    with call(session(pair.mcp_urls[0], ASKS), "ask_inline") as stream:
        inline = stream.message().id

    made_up = refused(mine, "0" * 32 + "_0-0")
    for foreign in (secret, inline):
        for url in pair.mcp_urls:
            answered = refused(at(mine, url), foreign)
            assert (answered.status_code, answered.json()) == (400, made_up.json())


def test_another_sessions_standalone_stream_cannot_be_read(pair: Stack):
    """Ours: the cursor of a standalone stream holds positions, and the session says of which logs."""
    mine, theirs = session(pair.mcp_urls[0]), session(pair.mcp_urls[0])
    with get(theirs) as stream:
        start = stream.next().id
    theirs.send("resources/subscribe", {"uri": "test://watched"})

    with get(mine, start) as stream:
        stream.next()
        mine.call("touch_resource", {"uri": "test://watched"})
        mine.call("announce_tools", {})
        # What everybody is told comes; what only the other session wanted does not.
        assert stream.message().method == "notifications/tools/list_changed"


def test_another_sessions_question_cannot_be_answered(pair: Stack):
    """Ours: on a worker and in the web process; the question stays open for whoever was asked."""
    mine, theirs = session(pair.mcp_urls[0], ASKS), session(pair.mcp_urls[0], ASKS)
    for tool in ("ask_name", "ask_inline"):
        with call(theirs, tool) as stream:
            question = stream.message()

            foreign = [answer(at(mine, url), question, name="Eve") for url in pair.mcp_urls]
            own = answer(at(theirs, pair.mcp_urls[1]), question, name="Ada")

            assert [each.status_code for each in foreign] == [400, 400]
            assert "No question with this id" in foreign[0].json()["error"]["message"]
            assert own.status_code == 202
            assert stream.message().text.startswith("hello Ada")
        assert answer(theirs, question, name="Ada").status_code == 400


def test_another_sessions_call_cannot_be_cancelled(pair: Stack):
    """Ours: both use the same request id, as clients do."""
    mine, theirs = session(pair.mcp_urls[0]), session(pair.mcp_urls[0])
    with (
        call(theirs, "streaming", request_id=7, token=1, count=8, intervalMs=200) as stays,
        call(mine, "streaming", request_id=7, token=1, count=50, intervalMs=200) as stops,
    ):
        stays.message()
        stops.message()

        at(mine, pair.mcp_urls[1]).notify("notifications/cancelled", {"requestId": 7})

        ended, whole = stops.rest(within=5)[-1], stays.rest()[-1]
    assert ended.message is not None
    assert ended.message["error"]["code"] == -32800
    assert whole.message is not None
    assert whole.message["result"]["structuredContent"]["count"] == 8


def test_an_id_that_is_guessed_ends_nothing(pair: Stack):
    """MCP, transports: 404 for a session that is not there, whatever one tries on it."""
    theirs = session(pair.mcp_urls[0])
    assert theirs.session is not None
    for guess in (theirs.session[:-1], theirs.session.lower() + "x", "*", "../" + theirs.session):
        wire = Wire(pair.mcp_urls[1], version=theirs.version, session=guess)
        assert wire.http.delete(wire.url, headers=wire.headers("", {})).status_code == 404
        assert wire.send("ping").status == 404
        assert refused(wire).status_code == 404

    assert at(theirs, pair.mcp_urls[1]).send("ping").result == {}


def test_a_deleted_session_is_gone_everywhere(pair: Stack):
    """MCP, transports: DELETE ends the session; its streams end on both replicas, and every later request gets 404."""
    here, there = pair.mcp_urls
    wire = session(here)
    with get(wire) as standalone, call(at(wire, there), "streaming", token=1, count=50, intervalMs=200) as running:
        last = running.message().id
        standalone.next()

        deleted = wire.http.delete(there, headers=wire.headers("", {}))

        ended, idle = running.rest(within=5), standalone.rest(within=5)
    assert deleted.status_code == 204
    assert ended[-1].message is not None
    assert "session was ended" in ended[-1].message["error"]["message"]
    assert idle == []
    for url in pair.mcp_urls:
        assert at(wire, url).send("ping").status == 404
        assert refused(at(wire, url), last).status_code == 404
        assert wire.http.delete(url, headers=wire.headers("", {})).status_code == 404
