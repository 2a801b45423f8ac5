"""boto3 clients for one run, whose calls end when the run is asked to stop."""

import socket
import threading
import weakref
from typing import Any, Final, cast

import boto3
from botocore.awsrequest import (
    AWSHTTPConnection,
    AWSHTTPConnectionPool,
    AWSHTTPSConnection,
    AWSHTTPSConnectionPool,
)
from botocore.config import Config
from botocore.exceptions import BotoCoreError

from storage import traces
from storage.records import Principal
from tasks.aws.access import Bounds
from tasks.aws.errors import explain
from tasks.aws.measured import measure
from tasks.aws.sessions import open_session
from tasks.aws.traced import TracedCalls
from tasks.errors import Cancelled, ToolError
from tasks.settings import ToolSettings

CONFIG: Final = Config(
    connect_timeout=5,
    # A model may think for a while between two pieces of text.
    read_timeout=75,
    retries={"mode": "adaptive", "total_max_attempts": 4},
    user_agent_extra="mcp-server-playground",
)
CONFIGS: Final = {
    # botocore still signs links to S3 with version 2 unless it is told otherwise.
    "s3": CONFIG.merge(Config(signature_version="s3v4")),
}


class AwsClients:
    """Clients of one boto3 session, which is not safe to share between threads while it makes them.

    They work for *principal*: in its role, where `MCP_AWS_ROLES` is set. *below* is the span of the run they belong to.
    """

    def __init__(
        self, settings: ToolSettings, principal: Principal | None = None, *, below: traces.SpanContext | None = None
    ) -> None:
        self._settings = settings
        self._principal = principal
        self._lock = threading.Lock()
        self._session: boto3.Session | None = None
        self._clients: dict[tuple[str, str | None], Any] = {}
        self._wire = _Wire()
        self._traced = TracedCalls(below)

    def client(self, service: str, region: str | None = None) -> Any:  # noqa: ANN401  # boto3 makes clients at run time
        """The client of *service*, made once, in *region* or the session's own.

        ToolError when there is no region or no role, or the settings do not allow the region. Cancelled after `close`.
        """
        with self._lock:
            self._wire.check()
            if (service, region) not in self._clients:
                self._clients[service, region] = self._make(service, region)
            return self._clients[service, region]

    def close(self) -> None:
        """End every call in flight, and make new ones raise Cancelled: a thread that waits for AWS returns at once.

        Two waits are not cut short: opening a connection (5 s) and botocore's pause before a retry (4 s).
        """
        self._wire.cut()
        # Without the lock: an event loop calls this, and making a client takes a while.
        for each in list(self._clients.values()):
            each.close()
        self._traced.close()

    def _make(self, service: str, region: str | None) -> Any:  # noqa: ANN401
        try:
            if region is not None:
                Bounds.of(self._settings).check_region(region)
            if self._session is None:
                self._session = open_session(self._settings, self._principal, self._attached)
            return self._attached(self._session, service, region)
        except BotoCoreError as error:
            raise ToolError(explain(error)) from error

    def _attached(self, session: boto3.Session, service: str, region: str | None = None) -> Any:  # noqa: ANN401
        made = cast("Any", session).client(service, region_name=region, config=CONFIGS.get(service, CONFIG))
        Bounds.of(self._settings).guard(made)
        self._wire.attach(made)
        measure(made)
        self._traced.attach(made)
        return made


class _Wire:
    """The sockets of some clients. botocore can close idle connections, but not one that a thread reads from."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        self._is_cut = False

    def attach(self, client: Any) -> None:  # noqa: ANN401
        """Let the client open its connections through us (botocore has no public way to say so)."""
        session = client._endpoint.http_session  # noqa: SLF001
        pools = {"http": self._pool(), "https": self._secure_pool()}
        # Managers of proxies are made later, and take their pools from the session.
        session._pool_classes_by_scheme = session._manager.pool_classes_by_scheme = pools  # noqa: SLF001
        # A connection that broke because it was cut is not to be tried again.
        for event in ("before-send", "needs-retry"):
            client.meta.events.register_first(event, self._stop_call)

    def opened(self, connection: Any) -> None:  # noqa: ANN401
        with self._lock:
            self._sockets.add(connection.sock)
            is_cut = self._is_cut
        if is_cut:
            connection.close()
            raise Cancelled

    def check(self) -> None:
        if self._is_cut:
            raise Cancelled

    def cut(self) -> None:
        with self._lock:
            self._is_cut = True
            sockets = list(self._sockets)
        for each in sockets:
            try:
                # Below TLS: SSLSocket.shutdown would drop the state that a reading thread still uses.
                socket.socket.shutdown(each, socket.SHUT_RDWR)
            except OSError:
                continue

    def _stop_call(self, **_: object) -> None:
        self.check()

    def _pool(self) -> type:
        wire = self

        class Connection(AWSHTTPConnection):
            def connect(self) -> None:
                wire.check()
                cast("Any", super()).connect()
                wire.opened(self)

        class Pool(AWSHTTPConnectionPool):
            ConnectionCls = Connection

        return Pool

    def _secure_pool(self) -> type:
        wire = self

        class Connection(AWSHTTPSConnection):
            def connect(self) -> None:
                wire.check()
                cast("Any", super()).connect()
                wire.opened(self)

        class Pool(AWSHTTPSConnectionPool):
            ConnectionCls = Connection

        return Pool
