"""A run that is asked to stop does not wait for AWS."""

import threading
import time
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tasks.aws.clients import AwsClients
from tasks.errors import Cancelled, ToolError
from tasks.settings import ToolSettings
from tests.servers import until
from tests.stand_ins.aws import CREDENTIALS, REGION, aws
from tests.stand_ins.bedrock import bedrock
from tests.stand_ins.silence import silence

AT_ONCE = 1.0
"""Seconds."""


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def clients() -> Generator[AwsClients]:
    made = AwsClients(ToolSettings(aws_region=REGION))
    yield made
    made.close()


def in_thread(call: Callable[[], Any]) -> "Future[Any]":
    """What *call* makes in a thread of its own."""
    answer: Future[Any] = Future()

    def body() -> None:
        try:
            answer.set_result(call())
        except BaseException as error:  # noqa: BLE001  # handed to the test
            answer.set_exception(error)

    threading.Thread(target=body, daemon=True).start()
    return answer


@pytest.mark.parametrize("secure", [False, True])
def test_a_thread_that_waits_for_an_answer_returns_when_the_clients_are_closed(
    *, clients: AwsClients, secure: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Ours: cancelling a tool does not wait for a read timeout, nor for a retry; with TLS and without."""
    certificate = tmp_path / "server.pem"
    with silence(certificate if secure else None) as silent:
        monkeypatch.setenv("AWS_ENDPOINT_URL", silent.url)
        if secure:
            monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate))
        answer = in_thread(lambda: clients.client("ecs").describe_clusters())
        assert silent.asked.wait(10)

        closed = time.monotonic()
        clients.close()

        assert isinstance(answer.exception(5), Cancelled)
        assert time.monotonic() - closed < AT_ONCE


def test_a_stream_that_pauses_ends_when_the_clients_are_closed(clients: AwsClients, monkeypatch: pytest.MonkeyPatch):
    """Ours: a model that thinks between two words does not hold the worker."""
    heard: list[Any] = []

    def listen() -> None:
        stream = clients.client("bedrock-runtime").converse_stream(modelId="m", messages=[])["stream"]
        heard.extend(stream)

    with bedrock(pieces=("one", "two"), pause=30) as model:
        monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", model.url)
        answer = in_thread(listen)
        until(lambda: model.sent, "the first piece being sent")

        closed = time.monotonic()
        clients.close()

        assert isinstance(answer.exception(5), BaseException)
        assert time.monotonic() - closed < AT_ONCE
        assert len(model.sent) == 1


def test_closed_clients_call_nobody(clients: AwsClients, monkeypatch: pytest.MonkeyPatch):
    """Ours: neither a client that was made before, nor a new one; not even over a connection that is still open."""
    with aws() as cloud:
        for name, value in cloud.environment().items():
            monkeypatch.setenv(name, value)
        ecs = clients.client("ecs")
        assert ecs.list_clusters()["clusterArns"] == []

        clients.close()

        with pytest.raises(Cancelled):
            ecs.list_clusters()
        with pytest.raises(Cancelled):
            clients.client("s3")


def test_many_threads_get_the_same_client(clients: AwsClients):
    """boto3: a session must not make clients in two threads at once; a client may be shared."""
    with ThreadPoolExecutor(20) as pool:
        made = [each.result() for each in [pool.submit(clients.client, "ecs") for _ in range(40)]]

    assert all(each is made[0] for each in made)
    assert made[0].meta.region_name == REGION


def test_a_missing_region_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Ours: the sentence says which variable to set."""
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))

    with pytest.raises(ToolError, match="MCP_AWS_REGION"):
        AwsClients(ToolSettings()).client("ecs")


def test_a_region_that_is_none_is_named():
    """Ours: the sentence says which variable to set."""
    with pytest.raises(ToolError, match="MCP_AWS_REGION"):
        AwsClients(ToolSettings(aws_region="not a region")).client("ecs")


def test_a_profile_that_does_not_exist_is_named(monkeypatch: pytest.MonkeyPatch):
    """Ours: and not the path of the file it was looked for in."""
    monkeypatch.setenv("AWS_PROFILE", "nobody")

    with pytest.raises(ToolError, match="AWS_PROFILE"):
        AwsClients(ToolSettings(aws_region=REGION)).client("ecs")
