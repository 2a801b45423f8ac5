"""Everything, on the oldest Redis that we support, over TLS, with a user for each role."""

from pathlib import Path

import pytest
import trustme

from storage.connection import Unavailable, connect
from storage.settings import StorageSettings
from tests.attacks.doors import door
from tests.journeys.conftest import OWN_TOOLS
from tests.journeys.everything import live
from tests.redis_client import settings_of
from tests.redis_servers import TlsRedis


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def test_redis_with_tls_and_users_serves_all_there_is(tmp_path: Path):
    """Ours: web, worker and broker show their certificate, verify the server's, and have users of their own."""
    with TlsRedis(_made(tmp_path / "redis")) as server:
        reached = dict(server.environment())
        roles = {command: reached | dict(own) for command, own in server.roles().items()}
        with door(
            server,
            0,
            _made(tmp_path / "stack"),
            roles=roles,
            MCP_TOOL_MODULES=str(OWN_TOOLS),
            MCP_RESULT_INLINE_LIMIT="2000",
        ) as stack:
            live(stack, server)
        with server.client(0) as admin:
            denied = [(row["username"], row["object"]) for row in admin.acl_log()]

    assert denied == []


@pytest.fixture
def stranger(tmp_path: Path) -> str:
    """The certificate of an authority that signed nothing here."""
    path = tmp_path / "stranger.pem"
    trustme.CA().cert_pem.write_to_path(path)
    return str(path)


async def said(settings: StorageSettings) -> str:
    client = connect(settings)
    try:
        await client.ping()
    except Unavailable as error:
        return str(error)
    finally:
        await client.aclose()
    return "nothing"


async def test_a_server_that_is_not_known_is_refused_in_one_sentence(tmp_path: Path, stranger: str):
    """Ours: another authority, another host, no certificate of our own: each is told by what to look at."""
    with TlsRedis(_made(tmp_path / "redis")) as server:
        right = dict(server.environment())
        nameless = {name: value for name, value in right.items() if not name.endswith(("CERT_FILE", "KEY_FILE"))}
        sentences = [await said(settings_of(each)) for each in (right | {"MCP_REDIS_CA_FILE": stranger}, nameless)]

        assert await said(settings_of(right)) == "nothing"
        assert "MCP_REDIS_CA_FILE" in sentences[0]
        assert "MCP_REDIS_CERT_FILE" in sentences[1]
