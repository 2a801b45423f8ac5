"""AWS as the tools of these tests find it, and a run."""

from collections.abc import Generator

import pytest

from tests.stand_ins.aws import Aws, aws
from tests.stand_ins.run import FakeRun


@pytest.fixture(scope="module")
def servers() -> Generator[Aws]:
    with aws() as made:
        yield made


@pytest.fixture
def cloud(servers: Aws, monkeypatch: pytest.MonkeyPatch) -> Aws:
    """The servers of the module, as new, where our clients look for AWS."""
    for name, value in servers.environment().items():
        monkeypatch.setenv(name, value)
    servers.forget()
    servers.insights.polls = 0
    return servers


@pytest.fixture
def run() -> Generator[FakeRun]:
    made = FakeRun()
    yield made
    made.cancel()
