"""A47 and what else hangs on a grant: jobs, single tokens, remembered consent, the provider's tokens."""

from collections.abc import Generator
from typing import Any

import httpx2
import pytest

from tests.attacks.doors import door, let_go, opens
from tests.clients import Wire
from tests.journeys.test_operators import rows, run
from tests.oauth import App, Person, agree, authorize, new_app, sign_in, ticket_of, tokens
from tests.servers import Stack, ValkeyServer, until

DECLARED: dict[str, Any] = {
    "io.modelcontextprotocol/clientCapabilities": {"extensions": {"io.modelcontextprotocol/tasks": {}}}
}


@pytest.fixture(scope="module")
def remembering(valkey: ValkeyServer, tmp_path_factory: pytest.TempPathFactory) -> Generator[Stack]:
    """Hands calls over quickly, and remembers consent."""
    folder = tmp_path_factory.mktemp("remembering")
    with door(valkey, 53, folder, MCP_TASK_AFTER="0.2", MCP_AUTH_CONSENT_TTL="600") as running:
        yield running


@pytest.fixture(scope="module")
def lenient(valkey: ValkeyServer, tmp_path_factory: pytest.TempPathFactory) -> Generator[Stack]:
    """Where work goes on that was begun with access that is revoked."""
    folder = tmp_path_factory.mktemp("lenient")
    with door(valkey, 54, folder, replicas=1, MCP_TASK_AFTER="0.2", MCP_AUTH_REVOKED_JOBS="finish") as running:
        yield running


def wire_of(stack: Stack, token: str, replica: int = 0) -> Wire:
    wire = Wire(stack.mcp_urls[replica])
    wire.http.headers["authorization"] = f"Bearer {token}"
    return wire


def begun(stack: Stack, token: str, count: int = 50) -> str:
    """A job that nobody waits for. Another *count* is another job: a call that is repeated finds the one it has."""
    handle = wire_of(stack, token).call("streaming", {"count": count, "intervalMs": 1000}, meta=DECLARED).result
    assert handle["status"] == "working"
    return handle["taskId"]


def status_of(stack: Stack, token: str, task_id: str) -> str:
    return wire_of(stack, token).send("tasks/get", {"taskId": task_id}, meta=DECLARED).result["status"]


def revoke(stack: Stack, app: App, token: str) -> int:
    form = {"token": token, "client_id": app.client_id}
    return httpx2.post(f"{stack.url}/oauth/revoke", data=form, timeout=20).status_code


def test_jobs_end_with_the_access_they_were_begun_with_and_others_go_on(remembering: Stack):
    """Ours, MCP_AUTH_REVOKED_JOBS=cancel: those of the same person under another grant are not touched."""
    app = new_app(remembering)
    first, second = tokens(remembering, app), tokens(remembering, app)
    ended, kept = begun(remembering, first["access_token"]), begun(remembering, second["access_token"], 49)

    revoke(remembering, app, first["refresh_token"])
    until(lambda: status_of(remembering, second["access_token"], ended) == "cancelled", "the end of the first job")

    assert status_of(remembering, second["access_token"], kept) == "working"
    wire_of(remembering, second["access_token"]).send("tasks/cancel", {"taskId": kept}, meta=DECLARED)


def test_jobs_may_be_let_finish(lenient: Stack):
    """Ours, MCP_AUTH_REVOKED_JOBS=finish."""
    app = new_app(lenient)
    first, second = tokens(lenient, app), tokens(lenient, app)
    kept = begun(lenient, first["access_token"])

    revoke(lenient, app, first["refresh_token"])

    assert opens(lenient, first["access_token"]) == [401]
    assert status_of(lenient, second["access_token"], kept) == "working"
    wire_of(lenient, second["access_token"]).send("tasks/cancel", {"taskId": kept}, meta=DECLARED)


def test_one_token_that_is_revoked_ends_what_it_opened_and_no_more(guarded: Stack):
    """RFC 7009 2.1, A47: the stream of the grant's other token goes on, on the other replica."""
    app = new_app(guarded)
    first = tokens(guarded, app)
    second = app.refresh(first["refresh_token"]).json()
    call = {"name": "streaming", "arguments": {"count": 50, "intervalMs": 100}}
    here, there = wire_of(guarded, first["access_token"]), wire_of(guarded, second["access_token"], replica=1)

    with (
        here.open("tools/call", call, meta={"progressToken": 1}) as one,
        there.open("tools/call", call, meta={"progressToken": 1}) as other,
    ):
        lines, others = one.iter_lines(), other.iter_lines()
        next(line for line in lines if line.startswith("data:"))
        next(line for line in others if line.startswith("data:"))
        revoke(guarded, app, first["access_token"])
        last = [line for line in lines if line.startswith("data:")][-1]
        goes_on = next(line for line in others if line.startswith("data:"))

    assert "-31009" in last
    assert "notifications/progress" in goes_on
    assert opens(guarded, first["access_token"]) == [401, 401]
    assert opens(guarded, second["access_token"]) == [200, 200]


def test_revoked_access_is_asked_for_again(remembering: Stack):
    """A3: the browser's remembered yes goes with the grant that it led to."""
    app, person = new_app(remembering), Person(remembering.url)
    tokens(remembering, app, person)
    silent = authorize(person, app)
    granted = rows(remembering, "grants", "list", "--client", app.client_id)

    run(remembering, "grants", "revoke", "--client", app.client_id)
    asked = authorize(person, app)

    assert (silent.status_code, len(granted)) == (303, 1)
    assert asked.status_code == 200
    assert ticket_of(asked)


def test_an_operator_ends_a_grant_by_its_id_whatever_became_of_the_list(guarded: Stack):
    """Ours: the list is an index, and the end of a grant needs none."""
    app = new_app(guarded)
    given = tokens(guarded, app)
    found = rows(guarded, "grants", "list", "--client", app.client_id)[0]["grant"]

    let_go(guarded, "mcp:grants")
    said = run(guarded, "grants", "revoke", str(found))

    assert said.strip() == "1 revoked"
    assert opens(guarded, given["access_token"]) == [401, 401]


def test_a_client_that_is_revoked_while_a_person_signs_in_gets_nothing(guarded: Stack):
    """Ours: the client is forgotten first, so no code of it is good for anything afterwards."""
    app, person = new_app(guarded), Person(guarded.url)
    arrived = sign_in(guarded, person, agree(person, authorize(person, app)))

    run(guarded, "clients", "revoke", app.client_id)
    redeemed = app.token(app.redemption(httpx2.URL(arrived.headers["location"]).params["code"]))

    assert (redeemed.status_code, redeemed.json()["error"]) == (401, "invalid_client")
