"""AWS as the tools of these tests find it, and a run."""

from collections.abc import Generator

import pytest

from tests.stand_ins.aws import Aws, aws
from tests.stand_ins.run import FakeRun


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Generator[Aws]:
    with aws() as made:
        for name, value in made.environment().items():
            monkeypatch.setenv(name, value)
        yield made


@pytest.fixture
def run() -> Generator[FakeRun]:
    made = FakeRun()
    yield made
    made.cancel()
