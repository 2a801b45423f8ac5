"""Signing in from a terminal: the browser comes back to a listener on this machine (RFC 8252 7.3)."""

import asyncio
import contextlib
import json
import sys
import webbrowser
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import click
from mcp.client.auth import OAuthClientProvider
from mcp.shared.auth import AuthorizationCodeResult, OAuthClientInformationFull, OAuthClientMetadata, OAuthToken
from pydantic import AnyUrl, ValidationError

from storage.files import place

WITHIN: Final = 300.0
"""Seconds a person has to sign in."""
_PAGE: Final = b"<!doctype html><title>Done</title><p>You may close this window and go back to the terminal."
_ANSWER: Final = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nConnection: close\r\n"
    b"Content-Security-Policy: default-src 'none'\r\nContent-Length: " + str(len(_PAGE)).encode() + b"\r\n\r\n" + _PAGE
)


@asynccontextmanager
async def signing_in(url: str) -> AsyncGenerator[OAuthClientProvider]:
    """What lets an HTTP client sign in at *url* when it is told to, and remembers it for the next command."""
    visit = Visit()
    server = await asyncio.start_server(visit.take, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    metadata = OAuthClientMetadata(
        client_name="mcp-playground",
        redirect_uris=[AnyUrl(f"http://127.0.0.1:{port}/callback")],
        token_endpoint_auth_method="none",  # noqa: S106  # the method, not a password
    )
    try:
        yield OAuthClientProvider(url, metadata, Remembered(url), visit.show, visit.wait)
    finally:
        server.close()


@dataclass(frozen=True)
class Visit:
    """The way through the browser."""

    arrived: asyncio.Future[dict[str, str]] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    async def show(self, url: str) -> None:
        click.echo(f"Sign in with a browser on this machine: {url}", err=True)
        if sys.stderr.isatty():
            await asyncio.to_thread(webbrowser.open, url)

    async def wait(self) -> AuthorizationCodeResult:
        try:
            return AuthorizationCodeResult.model_validate(await asyncio.wait_for(self.arrived, WITHIN))
        except (TimeoutError, ValidationError):
            raise click.UsageError("nobody signed in") from None

    async def take(self, reader: StreamReader, writer: StreamWriter) -> None:
        """One request of a browser; those that are not the callback are told nothing."""
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
            line = (await reader.readline()).decode("latin-1")
            target = urlsplit(line.split(" ")[1] if line.count(" ") > 1 else "")
            if target.path == "/callback" and not self.arrived.done():
                self.arrived.set_result({name: values[0] for name, values in parse_qs(target.query).items()})
            writer.write(_ANSWER)
            await writer.drain()
        writer.close()


@dataclass(frozen=True)
class Remembered:
    """Tokens and registrations by server, in a file of the person's own (the SDK's `TokenStorage`)."""

    url: str

    async def get_tokens(self) -> OAuthToken | None:
        found = self._read().get("tokens")
        return OAuthToken.model_validate(found) if found else None

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self._write("tokens", tokens.model_dump(mode="json", exclude_none=True))

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        found = self._read().get("client")
        return OAuthClientInformationFull.model_validate(found) if found else None

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self._write("client", client_info.model_dump(mode="json", exclude_none=True))

    def _read(self) -> dict[str, Any]:
        return _all().get(self.url, {})

    def _write(self, name: str, value: dict[str, Any]) -> None:
        known = _all()
        known[self.url] = {**known.get(self.url, {}), name: value}
        path = _path()
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        place(path, json.dumps(known), replace=True)


def _path() -> Path:
    return Path(click.get_app_dir("mcp-playground")) / "sign-ins.json"


def _all() -> dict[str, dict[str, Any]]:
    try:
        return json.loads(_path().read_text())
    except (OSError, json.JSONDecodeError):
        return {}
