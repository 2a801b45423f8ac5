"""A shop in an account, and whoever looks into it."""

from collections.abc import Callable, Generator
from datetime import timedelta
from typing import Any

import pytest

from tasks.tools.ecs.facts import Facts
from tasks.tools.ecs.scene import Request, Scene, at
from tests.stand_ins.run import FakeRun
from tests.stand_ins.world.failures import FAILURES
from tests.stand_ins.world.shop import healthy_shop
from tests.stand_ins.world.world import World, serving_world


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Generator[World]:
    """An account in which all is well, where our clients look for AWS."""
    with serving_world(healthy_shop()) as made:
        for name, value in made.environment().items():
            monkeypatch.setenv(name, value)
        FAILURES["healthy"](made)
        yield made


@pytest.fixture
def look(world: World, run: FakeRun) -> Callable[..., Scene]:
    """A scene of the last hour of that account; what is given changes the request."""

    def made(**more: Any) -> Scene:
        end = world.account.now
        asked: dict[str, Any] = {"service": "web", "task": None, "window": (end - timedelta(hours=1), end)}
        request = Request(cluster="shop", **(asked | more))
        return Scene(run, request, Facts(start=at(end - timedelta(hours=1)), end=at(end)))

    return made
