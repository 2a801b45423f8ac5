"""A stranger knows the URL of the server, has a client and a browser, and calls a tool."""

import asyncio
import json
import os
import pty
import queue
import re
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp import Client
from mcp.client.auth import OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import AuthorizationCodeResult, OAuthClientMetadata
from mcp.types import CallToolResult
from playwright.sync_api import BrowserContext
from pydantic import AnyUrl

from tests.browser.person import arrived, sign_in
from tests.node import module, node
from tests.oauth import REDIRECT, Kept, query_of
from tests.servers import Stack, free_port, until

PROVIDERS = pytest.mark.parametrize("provider", ["local", "oidc"])
Visit = Callable[[str], str]


@pytest.fixture
def visit(proxied: Stack, visitor: BrowserContext, provider: str) -> Visit:
    """Open an address as the person does, sign in with the provider, and say where the browser ended."""

    def go(url: str) -> str:
        page = visitor.new_page()
        page.goto(url)
        sign_in(page, proxied, provider)
        return arrived(page, query_of(url)["redirect_uri"])

    return go


@PROVIDERS
def test_the_python_sdk(proxied: Stack, visitor: BrowserContext, visit: Visit):
    """Done by the URL alone; the client's redirect is caught where its listener would be."""
    visitor.route(f"{REDIRECT}*", lambda route: route.fulfill(body="you may close this window"))
    asked: queue.Queue[str] = queue.Queue()
    answers: queue.Queue[dict[str, str]] = queue.Queue()

    async def ask(url: str) -> None:
        asked.put(url)

    async def bring() -> AuthorizationCodeResult:
        return AuthorizationCodeResult.model_validate(await asyncio.to_thread(answers.get, timeout=60))

    async def call() -> CallToolResult:
        metadata = OAuthClientMetadata(
            client_name="SDK", redirect_uris=[AnyUrl(REDIRECT)], token_endpoint_auth_method="none"
        )
        signing_in = OAuthClientProvider(proxied.mcp_url, metadata, Kept(), ask, bring)
        async with (
            httpx2.AsyncClient(auth=signing_in, timeout=60) as http,
            Client(streamable_http_client(proxied.mcp_url, http_client=http)) as client,
        ):
            result = await client.call_tool("echo", {"message": "signed in"})
            assert isinstance(result, CallToolResult)
            return result

    # The browser has this thread, and a loop of its own in it.
    with ThreadPoolExecutor(1) as pool:
        called = pool.submit(lambda: asyncio.run(call()))
        answers.put(query_of(visit(asked.get(timeout=30))))
        result = called.result(60)

    assert (result.structured_content or {})["processedMessage"] == "signed in"


@dataclass(frozen=True)
class Inspector:
    """The Inspector's command lines, with a home of their own."""

    home: Path
    callback: str

    def start(self, script: str, *arguments: str, stderr: int = subprocess.DEVNULL) -> subprocess.Popen[str]:
        manifest = module("@modelcontextprotocol/inspector") / "package.json"
        entry = manifest.parent / json.loads(manifest.read_text())["bin"][script]
        environment = {**os.environ, "HOME": str(self.home), "MCP_INSPECTOR_SECRET_STORE": "file"}
        environment |= {"MCP_OAUTH_CALLBACK_URL": self.callback, "PATH": f"{node().parent}:{os.environ['PATH']}"}
        return subprocess.Popen(
            [str(node()), str(entry), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            env=environment,
            cwd=self.home,
        )

    def say(self, *arguments: str) -> dict[str, Any]:
        """What mcpdo answers on a connection named `it`."""
        process = self.start("mcpdo", "--format", "json", "--connection", "it", *arguments, stderr=subprocess.PIPE)
        said, noted = process.communicate(timeout=60)
        assert process.returncode == 0, noted
        return json.loads(said)


@pytest.fixture
def inspector(tmp_path: Path) -> Inspector:
    return Inspector(tmp_path, f"http://127.0.0.1:{free_port()}/oauth/callback")


@PROVIDERS
def test_the_inspectors_command_line(proxied: Stack, inspector: Inspector, visit: Visit):
    """It shows an address on its terminal, and goes on when its listener was called."""
    terminal, end = pty.openpty()
    arguments = ["--cli", "--transport", "http", "--server-url", proxied.mcp_url, "--format", "json"]
    arguments += [
        "--protocol-era",
        "modern",
        "--method",
        "tools/call",
        "--tool-name",
        "echo",
        "--tool-arg",
        "message=hi",
    ]
    process = inspector.start("mcp-inspector", *arguments, stderr=end)
    os.close(end)
    try:
        visit(_address(terminal))
        said, _ = process.communicate(timeout=30)
    finally:
        process.kill()
        process.communicate(timeout=10)
        os.close(terminal)

    assert json.loads(said)["result"]["structuredContent"]["processedMessage"] == "hi"


@PROVIDERS
def test_the_inspectors_mcpdo(proxied: Stack, inspector: Inspector, visit: Visit):
    """It says that somebody must sign in, and where; its next command goes through."""
    pending = inspector.say("connect", "--transport", "http", "--server-url", proxied.mcp_url, "--era", "modern")
    try:
        visit(pending["authUrl"])
        until(lambda: '"pendingAuthSignedIn": true' in json.dumps(inspector.say("connections/list")), "mcpdo's tokens")
        said = inspector.say("tools/call", "echo", "message:=hi")
    finally:
        inspector.start("mcpdo", "daemon", "stop").communicate(timeout=30)

    assert pending["pendingAuth"] is True
    assert said["structuredContent"]["processedMessage"] == "hi"


def _address(terminal: int) -> str:
    """The address that a program shows on its terminal, among its colours."""
    shown = ""
    pattern = re.compile(r"http://127\.0\.0\.1:\d+/oauth/authorize\?[A-Za-z0-9%&=._~-]+")
    while not (found := pattern.search(shown)):
        shown += os.read(terminal, 65536).decode()
    return found[0]
