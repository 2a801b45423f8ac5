"""True streaming: an event reaches the client when the worker makes it."""

import itertools
import json
from datetime import datetime

import pytest
from mcp import Client

from tests.clients import ERAS, Arrived, wire
from tests.servers import Stack

ARGUMENTS = {"count": 5, "intervalMs": 300}


def made(event: Arrived) -> float:
    """When the data point of a progress message was made, in seconds."""
    point = json.loads(event.message["params"]["message"].partition(": ")[2])
    return datetime.fromisoformat(point["timestamp"]).timestamp()


@pytest.mark.parametrize("era", ERAS)
def test_each_event_arrives_before_the_next_is_made(stack: Stack, era: str):
    """Ours, the first of all: the client sees a data point while the run goes on."""
    heard = wire(stack.mcp_url, era).call("streaming", ARGUMENTS, token="watch")

    times = [(event.at, made(event)) for event in heard.progress]
    assert len(times) == 5
    assert all(arrival < following for (arrival, _), (_, following) in itertools.pairwise(times))
    assert times[-1][0] - times[0][0] > 0.9


@pytest.mark.parametrize("mode", ERAS.values())
async def test_the_client_hears_of_each_event_as_it_is_made(stack: Stack, mode: str):
    """Ours: what holds on the wire holds in the official client's callback."""
    arrivals: list[tuple[float, float]] = []

    async def on_progress(progress: float, total: float | None, message: str | None) -> None:
        point = json.loads((message or "").partition(": ")[2])
        arrivals.append(
            (datetime.now().astimezone().timestamp(), datetime.fromisoformat(point["timestamp"]).timestamp())
        )

    async with Client(stack.mcp_url, mode=mode) as client:
        result = await client.call_tool("streaming", ARGUMENTS, progress_callback=on_progress)

    assert result.structured_content is not None
    assert len(result.structured_content["dataPoints"]) == 5
    assert all(arrival < following for (arrival, _), (_, following) in itertools.pairwise(arrivals))


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("token", ["a-token", 7, 0])
def test_progress_carries_the_callers_token_and_grows(stack: Stack, era: str, token: int | str):
    """MCP, progress: the token is the request's own, the value increases, the result comes once and last."""
    heard = wire(stack.mcp_url, era).call("streaming", {"count": 3, "intervalMs": 100}, token=token)

    assert [event.message["params"]["progressToken"] for event in heard.progress] == [token] * 3
    values = [event.message["params"]["progress"] for event in heard.progress]
    assert values == sorted(set(values))
    assert ["result" in event.message for event in heard.messages] == [False] * 3 + [True]


@pytest.mark.parametrize("era", ERAS)
def test_without_a_token_there_is_no_progress(stack: Stack, era: str):
    """MCP, progress: nothing is sent that nobody asked for."""
    heard = wire(stack.mcp_url, era).call("streaming", {"count": 2, "intervalMs": 100})

    assert heard.progress == []
    assert heard.headers["content-type"] == "application/json"


@pytest.mark.parametrize("era", ERAS)
def test_the_data_of_a_step_is_in_its_notification(stack: Stack, era: str):
    """Ours: for people in the message, for programs in `_meta`."""
    heard = wire(stack.mcp_url, era).call("streaming", {"count": 1, "dataType": "sensor_data"}, token=1)

    params = heard.progress[0].message["params"]
    point = json.loads(params["message"].partition(": ")[2])
    assert params["_meta"]["mcp-server-playground/data"] == point
    assert point == heard.result["structuredContent"]["dataPoints"][0]
    assert point["value"].keys() == {"temperature", "humidity", "pressure", "light"}


@pytest.mark.parametrize("era", ERAS)
def test_a_stream_passes_proxies_unbuffered_and_uncompressed(stack: Stack, era: str):
    """Ours: no proxy or encoding holds an event back."""
    heard = wire(stack.mcp_url, era).call(
        "streaming", {"count": 1}, token=1, headers={"accept-encoding": "gzip, br, zstd"}
    )

    assert heard.headers["content-type"].startswith("text/event-stream")
    assert heard.headers["x-accel-buffering"] == "no"
    assert "no-transform" in heard.headers["cache-control"]
    assert "content-encoding" not in heard.headers
