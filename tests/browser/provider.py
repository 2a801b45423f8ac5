"""The OpenID provider of these tests: npm's oidc-provider, which knows one client, the server under test."""

import secrets
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from tests.node import FOLDER, module, node
from tests.servers import free_port, until

STAND_IN = Path(__file__).parent.parent / "stand_ins" / "oidc_provider.mjs"


@contextmanager
def openid_provider(folder: Path, url: str) -> Generator[dict[str, str]]:
    """A provider for the server at *url*, and the settings of that server, whose people have `local` beside it."""
    module("oidc-provider")
    port, secret = free_port(), secrets.token_urlsafe(16)
    # Modules are looked for beside the script: it has to stand where they are installed.
    copy = FOLDER / STAND_IN.name
    copy.write_text(STAND_IN.read_text())
    command = [str(node()), str(copy), str(port), "playground", secret, f"{url}/oauth/callback/oidc"]
    log = folder / "oidc-provider.log"
    with log.open("wb") as output:
        provider = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        until(lambda: "listening" in log.read_text(), f"the OpenID provider listening; see {log}")
        yield {
            "MCP_AUTH": "oidc,local",
            "MCP_PUBLIC_URL": url,
            "MCP_TRUSTED_PROXIES": "127.0.0.1",
            "MCP_OIDC_ISSUER": f"http://127.0.0.1:{port}",
            "MCP_OIDC_CLIENT_ID": "playground",
            "MCP_OIDC_CLIENT_SECRET": secret,
            "MCP_OIDC_TITLE": "Corp",
            "MCP_AUTH_ALLOWED_DOMAINS": "corp.example,localhost",
        }
    finally:
        provider.terminate()
        provider.wait(10)
