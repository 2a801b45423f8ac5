"""Clients that know nothing but the URL sign in: the official Python SDK, in both eras."""

import asyncio
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest
from mcp import Client
from mcp.client.auth import OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import AuthorizationCodeResult, OAuthClientMetadata
from mcp.types import CallToolResult
from pydantic import AnyUrl

from tests.clients import ERAS
from tests.oauth import REDIRECT, Kept, Person, agree, query_of, sign_in
from tests.servers import Stack, until


@dataclass
class Browser:
    """Opens what the client asks it to open, agrees, and brings back what the client's redirect got."""

    stack: Stack
    answer: dict[str, str] | None = None
    opened: int = 0

    async def open(self, url: str) -> None:
        self.opened += 1
        self.answer = await asyncio.to_thread(self._visit, url)

    def _visit(self, url: str) -> dict[str, str]:
        person = Person(self.stack.url)
        arrived = sign_in(self.stack, person, agree(person, person.get(url)))
        return query_of(arrived.headers["location"])

    async def bring(self) -> AuthorizationCodeResult:
        assert self.answer
        return AuthorizationCodeResult.model_validate(self.answer)


@pytest.mark.parametrize("mode", ERAS.values(), ids=ERAS)
async def test_the_python_sdk_signs_in_by_the_url_alone(guarded: Stack, mode: str):
    """Ours: 401, discovery, registration, consent, tokens, and the call goes through; once more without a browser."""
    browser, kept = Browser(guarded), Kept()
    metadata = OAuthClientMetadata(
        client_name="SDK", redirect_uris=[AnyUrl(REDIRECT)], token_endpoint_auth_method="none"
    )

    async def call() -> CallToolResult:
        signing_in = OAuthClientProvider(guarded.mcp_url, metadata, kept, browser.open, browser.bring)
        async with httpx2.AsyncClient(auth=signing_in, timeout=30) as http:
            transport = streamable_http_client(guarded.mcp_url, http_client=http)
            async with Client(transport, mode=mode) as client:
                result = await client.call_tool("echo", {"message": "signed in"})
                assert isinstance(result, CallToolResult)
                return result

    first, second = await call(), await call()

    assert first.structured_content == second.structured_content
    assert (first.structured_content or {})["processedMessage"] == "signed in"
    assert browser.opened == 1
    assert kept.tokens
    assert set((kept.tokens.scope or "").split()) >= {"mcp:tools"}


async def test_the_python_sdk_steps_up_when_a_tool_needs_more(guarded: Stack):
    """MCP, authorization: 403 with the scopes; the client asks its person again and goes on."""
    browser, kept = Browser(guarded), Kept()
    metadata = OAuthClientMetadata(
        client_name="SDK", redirect_uris=[AnyUrl(REDIRECT)], token_endpoint_auth_method="none"
    )
    signing_in = OAuthClientProvider(guarded.mcp_url, metadata, kept, browser.open, browser.bring)

    async with (
        httpx2.AsyncClient(auth=signing_in, timeout=30) as http,
        Client(streamable_http_client(guarded.mcp_url, http_client=http)) as client,
    ):
        await client.call_tool("echo", {"message": "basic"})
        found = await client.call_tool("project", {"keywords": ["zebra"]})

    assert isinstance(found, CallToolResult)
    assert not found.is_error, found
    assert browser.opened == 2
    assert kept.tokens
    assert "mcp:project" in (kept.tokens.scope or "")


def test_our_own_command_signs_in_once(guarded: Stack, tmp_path: Path):
    """Ours: `mcp-playground call` shows an address, waits for the browser, and remembers."""
    environment = {**guarded.environment(), "XDG_CONFIG_HOME": str(tmp_path), "HOME": str(tmp_path)}
    command = [sys.executable, "-m", "api.cli.main", "call", "echo", "message=hi", "--json", "--url", guarded.mcp_url]
    printed = tmp_path / "printed"

    with printed.open("wb") as error:
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=error)
        try:
            until(lambda: "/oauth/authorize" in printed.read_text(), "the address to sign in at")
            person = Person(guarded.url)
            url = printed.read_text().split(": ", 1)[1].strip()
            arrived = sign_in(guarded, person, agree(person, person.get(url)))
            page = httpx2.get(arrived.headers["location"], timeout=20)
            first, _ = process.communicate(timeout=30)
        finally:
            process.kill()
            process.communicate(timeout=10)
    again = subprocess.run(command, env=environment, capture_output=True, timeout=60, check=False)

    assert "close this window" in page.text
    assert process.returncode == 0, printed.read_text()
    assert json.loads(first)["structuredContent"]["processedMessage"] == "hi"
    assert again.returncode == 0
    assert again.stderr == b""
    (kept,) = tmp_path.rglob("sign-ins.json")
    assert kept.stat().st_mode & 0o777 == 0o600
