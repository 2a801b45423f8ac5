"""The audit trail under attack: it is not pushed out, not filled with rubbish, and says who was attacked."""

import getpass
import json
from typing import Any

import httpx2
import redis as plain_redis

from storage.audit import KEPT, AuditLog
from storage.connection import Redis
from storage.seal import KeyRing
from tests.attacks.doors import code_for, error_of, opens
from tests.journeys.test_operators import rows, run
from tests.oauth import App, new_app, tokens
from tests.servers import Stack, until

BOGUS = f"mcp_ac_{'a' * 32}_{'b' * 43}"


def noted(stack: Stack, app: App, event: str) -> list[dict[str, Any]]:
    found = rows(stack, "audit", "-n", "500")
    return [row for row in found if row["event"] == event and app.client_id in json.dumps(row)]


async def test_what_strangers_cause_pushes_nothing_out_but_its_like(redis: Redis, ring: KeyRing):
    """Ours: a flood of refusals leaves what people did, and is bounded itself."""
    audit = AuditLog(redis, ring)
    await audit.append({"event": "signed in"})
    for number in range(KEPT["strangers"] + 1000):
        await audit.append({"event": "code refused", "number": number}, "strangers")

    people = await audit.newest(10, ("people",))
    strangers = await audit.newest(2 * KEPT["strangers"], ("strangers",))

    assert [event["event"] for event in people] == ["signed in"]
    assert KEPT["strangers"] <= len(strangers) <= KEPT["strangers"] + 200
    assert (await audit.newest(1))[0]["number"] == KEPT["strangers"] + 999


async def test_an_event_that_cannot_be_read_hides_no_other(redis: Redis, ring: KeyRing):
    """A49: of a key that is gone, or changed in Redis; it is shown as such."""
    await AuditLog(redis, KeyRing([bytes(32)])).append({"event": "lost"})
    await AuditLog(redis, ring).append({"event": "kept"})

    newest = await AuditLog(redis, ring).newest(10)

    assert [event["event"].partition(":")[0] for event in newest] == ["kept", "not readable"]


def test_what_a_stranger_sends_is_cut(guarded: Stack):
    """Ours: ten kilobytes of a client id are not ten kilobytes of Redis."""
    marker = f"c{'x' * 14_000}"
    form = {"grant_type": "authorization_code", "code": BOGUS, "client_id": marker}

    refused = httpx2.post(f"{guarded.url}/oauth/token", data=form, timeout=20)
    until(lambda: [row for row in rows(guarded, "audit") if "xxxx" in json.dumps(row)], "the event")
    longest = max(len(json.dumps(row)) for row in rows(guarded, "audit") if "xxxx" in json.dumps(row))

    assert error_of(refused)[0] in (400, 401)
    assert longest < 1000


def test_a_replayed_code_is_noted_with_whose_it_was(guarded: Stack):
    """A19: the family's end, and why, beside the refusal."""
    app = new_app(guarded)
    code = code_for(guarded, app)
    app.token(app.redemption(code))

    app.token(app.redemption(code))
    until(lambda: noted(guarded, app, "revoked"), "the end in the trail")

    assert noted(guarded, app, "code reused")[0]["principal"] == f"owner@local via {app.client_id}"
    assert "presented twice" in noted(guarded, app, "revoked")[0]["why"]


def test_a_client_that_does_not_prove_itself_is_noted(guarded: Stack):
    """Ours: guessing a secret leaves a trace."""
    app = new_app(guarded, token_endpoint_auth_method="client_secret_post")

    refused = app.refresh("nothing", client_secret="wrong")
    until(lambda: noted(guarded, app, "client not proven"), "the event")

    assert error_of(refused) == (401, "invalid_client")


def test_operators_are_noted_by_name(guarded: Stack):
    """Ours: who typed it, where."""
    app = new_app(guarded)
    tokens(guarded, app)

    run(guarded, "grants", "revoke", "--client", app.client_id)
    run(guarded, "clients", "revoke", app.client_id)

    by = f"operator {getpass.getuser()} on "
    assert noted(guarded, app, "revoked")[0]["by"].startswith(by)
    assert noted(guarded, app, "client revoked")[0]["by"].startswith(by)


def test_a_grant_that_was_changed_in_redis_opens_nothing_and_can_be_ended(guarded: Stack):
    """A49: refused as if it were unknown, never with a 500; the operator's list shows the others."""
    app, other = new_app(guarded), new_app(guarded)
    given, kept = tokens(guarded, app), tokens(guarded, other)
    grant_id = str(rows(guarded, "grants", "list", "--client", app.client_id)[0]["grant"])
    client: Any = plain_redis.Redis.from_url(guarded.redis_url)  # pyright: ignore[reportUnknownMemberType]
    sealed: bytes = client.hget(f"mcp:{{{grant_id}}}:grant", "record")
    client.hset(f"mcp:{{{grant_id}}}:grant", "record", sealed[:-1] + bytes([sealed[-1] ^ 1]))
    client.close()

    assert opens(guarded, given["access_token"]) == [401, 401]
    assert error_of(app.refresh(given["refresh_token"])) == (400, "invalid_grant")
    assert rows(guarded, "grants", "list", "--client", app.client_id) == []
    assert len(rows(guarded, "grants", "list", "--client", other.client_id)) == 1
    assert "1 revoked" in run(guarded, "grants", "revoke", grant_id).splitlines()
    assert opens(guarded, kept["access_token"]) == [200, 200]
