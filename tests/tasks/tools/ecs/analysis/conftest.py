"""A model where our client looks for Bedrock."""

from collections.abc import Generator

import pytest

from tests.stand_ins.analyst import answer, in_pieces
from tests.stand_ins.aws import CREDENTIALS
from tests.stand_ins.bedrock import Bedrock, bedrock


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Generator[Bedrock]:
    with bedrock(pieces=in_pieces(answer())) as made:
        for name, value in (CREDENTIALS | made.environment()).items():
            monkeypatch.setenv(name, value)
        yield made
