"""Objects in a bucket, as others put them there."""

from collections.abc import Callable, Generator
from typing import Any

import pytest

from tests.stand_ins.aws import CREDENTIALS, Aws, aws
from tests.stand_ins.http import Handler, serving


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Generator[Aws]:
    with aws() as made:
        for name, value in made.environment().items():
            monkeypatch.setenv(name, value)
        yield made


@pytest.fixture
def put(cloud: Aws) -> Callable[..., None]:
    """Put an object into the bucket `shop`."""
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="shop")

    def put(key: str, body: bytes = b"12345", **how: Any) -> None:
        s3.put_object(Bucket="shop", Key=key, Body=body, **how)

    return put


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch) -> Generator[Callable[[type[Handler]], None]]:
    """Let a handler be all of S3."""
    open_: list[Any] = []

    def answer(handler: type[Handler]) -> None:
        context = serving(handler)
        open_.append(context)
        for name, value in {**CREDENTIALS, "AWS_ENDPOINT_URL_S3": context.__enter__()}.items():
            monkeypatch.setenv(name, value)

    yield answer
    for each in open_:
        each.__exit__(None, None, None)
