"""A shop that is well until a test breaks it, where our clients look for AWS; and runs."""

from collections.abc import Generator

import pytest

from tasks.aws.clients import AwsClients
from tasks.settings import ToolSettings
from tests.stand_ins.run import FakeRun
from tests.stand_ins.world.shop import healthy_shop
from tests.stand_ins.world.world import World, serving_world


@pytest.fixture(scope="module")
def served() -> Generator[World]:
    with serving_world(healthy_shop()) as made:
        yield made


@pytest.fixture
def world(served: World, monkeypatch: pytest.MonkeyPatch) -> Generator[World]:
    for name, value in served.environment().items():
        monkeypatch.setenv(name, value)
    served.renew(healthy_shop())
    served.logs.polls = 0
    yield served
    assert not served.weather.mistakes, served.weather.mistakes


@pytest.fixture(scope="module")
def clients() -> Generator[AwsClients]:
    """Made once: to read the models of eight services takes longer than an investigation."""
    made = AwsClients(ToolSettings())
    yield made
    made.close()


@pytest.fixture
def run(clients: AwsClients) -> FakeRun:
    return FakeRun(clients=clients)


@pytest.fixture
def own_run() -> Generator[FakeRun]:
    """A run with clients of its own, for those that will be throttled: they stay slow."""
    made = FakeRun()
    yield made
    made.cancel()
