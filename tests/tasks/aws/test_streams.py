"""Whoever listens to a stream of AWS can stop at any time."""

import ssl
import time
from collections.abc import Callable, Generator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import trustme
from botocore.exceptions import ClientError

from tasks.aws.clients import AwsClients
from tasks.aws.streams import Feed, StreamEnded
from tasks.errors import Cancelled
from tasks.settings import ToolSettings
from tests.servers import until
from tests.stand_ins.aws import CREDENTIALS, REGION
from tests.stand_ins.logs_tail import LogsTail, arn, logs_tail

if TYPE_CHECKING:
    from botocore.eventstream import EventStream
    from mypy_boto3_logs.type_defs import StartLiveTailResponseStreamTypeDef

GROUP = "/app/web"
AT_ONCE = 1.0
SECOND = timedelta(seconds=1)


@pytest.fixture
def clients(monkeypatch: pytest.MonkeyPatch) -> Generator[AwsClients]:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    made = AwsClients(ToolSettings(aws_region=REGION))
    yield made
    made.close()


@pytest.fixture
def logs(monkeypatch: pytest.MonkeyPatch) -> Generator[LogsTail]:
    with logs_tail(GROUP) as made:
        for name, value in made.environment().items():
            monkeypatch.setenv(name, value)
        yield made


def tail(clients: AwsClients) -> "Callable[[], EventStream[StartLiveTailResponseStreamTypeDef]]":
    return lambda: clients.client("logs").start_live_tail(logGroupIdentifiers=[arn(GROUP)])["responseStream"]


def heard(feed: "Feed[StartLiveTailResponseStreamTypeDef]") -> list[str]:
    """The kinds of events until now, if the stream goes on."""
    return [kind for _ in range(100) for kind in feed.next(SECOND) or {}]


def test_events_come_in_order_and_silence_is_none(clients: AwsClients, logs: LogsTail):
    """Ours: who waits for an event waits no longer than it said."""
    logs.live = "silent"
    with Feed(tail(clients)) as feed:
        first = feed.next(SECOND * 10)
        began = time.monotonic()
        then = feed.next(timedelta(milliseconds=300))

        assert (list(first or {}), then) == (["sessionStart"], None)
        assert 0.25 < time.monotonic() - began < AT_ONCE


@pytest.mark.parametrize("secure", [False, True])
def test_leaving_closes_a_connection_that_a_thread_reads_from(
    *, clients: AwsClients, secure: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Ours: AWS bills a session by the minute until its connection ends; with TLS and without."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority: Any = trustme.CA()
    authority.issue_cert("127.0.0.1").configure_cert(server)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    with logs_tail(GROUP, tls=server if secure else None, live="silent") as logs:
        for name, value in {**logs.environment(), "AWS_CA_BUNDLE": str(tmp_path / "ca.pem")}.items():
            monkeypatch.setenv(name, value)
        with Feed(tail(clients)) as feed:
            assert feed.next(SECOND * 10) is not None
            left = time.monotonic()

        until(lambda: logs.sessions == 0, "the end of the session", within=5)
        assert time.monotonic() - left < AT_ONCE


def test_a_refusal_is_handed_over(clients: AwsClients, logs: LogsTail):
    """Ours: what the thread was told reaches whoever listens, as if it had asked itself."""
    logs.refuses = {"StartLiveTail": ("AccessDeniedException", "no")}

    with Feed(tail(clients)) as feed, pytest.raises(ClientError, match="AccessDenied"):
        feed.next(SECOND * 10)


def test_the_end_of_a_stream_is_told_after_its_events(clients: AwsClients, logs: LogsTail):
    """Ours: nothing that came before the end is lost."""
    with Feed(tail(clients)) as feed:
        assert feed.next(SECOND * 10) is not None
        logs.over.set()

        with pytest.raises(StreamEnded):
            heard(feed)


def test_closing_the_clients_ends_the_wait(clients: AwsClients, logs: LogsTail):
    """Ours: a cancelled run does not wait for a session that has not even begun."""
    logs.live = "mute"
    with Feed(tail(clients)) as feed:
        until(lambda: logs.sessions, "the request for a session")
        closed = time.monotonic()
        clients.close()

        with pytest.raises(Cancelled):
            feed.next(SECOND * 10)
        assert time.monotonic() - closed < AT_ONCE
