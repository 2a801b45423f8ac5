"""Stacks that several files of attacks share."""

from collections.abc import Generator

import pytest

from tests.attacks.company import Company, company
from tests.servers import ValkeyServer


@pytest.fixture(scope="session")
def corp(valkey: ValkeyServer, tmp_path_factory: pytest.TempPathFactory) -> Generator[Company]:
    """Two replicas and a worker behind three providers that let everybody in."""
    with company(valkey, 37, tmp_path_factory.mktemp("corp"), MCP_TASK_AFTER="0.5") as running:
        yield running
