"""Flower shows what ran, for whom, and how long, to operators; and lets nobody touch it."""

import contextlib
import secrets
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.attacks.doors import door
from tests.clients import wire
from tests.journeys.test_operators import run
from tests.oauth import Person, agree, sign_in
from tests.secrets_scan import CANARIES
from tests.servers import Program, Stack, ValkeyServer, free_port, running_stack, until

NAVIGATION = {"sec-fetch-mode": "navigate", "accept": "text/html"}
FETCH = {"sec-fetch-mode": "cors", "accept": "application/json"}


def tasks(url: str, **more: Any) -> dict[str, Any]:
    with contextlib.suppress(httpx2.HTTPError):
        answer = httpx2.get(f"{url}/api/tasks", timeout=5, **more)
        return answer.json() if answer.is_success else {}
    return {}


@dataclass
class Visitor:
    """A browser at Flower. Of a session it shows nothing but its cookies."""

    url: str
    jar: dict[str, str] = field(default_factory=dict[str, str])

    def get(self, path: str, **headers: str) -> httpx2.Response:
        answer = httpx2.get(
            self.url + path,
            headers={**NAVIGATION, "sec-fetch-site": "none", "cookie": self.cookies, **headers},
            timeout=20,
        )
        for each in answer.headers.get_list("set-cookie"):
            for name, morsel in SimpleCookie(each).items():
                self.jar[name] = morsel.value
        return answer

    @property
    def cookies(self) -> str:
        return "; ".join(f"{name}={value}" for name, value in self.jar.items() if value)


@dataclass(frozen=True)
class Guarded:
    stack: Stack
    url: str
    flower: Program

    def to_consent(self, visitor: Visitor, person: Person, path: str = "/tasks") -> httpx2.Response:
        """From a page of Flower's to the page where the person is asked."""
        asked = visitor.get(visitor.get(path).headers["location"])
        return person.get(asked.headers["location"])

    def answer(self, visitor: Visitor, person: Person, path: str = "/tasks") -> str:
        """Where in Flower the server sends the browser that has signed in."""
        page = self.to_consent(visitor, person, path)
        return sign_in(self.stack, person, agree(person, page)).headers["location"].removeprefix(self.url)

    def signed_in(self, path: str = "/tasks") -> Visitor:
        visitor = Visitor(self.url)
        arrived = visitor.get(self.answer(visitor, Person(self.stack.url), path))
        assert arrived.status_code == 303, arrived.text
        assert arrived.headers["location"] == path
        return visitor


@pytest.fixture(scope="module")
def guarded(valkey: ValkeyServer, tmp_path_factory: pytest.TempPathFactory) -> Generator[Guarded]:
    """A server whose owner is an operator, and Flower as a client of it."""
    port, secret = free_port(), secrets.token_urlsafe(32)
    url = f"http://127.0.0.1:{port}"
    CANARIES.note("the secret of Flower", secret)
    own: dict[str, Any] = {
        "MCP_FLOWER_URL": url,
        "MCP_FLOWER_SECRET": secret,
        "MCP_AUTH_OPERATORS": "local:owner",
        "MCP_AUTH_REFRESH_GRACE": "0",
    }
    with door(
        valkey, 12, tmp_path_factory.mktemp("guarded"), worker=False, replicas=1, MCP_FLOWER_RECHECK="1", **own
    ) as stack:
        yield Guarded(stack, url, started(stack, port))


def started(stack: Stack, port: int) -> Program:
    flower = stack.start("flower", "--port", str(port))
    until(lambda: serves(f"http://127.0.0.1:{port}"), f"Flower; see {flower.log}", within=60)
    return flower


def serves(url: str) -> bool:
    try:
        return httpx2.get(f"{url}/healthcheck", timeout=5).is_success
    except httpx2.HTTPError:
        return False


def test_each_job_has_its_tool_principal_and_duration(valkey: ValkeyServer, tmp_path: Path):
    """Ours: and no argument of the caller; what was seen is there again after a kill; nothing can be changed."""
    with running_stack(valkey.url(13), tmp_path) as stack:
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        flower = started(stack, port)

        def seen() -> bool:
            wire(stack.mcp_url, "stateless").call("streaming", {"count": 1, "dataType": "sensor_data"})
            return any(task["state"] == "SUCCESS" for task in tasks(url).values())

        until(seen, "a finished job in Flower", within=40)
        job = next(task for task in tasks(url).values() if task["state"] == "SUCCESS")
        page = httpx2.get(f"{url}/task/{job['uuid']}", timeout=10).text
        shut_down = httpx2.post(f"{url}/api/worker/shutdown/{job['worker']}", timeout=5)
        stack.wait_ready()
        state = tmp_path / "flower"
        until(lambda: any(state.glob("state*")), "what was seen being saved", within=30)
        before = saved(state)
        until(lambda: saved(state) != before, "it being saved again", within=30)
        flower.process.kill()
        flower.process.wait(10)
        started(stack, port)
        again = tasks(url)

    assert job["name"] == "streaming"
    assert "anonymous@local via anonymous" in job["kwargs"]
    assert job["runtime"] > 0
    assert "sensor_data" not in str(job) + page
    assert "anonymous@local via anonymous" in page
    assert shut_down.status_code == 403
    assert job["uuid"] in again
    assert state.stat().st_mode & 0o777 == 0o700


def saved(folder: Path) -> set[float]:
    return {path.stat().st_mtime for path in folder.glob("state*") if path.is_file()}


def test_an_operator_signs_in_and_out(guarded: Guarded):
    """Ours: the code goes to the page that was asked for, the session ends with the sign-out, and so does its grant."""
    visitor = guarded.signed_in("/tasks?state=SUCCESS")
    kept = Visitor(guarded.url, dict(visitor.jar))

    seen = visitor.get("/tasks")
    foreign = visitor.get("/logout", **{"sec-fetch-site": "cross-site"})
    still = kept.get("/tasks")
    out = visitor.get("/logout")
    audited = run(guarded.stack, "audit", "--json")

    assert seen.status_code == 200
    assert "Log out the owner of this machine" in seen.text
    assert (foreign.status_code, still.status_code, out.status_code) == (403, 200, 200)
    assert "mcp_flower" not in visitor.cookies
    assert kept.get("/tasks").headers["location"] == "/login?next=%2Ftasks"
    assert '"event":"revoked","principal":"owner@local via mcp-flower"' in audited


def test_a_session_ends_when_its_grant_does(guarded: Guarded):
    """Ours: within MCP_FLOWER_RECHECK of its being revoked at the server."""
    visitor = guarded.signed_in()
    assert visitor.get("/tasks").status_code == 200

    run(guarded.stack, "grants", "revoke", "--client", "mcp-flower")

    until(lambda: visitor.get("/tasks").status_code == 403, "the end of the session", within=20)
    assert visitor.get("/api/tasks", **FETCH).status_code == 401


def test_many_requests_at_once_refresh_once(guarded: Guarded):
    """Ours: a page asks for many things at once, and a refresh token that comes twice ends its grant."""
    visitor = guarded.signed_in()
    before = refreshed(guarded)

    def look(_: int) -> int:
        return httpx2.get(
            f"{guarded.url}/tasks", headers={"cookie": visitor.cookies, **NAVIGATION}, timeout=20
        ).status_code

    def looked() -> bool:
        with ThreadPoolExecutor(8) as pool:
            assert set(pool.map(look, range(8))) == {200}
        return refreshed(guarded) > before + 2

    until(looked, "three looks at the server", within=40)


def refreshed(guarded: Guarded) -> int:
    return run(guarded.stack, "audit", "--json").count('"refreshed"')
