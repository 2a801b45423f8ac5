"""What belongs to no request: the standalone stream of a session, and `subscriptions/listen` without one."""

import pytest

from tests.clients import Arrived, Wire, listen
from tests.servers import Stack
from tests.sse import at, call, get, session

LISTS = "notifications/tools/list_changed"
UPDATED = "notifications/resources/updated"
WATCHED = "test://watched"


def test_a_change_reaches_every_session_on_every_replica(pair: Stack):
    """MCP, list changed: whichever replica or worker it happens on; and no response carries it."""
    one, two = session(pair.mcp_urls[0]), session(pair.mcp_urls[1])
    with get(one) as here, get(two) as there:
        here.next()
        there.next()
        with call(one, "announce_tools", token=1) as calling:
            response = calling.rest()

        assert here.message().method == LISTS
        assert there.message().method == LISTS
    assert all(event.method != LISTS for event in response)


def test_a_resource_is_told_of_to_whoever_subscribed(pair: Stack):
    """MCP, resources: subscribe on one replica, stream on the other, change on a worker; unsubscribe ends it."""
    wants, does_not = session(pair.mcp_urls[0]), session(pair.mcp_urls[0])
    elsewhere = at(wants, pair.mcp_urls[1])
    with get(wants) as wanted, get(does_not) as quiet:
        wanted.next()
        quiet.next()
        assert elsewhere.send("resources/subscribe", {"uri": WATCHED}).result == {}
        does_not.call("touch_resource", {"uri": WATCHED})
        does_not.call("touch_resource", {"uri": "test://other"})
        assert elsewhere.send("resources/unsubscribe", {"uri": WATCHED}).result == {}
        does_not.call("touch_resource", {"uri": WATCHED})
        does_not.call("announce_tools", {})

        first, second = wanted.message(), wanted.message()

        assert first.message is not None
        assert (first.method, first.message["params"]) == (UPDATED, {"uri": WATCHED})
        assert second.method == LISTS
        assert quiet.message().method == LISTS


def test_a_subscription_needs_a_resource(pair: Stack):
    """MCP, resources: -32002 for one that is not there."""
    error = session(pair.mcp_urls[0]).send("resources/subscribe", {"uri": "test://nothing"}).error

    assert (error["code"], error["data"]) == (-32002, {"uri": "test://nothing"})


def test_what_happened_between_two_connections_is_told_once(pair: Stack):
    """Ours: the id of the last event leads to everything after it, on the other replica too."""
    wire = session(pair.mcp_urls[0])
    wire.send("resources/subscribe", {"uri": WATCHED})
    with get(wire) as stream:
        start = stream.next()
        wire.call("announce_tools", {})
        last = stream.message()
    wire.call("touch_resource", {"uri": WATCHED})
    wire.call("announce_tools", {})

    with get(at(wire, pair.mcp_urls[1]), last.id) as stream:
        assert [stream.message().method for _ in range(2)] == [UPDATED, LISTS]
    with get(at(wire, pair.mcp_urls[1]), start.id) as stream:
        assert [stream.message().method for _ in range(3)] == [LISTS, UPDATED, LISTS]


def test_the_newest_standalone_stream_is_the_one(pair: Stack):
    """MCP, transports: a message travels on one stream; a client that reconnects is not refused."""
    wire = session(pair.mcp_urls[0])
    with get(wire) as older:
        older.next()
        with get(at(wire, pair.mcp_urls[1])) as newer:
            newer.next()
            assert older.rest(within=5) == []
            wire.call("announce_tools", {})
            assert newer.message().method == LISTS


@pytest.mark.parametrize("asked", [{"toolsListChanged": True}, {"resourceSubscriptions": [WATCHED, "test://nothing"]}])
def test_a_listener_hears_what_it_asked_for_from_any_replica(pair: Stack, asked: dict[str, object]):
    """MCP 2026-07-28, subscriptions: acknowledged first, with what is honoured; then only that."""
    here, there = (Wire(url) for url in pair.mcp_urls)
    with there.open("subscriptions/listen", {"notifications": asked}, request_id="mine") as response:
        arriving = (each.message for each in listen(response) if isinstance(each, Arrived))
        acknowledged = next(arriving)
        here.call("touch_resource", {"uri": "test://other"})
        here.call("touch_resource", {"uri": WATCHED})
        here.call("announce_tools", {})
        heard = next(arriving)

    assert acknowledged["method"] == "notifications/subscriptions/acknowledged"
    honoured = acknowledged["params"]["notifications"]
    assert honoured == ({"resourceSubscriptions": [WATCHED]} if "resourceSubscriptions" in asked else asked)
    assert heard["method"] == (UPDATED if "resourceSubscriptions" in asked else LISTS)
    for message in (acknowledged, heard):
        assert message["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"] == "mine"
