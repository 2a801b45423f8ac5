"""A stack with tools of its own."""

from collections.abc import Generator
from pathlib import Path

import pytest

from tests.servers import Stack, ValkeyServer, running_stack

OWN_TOOLS = Path(__file__).parent / "own_tools.py"


@pytest.fixture(scope="session")
def own(valkey: ValkeyServer, tmp_path_factory: pytest.TempPathFactory) -> Generator[Stack]:
    """Web and worker with the tools of own_tools.py."""
    with running_stack(valkey.url(2), tmp_path_factory.mktemp("own"), MCP_TOOL_MODULES=str(OWN_TOOLS)) as running:
        yield running


@pytest.fixture(scope="session")
def pair(valkey: ValkeyServer, tmp_path_factory: pytest.TempPathFactory) -> Generator[Stack]:
    """A worker and two web replicas that know of each other only what Redis tells them."""
    settings = {"MCP_TOOL_MODULES": str(OWN_TOOLS), "MCP_DRAIN_TIMEOUT": "5"}
    folder = tmp_path_factory.mktemp("pair")
    with running_stack(valkey.url(13), folder, replicas=2, settings=settings) as running:
        yield running
