"""What people and clients do with a guarded stack, from sign-in to revocation: for journeys on every kind of Redis."""

from typing import Any, Protocol

import httpx2

from tests.attacks.doors import bases, knock
from tests.journeys.test_at_rest import use_everything
from tests.oauth import new_app, tokens
from tests.servers import Stack, until
from tests.sse import call, session


class Looked(Protocol):
    """A server that can be looked into."""

    def client(self, database: int) -> Any: ...


def live(stack: Stack, server: Looked) -> None:
    """Sign in, use everything in both eras, call in a session at another replica, cancel, refresh, revoke."""
    app = new_app(stack)
    given = tokens(stack, app)
    token = given["access_token"]

    use_everything(stack.mcp_url, token=token)
    asked = session(stack.mcp_urls[1], authorization=f"Bearer {token}")
    with call(asked, "silent", request_id=7, seconds=30):
        until(lambda: is_at_work(server), "the call at work")
        asked.notify("notifications/cancelled", {"requestId": 7})
    until(lambda: not is_at_work(server), "the call cancelled")
    ended = asked.http.delete(stack.mcp_urls[0], headers=asked.headers("", {})).status_code
    renewed = app.refresh(given["refresh_token"], url=bases(stack)[1]).json()
    form = {"token": renewed["refresh_token"], "client_id": app.client_id}
    revoked = httpx2.post(f"{stack.url}/oauth/revoke", data=form, timeout=20).status_code

    assert (ended, revoked) == (204, 200)
    assert knock(stack.mcp_url, renewed["access_token"]).status_code == 401


def is_at_work(server: Looked) -> bool:
    with server.client(0) as raw:
        return any(raw.hget(name, "status") == b"working" for name in raw.scan_iter("mcp:{?}:task:*"))
