"""A real Chromium, and a real OpenID provider to sign in at."""

import os
import secrets
import shutil
import subprocess
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Playwright, sync_playwright

from storage import keys
from tests.node import FOLDER, module, node
from tests.servers import Stack, ValkeyServer, free_port, running_stack, until

STAND_IN = Path(__file__).parent.parent / "stand_ins" / "oidc_provider.mjs"
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@dataclass(frozen=True)
class Upstream:
    """An OpenID provider that knows one client: the server under test."""

    issuer: str
    client_id: str
    client_secret: str


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
    module("oidc-provider")
    folder, port, upstream_port = tmp_path_factory.mktemp("proxied"), free_port(), free_port()
    url, secret = f"http://127.0.0.1:{port}", secrets.token_urlsafe(16)
    settings = {
        "MCP_AUTH": "oidc,local",
        "MCP_PUBLIC_URL": url,
        "MCP_TRUSTED_PROXIES": "127.0.0.1",
        "MCP_OIDC_ISSUER": f"http://127.0.0.1:{upstream_port}",
        "MCP_OIDC_CLIENT_ID": "playground",
        "MCP_OIDC_CLIENT_SECRET": secret,
        "MCP_OIDC_TITLE": "Corp",
        "MCP_AUTH_ALLOWED_DOMAINS": "corp.example,localhost",
    }
    # Modules are looked for beside the script: it has to stand where they are installed.
    copy = FOLDER / STAND_IN.name
    copy.write_text(STAND_IN.read_text())
    command = [str(node()), str(copy), str(upstream_port), "playground", secret, f"{url}/oauth/callback/oidc"]
    log = folder / "oidc-provider.log"
    with log.open("wb") as output:
        provider = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        until(lambda: "listening" in log.read_text(), f"the OpenID provider listening; see {log}")
        with running_stack(valkey.url(20), folder, replicas=2, settings=settings, port=port) as running:
            yield running
    finally:
        provider.terminate()
        provider.wait(10)
    assert [key for key in valkey.immortal_keys(20) if not key.startswith(keys.BROKER_PREFIX)] == []
