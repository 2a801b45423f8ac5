"""Real parts: a Valkey server for the run, and a web process with a worker on it for those that want one."""

from collections.abc import AsyncGenerator, Generator

import pytest
from pydantic import SecretStr

from storage import keys
from storage.connection import Redis, connect
from storage.seal import KeyRing
from storage.settings import StorageSettings
from tests.clients import OPEN
from tests.secrets_scan import scan_files, scan_redis
from tests.servers import Stack, ValkeyServer, free_port, running_stack


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Generator[ValkeyServer]:
    """One server for all tests; database 0 is for the `redis` fixture, the others for stacks."""
    with ValkeyServer(tmp_path_factory.mktemp("valkey")) as server:
        yield server
    assert scan_files(server.folder, {}) == []


@pytest.fixture
async def redis(valkey: ValkeyServer) -> AsyncGenerator[Redis]:
    """An empty database. Fails the test that leaves a key without a time to live, or a secret in clear."""
    client = connect(StorageSettings(redis_url=SecretStr(valkey.url(0))))
    valkey.flush(0)
    yield client
    await client.aclose()
    assert valkey.immortal_keys(0) == []
    assert scan_redis(valkey.url(0), {}) == []


@pytest.fixture
def ring() -> KeyRing:
    return KeyRing([bytes(range(32))])


@pytest.fixture(scope="session")
def stack(valkey: ValkeyServer, tmp_path_factory: pytest.TempPathFactory) -> Generator[Stack]:
    """A web process and a worker process, shared by the tests that only talk to them."""
    project = tmp_path_factory.mktemp("project")
    with running_stack(valkey.url(1), tmp_path_factory.mktemp("stack"), MCP_PROJECT_PATH=str(project)) as running:
        yield running
    assert [key for key in valkey.immortal_keys(1) if not key.startswith(keys.BROKER_PREFIX)] == []


@pytest.fixture(scope="session")
def guarded(valkey: ValkeyServer, tmp_path_factory: pytest.TempPathFactory) -> Generator[Stack]:
    """Two replicas and a worker behind the `local` provider."""
    port = free_port()
    settings = {
        "MCP_AUTH": "local",
        "MCP_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "MCP_TRUSTED_PROXIES": "127.0.0.1",
    }
    folder = tmp_path_factory.mktemp("guarded")
    with running_stack(valkey.url(19), folder, replicas=2, settings=settings, port=port) as running:
        yield running
    assert [key for key in valkey.immortal_keys(19) if not key.startswith(keys.BROKER_PREFIX)] == []


@pytest.fixture(autouse=True)
def hang_up() -> Generator[None]:
    """Close the connections a test opened."""
    yield
    while OPEN:
        OPEN.pop().http.close()
