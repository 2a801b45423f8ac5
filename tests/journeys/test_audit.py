"""The audit trail: what was done, by whom, from where, and what came of it."""

import json
from typing import Any

import httpx2

from tests.clients import Wire
from tests.journeys.test_operators import rows
from tests.oauth import App, new_app, tokens
from tests.servers import Stack, until

FROM = "198.51.100.7"


def wire_of(stack: Stack, token: str, replica: int = 0) -> Wire:
    """A caller that a proxy says comes from `FROM`."""
    wire = Wire(stack.mcp_urls[replica])
    wire.http.headers.update({"authorization": f"Bearer {token}", "x-forwarded-for": FROM})
    return wire


def noted(stack: Stack, app: App) -> list[dict[str, Any]]:
    """What stands in the trail about *app*, the oldest first."""
    events = rows(stack, "audit", "-n", "200")
    return [event for event in reversed(events) if app.client_id in json.dumps(event)]


def outcomes(stack: Stack, app: App) -> list[tuple[str, str, str]]:
    return [(event["event"], event["tool"], event["outcome"]) for event in noted(stack, app) if "tool" in event]


def test_every_call_is_noted_with_who_where_and_what_came_of_it(guarded: Stack):
    """Ours: on a worker and in the web process, good, wrong and refused; the work's own end under the same run."""
    app = new_app(guarded)
    wire = wire_of(guarded, tokens(guarded, app)["access_token"])
    expected = [
        ("tool called", "echo", "completed"),
        ("tool called", "echo", "error"),
        ("tool called", "no-such-tool", "refused (-32602)"),
        ("tool called", "streaming", "completed"),
        ("tool ended", "streaming", "completed"),
    ]

    wire.call("echo", {"message": "hi"})
    wire.call("echo", {"message": ""})
    wire.send("tools/call", {"name": "no-such-tool", "arguments": {}})
    wire.call("streaming", {"count": 1, "intervalMs": 100})
    until(lambda: len(outcomes(guarded, app)) >= len(expected), "every call in the trail")
    events = [event for event in noted(guarded, app) if "tool" in event]

    assert sorted(outcomes(guarded, app)) == expected
    assert {event["principal"] for event in events} == {f"owner@local via {app.client_id}"}
    assert {event["from"] for event in events if event["event"] == "tool called"} == {FROM}
    assert len({event["run"] for event in events if event["tool"] == "streaming"}) == 1


def test_work_that_is_cancelled_is_noted_once(guarded: Stack):
    """Ours: its caller left, and the worker stopped."""
    app = new_app(guarded)
    wire = wire_of(guarded, tokens(guarded, app)["access_token"], replica=1)
    call = {"name": "streaming", "arguments": {"count": 50, "intervalMs": 100}}

    with wire.open("tools/call", call, meta={"progressToken": 1}) as response:
        next(line for line in response.iter_lines() if line.startswith("data:"))
    until(lambda: ("tool ended", "streaming", "cancelled") in outcomes(guarded, app), "the end in the trail")

    assert sorted(outcomes(guarded, app)) == [
        ("tool called", "streaming", "left by its caller"),
        ("tool ended", "streaming", "cancelled"),
    ]


def test_the_way_in_is_noted_step_by_step(guarded: Stack):
    """Ours: registration, consent, grant, refresh, reuse, scope denied: each with its client."""
    app = new_app(guarded)
    given = tokens(guarded, app)
    wire = wire_of(guarded, given["access_token"])

    wire.send("tools/call", {"name": "project", "arguments": {"keywords": ["x"]}})
    second = app.refresh(given["refresh_token"]).json()
    app.refresh(second["refresh_token"])
    app.refresh(given["refresh_token"])
    until(lambda: noted(guarded, app)[-1:] and noted(guarded, app)[-1]["event"] == "revoked", "the last")

    assert [event["event"] for event in noted(guarded, app)] == [
        "client registered",
        "consent given",
        "signed in",
        "tokens issued",
        "scope denied",
        "refreshed",
        "refreshed",
        "refresh token reused",
        "revoked",
    ]
    assert all(event["from"] for event in noted(guarded, app))


def test_without_sign_in_nothing_is_noted(stack: Stack):
    """Ours: there is nobody to note it of."""
    httpx2.get(f"{stack.url}/ping")
    Wire(stack.mcp_url).call("echo", {"message": "hi"})

    assert rows(stack, "audit") == []
