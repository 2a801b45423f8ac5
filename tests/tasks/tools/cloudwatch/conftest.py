"""Log groups that can be written to while a tail follows them."""

from collections.abc import Generator

import pytest

from tests.stand_ins.aws import CREDENTIALS
from tests.stand_ins.logs_tail import LogsTail, logs_tail


@pytest.fixture
def logs(monkeypatch: pytest.MonkeyPatch) -> Generator[LogsTail]:
    with logs_tail("/app/web", "/app/api") as made:
        for name, value in {**CREDENTIALS, **made.environment()}.items():
            monkeypatch.setenv(name, value)
        yield made
