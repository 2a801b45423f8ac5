"""A real Chromium, and a real OpenID provider to sign in at."""

import os
import shutil
from collections.abc import Generator

import pytest
from playwright.sync_api import Browser, BrowserContext, Playwright, sync_playwright

from storage import keys
from tests.browser.provider import openid_provider
from tests.servers import Stack, ValkeyServer, free_port, running_stack

QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="session")
def playwright() -> Generator[Playwright]:
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="session")
def chromium(playwright: Playwright) -> Generator[Browser]:
    """Debian's browser: the one that playwright brings is not needed."""
    program = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    assert program, "these tests need Chromium (Debian: apt install chromium), or CHROMIUM=/path/to/it"
    browser = playwright.chromium.launch(executable_path=program, args=list(QUIET))
    yield browser
    browser.close()


@pytest.fixture(params=["with scripts", "without scripts"])
def visitor(chromium: Browser, request: pytest.FixtureRequest) -> Generator[BrowserContext]:
    """A fresh profile on a phone's screen; our pages need no script, so it is tried without."""
    context = chromium.new_context(
        java_script_enabled=request.param == "with scripts", viewport={"width": 390, "height": 844}
    )
    context.set_default_timeout(15_000)
    yield context
    context.close()


@pytest.fixture(scope="session")
def proxied(valkey: ValkeyServer, tmp_path_factory: pytest.TempPathFactory) -> Generator[Stack]:
    """Two replicas and a worker in front of npm's oidc-provider, with `local` beside it: a chooser of two."""
    folder, port = tmp_path_factory.mktemp("proxied"), free_port()
    with (
        openid_provider(folder, f"http://127.0.0.1:{port}") as settings,
        running_stack(valkey.url(20), folder, replicas=2, settings=settings, port=port) as running,
    ):
        yield running
    assert [key for key in valkey.immortal_keys(20) if not key.startswith(keys.BROKER_PREFIX)] == []
