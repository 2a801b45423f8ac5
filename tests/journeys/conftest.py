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
