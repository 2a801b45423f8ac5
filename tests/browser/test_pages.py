"""The pages themselves: readable by everybody, on every screen, in the dark, and not to be framed.

With `SCREENSHOTS=folder` their pictures are kept there: `make screenshots` renews those of the documentation.
"""

import html
import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Browser, Page, ViewportSize

from tests.browser.person import agree
from tests.node import module
from tests.oauth import App, new_app
from tests.servers import Stack
from tests.stand_ins.http import Handler, serving

SCREENS: dict[str, ViewportSize] = {
    "phone": {"width": 390, "height": 844},
    "desktop": {"width": 1280, "height": 800},
}


@pytest.fixture(params=[(screen, scheme) for screen in SCREENS for scheme in ("light", "dark")], ids="-".join)
def page(chromium: Browser, request: pytest.FixtureRequest) -> Generator[Page]:
    screen, scheme = request.param
    # Our policy keeps every script out, axe's as well: here it is told not to.
    context = chromium.new_context(viewport=SCREENS[screen], color_scheme=scheme, bypass_csp=True)
    context.set_default_timeout(15_000)
    page = context.new_page()
    page.set_default_timeout(15_000)
    yield page
    context.close()


def consent_address(app: App, **changes: str | None) -> str:
    return f"{app.url}/oauth/authorize?{httpx2.QueryParams(app.request(**changes))}"


def violations(page: Page) -> list[str]:
    """What axe-core finds wrong, WCAG 2.2 A and AA and its best practices."""
    page.add_script_tag(path=module("axe-core") / "axe.min.js")
    found: dict[str, Any] = page.evaluate("axe.run()")
    return [f"{each['id']}: {each['nodes'][0]['html']}" for each in found["violations"]]


def fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


def keep(page: Page, name: str, request: pytest.FixtureRequest) -> None:
    if folder := os.environ.get("SCREENSHOTS"):
        which = request.node.callspec.id
        page.screenshot(path=Path(folder) / f"{name}-{which}.png", full_page=True)


def test_consent_can_be_read_by_everybody(proxied: Stack, page: Page, request: pytest.FixtureRequest):
    """WCAG 2.2 AA as far as axe-core sees it; nothing runs over the edge of a phone."""
    app = new_app(proxied, client_name="Incident desk")
    page.goto(consent_address(app, scope="mcp:tools mcp:project mcp:aws"))
    keep(page, "consent", request)

    assert violations(page) == []
    assert fits(page)


def test_the_longest_names_fit(proxied: Stack, page: Page):
    """A client may call itself anything, and live anywhere: the host is whole, whatever its length."""
    host = f"{'a' * 60}.{'b' * 60}.{'c' * 60}.example"
    app = new_app(proxied, client_name="W" * 400, redirect_uris=[f"https://{host}/callback"])
    page.goto(consent_address(app, redirect_uri=f"https://{host}/callback"))

    assert page.get_by_text(host, exact=True).is_visible()
    assert fits(page)
    assert violations(page) == []


def test_the_codes_page_can_be_read_by_everybody(proxied: Stack, page: Page, request: pytest.FixtureRequest):
    """Ours, with the message after a wrong code."""
    page.goto(consent_address(new_app(proxied)))
    agree(page, "local")
    page.get_by_label("Code").fill("wrong")
    keep(page, "code", request)
    page.get_by_role("button", name="Sign in").click()

    assert page.get_by_role("alert").is_visible()
    assert violations(page) == []
    assert fits(page)


def test_a_refusal_can_be_read_by_everybody(proxied: Stack, page: Page, request: pytest.FixtureRequest):
    """Ours, where a redirect would be unsafe."""
    page.goto(f"{proxied.url}/oauth/authorize?client_id=nobody")
    keep(page, "refusal", request)

    assert "not known here" in page.get_by_role("alert").inner_text()
    assert violations(page) == []
    assert fits(page)


def test_no_page_can_be_framed(proxied: Stack, chromium: Browser):
    """A9: a browser that has fetched it does not show it inside of another page."""
    address = consent_address(new_app(proxied))

    class Frame(Handler):
        def do_GET(self) -> None:
            self.answer(200, f'<iframe src="{html.escape(address)}"></iframe>'.encode(), type="text/html")

    context = chromium.new_context()
    page = context.new_page()
    with serving(Frame) as elsewhere, page.expect_response(lambda response: response.url == address) as fetched:
        page.goto(elsewhere)
    page.wait_for_load_state("networkidle")
    shown = page.frames[1].content()
    context.close()

    assert fetched.value.status == 200
    assert "ticket" not in shown
