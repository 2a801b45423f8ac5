"""Flower in a real browser: an operator signs in and sees what runs and ran; nobody else sees anything.

With `SCREENSHOTS=folder` its pictures are kept there: `make screenshots` renews those of the documentation.
"""

import os
import secrets
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect

from storage.records import Principal
from tests.attacks.people import as_one, let_in
from tests.browser.person import sign_in
from tests.browser.provider import openid_provider
from tests.clients import OPEN, listen
from tests.servers import Stack, ValkeyServer, free_port, running_stack, until

GRACE = Principal(client_id="Claude Code", issuer="https://login.corp.example", subject="grace")
PROBE = ("probe", secrets.token_urlsafe(16))


@dataclass(frozen=True)
class Watched:
    stack: Stack
    url: str
    """Of Flower."""


@pytest.fixture(scope="module")
def watched(valkey: ValkeyServer, tmp_path_factory: pytest.TempPathFactory) -> Generator[Watched]:
    """A server with two jobs, one that runs for a long time and one that is over, and Flower, which has seen both."""
    folder, port, flower = tmp_path_factory.mktemp("watched"), free_port(), free_port()
    url = f"http://127.0.0.1:{flower}"
    own = {
        "MCP_AUTH_OPERATORS": "ada@corp.example,local:owner",
        "MCP_FLOWER_URL": url,
        "MCP_FLOWER_SECRET": secrets.token_urlsafe(32),
    }
    # A door of its own for whoever only wants to know whether the jobs are there yet.
    roles = {"flower": {"FLOWER_BASIC_AUTH": ":".join(PROBE)}}
    valkey.flush(21)
    with (
        openid_provider(folder, f"http://127.0.0.1:{port}") as settings,
        running_stack(valkey.url(21), folder, settings=settings | own, port=port, roles=roles) as stack,
    ):
        stack.start("flower", "--port", str(flower))
        until(lambda: _answers(url), "Flower answering", within=90)
        # The browser has this thread's loop.
        with ThreadPoolExecutor(1) as pool:
            token = pool.submit(let_in, stack, [GRACE]).result(30)[0]
        until(lambda: _sees_a_job(url, stack, token), "a finished job in Flower", within=60)
        run = {"name": "streaming", "arguments": {"count": 50, "intervalMs": 5000, "dataType": "stock_prices"}}
        # A stateless call runs as long as its caller stays: longer than the test that it begins in.
        caller = as_one(stack.mcp_url, token)
        OPEN.remove(caller)
        with caller.http, caller.open("tools/call", run, meta={"progressToken": 1}) as response:
            heard = listen(response)
            next(heard)
            until(lambda: "STARTED" in _states(url), "the running job in Flower", within=30)
            yield Watched(stack, url)


@pytest.fixture
def screen(chromium: Browser) -> Generator[BrowserContext]:
    context = chromium.new_context(viewport={"width": 1440, "height": 560})
    context.set_default_timeout(20_000)
    yield context
    context.close()


def _answers(url: str) -> bool:
    try:
        return httpx2.get(f"{url}/healthcheck", timeout=5).is_success
    except httpx2.HTTPError:
        return False


def _states(url: str) -> set[str]:
    jobs = httpx2.get(f"{url}/api/tasks", auth=PROBE, timeout=10).json()
    return {job["state"] for job in jobs.values()}


def _sees_a_job(url: str, stack: Stack, token: str) -> bool:
    """Flower hears nothing of what ran before it listened, and says that it serves before it does."""
    as_one(stack.mcp_url, token).call("streaming", {"count": 1, "dataType": "sensor_data"})
    return "SUCCESS" in _states(url)


def keep(page: Page, name: str) -> None:
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=Path(folder) / f"flower-{name}.png", full_page=True)


def in_flower(page: Page, watched: Watched, provider: str = "oidc", name: str = "ada") -> None:
    page.goto(f"{watched.url}/tasks")
    sign_in(page, watched.stack, provider, name=name)


@pytest.mark.parametrize("provider", ["oidc", "local"])
def test_an_operator_signs_in_and_sees_what_runs_and_what_ran(watched: Watched, screen: BrowserContext, provider: str):
    """Ours: by their tools' names, for whom, and without an argument; on the page that was asked for."""
    page = screen.new_page()
    complaints: list[str] = []

    def note(said: ConsoleMessage) -> None:
        if said.type == "error" and said.location["url"].startswith(watched.url):
            complaints.append(said.text)

    page.on("console", note)

    in_flower(page, watched, provider)

    page.wait_for_url(f"{watched.url}/tasks")
    rows = page.locator("#tasks-table tbody tr")
    expect(rows.filter(has_text="SUCCESS").first).to_be_visible(timeout=15_000)
    expect(rows.filter(has_text="STARTED")).to_have_count(1)
    keep(page, "tasks")
    for state in ("STARTED", "SUCCESS"):
        row = rows.filter(has_text=state).first
        expect(row).to_contain_text("streaming")
        expect(row).to_contain_text("grace@https://login.corp.example via Claude Code")
    rows.filter(has_text="STARTED").get_by_role("link").last.click()
    expect(page.locator(".task-name-value")).to_have_text("streaming")
    seen = page.content()
    keep(page, "task")
    page.goto(f"{watched.url}/workers")
    expect(page.get_by_text("worker-").first).to_be_visible()
    keep(page, "workers")
    assert "stock_prices" not in seen
    assert complaints == []


def test_who_signs_out_is_out(watched: Watched, screen: BrowserContext):
    """Ours: the browser's session is gone here, and its grant at the server."""
    page = screen.new_page()
    in_flower(page, watched)
    page.wait_for_url(f"{watched.url}/tasks")
    kept = {each.get("name"): each.get("value") for each in screen.cookies() if each.get("name") == "mcp_flower"}

    page.get_by_role("link", name="Log out").click()
    expect(page.get_by_role("heading")).to_have_text("Signed out")
    again = httpx2.get(f"{watched.url}/api/tasks", cookies={str(name): str(value) for name, value in kept.items()})
    page.goto(f"{watched.url}/tasks")

    assert kept
    assert again.status_code == 401
    assert page.url.startswith(f"{watched.stack.url}/oauth/authorize")


def test_a_visitor_who_does_not_sign_in_sees_nothing(watched: Watched, screen: BrowserContext):
    """Ours: every page leads to the sign-in, which names no job and nobody."""
    page = screen.new_page()
    for path in ("/", "/tasks", "/workers", "/broker", "/task/x"):
        page.goto(watched.url + path)

        assert page.url.startswith(f"{watched.stack.url}/oauth/authorize")
        assert "streaming" not in page.content()
        assert "grace" not in page.content()
    keep(page, "stranger")
    page.get_by_role("button", name="No, go back").click()
    expect(page.get_by_text("You did not sign in")).to_be_visible()


def test_who_is_no_operator_is_told_who_they_are_and_what_is_missing(watched: Watched, screen: BrowserContext):
    """Ours: one sentence, on a page of 403."""
    page = screen.new_page()
    statuses: list[int] = []
    page.on("response", lambda answer: statuses.append(answer.status))

    in_flower(page, watched, name="bob")

    said = page.get_by_text("You are signed in as bob@corp.example, who is no operator of this server")
    expect(said).to_contain_text("mcp:operator")
    expect(said).to_contain_text("MCP_AUTH_OPERATORS")
    keep(page, "no-operator")
    assert statuses[-1] == 403
