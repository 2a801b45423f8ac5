"""A stack with tools of its own."""

from collections.abc import Generator
from pathlib import Path

import pytest

from storage import keys
from tests.servers import Stack, ValkeyServer, running_stack

OWN_TOOLS = Path(__file__).parent / "own_tools.py"


@pytest.fixture(scope="session")
def own(valkey: ValkeyServer, tmp_path_factory: pytest.TempPathFactory) -> Generator[Stack]:
    """Web and worker with the tools of own_tools.py."""
    with running_stack(valkey.url(2), tmp_path_factory.mktemp("own"), MCP_TOOL_MODULES=str(OWN_TOOLS)) as running:
        yield running


@pytest.fixture(scope="session")
def hasty(valkey: ValkeyServer, tmp_path_factory: pytest.TempPathFactory) -> Generator[Stack]:
    """Two replicas where calls soon become tasks or jobs, and nobody may have many of them."""
    settings = {
        "MCP_TOOL_MODULES": str(OWN_TOOLS),
        "MCP_CALL_DEADLINE": "1",
        "MCP_TASK_AFTER": "0.5",
        "MCP_TASK_LIMIT": "8",
        "MCP_ARGUMENTS_LIMIT": "4096",
        "MCP_RESULT_INLINE_LIMIT": "2000",
        "MCP_RESULT_LIMIT": "100000",
        "MCP_EXPERIMENTAL_TASKS": "true",
    }
    with running_stack(valkey.url(15), tmp_path_factory.mktemp("hasty"), replicas=2, settings=settings) as running:
        yield running
    assert [key for key in valkey.immortal_keys(15) if not key.startswith(keys.BROKER_PREFIX)] == []


@pytest.fixture(scope="session")
def pair(valkey: ValkeyServer, tmp_path_factory: pytest.TempPathFactory) -> Generator[Stack]:
    """A worker and two web replicas that know of each other only what Redis tells them."""
    settings = {"MCP_TOOL_MODULES": str(OWN_TOOLS), "MCP_DRAIN_TIMEOUT": "5"}
    folder = tmp_path_factory.mktemp("pair")
    with running_stack(valkey.url(13), folder, replicas=2, settings=settings) as running:
        yield running
