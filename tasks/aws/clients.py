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

from tasks.aws.errors import explain
from tasks.settings import ToolSettings
from tasks.tool import Cancelled, ToolError

CONFIG: Final = Config(
    connect_timeout=5,
    # A model may think for a while between two pieces of text.
    read_timeout=75,
    retries={"mode": "standard", "max_attempts": 4},
    user_agent_extra="mcp-server-playground",
)


class AwsClients:
    """Clients of one boto3 session, which is not safe to share between threads while it makes them."""

    def __init__(self, settings: ToolSettings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._session: boto3.Session | None = None
        self._clients: dict[str, Any] = {}
        self._wire = _Wire()

    def client(self, service: str, *, region: str | None = None) -> Any:  # noqa: ANN401  # boto3 makes clients at run time
        """The client of *service*, made once per region; ToolError when region or credentials are missing."""
        name = f"{service} {region}"
        with self._lock:
            if name not in self._clients:
                self._clients[name] = self._make(service, region)
            return self._clients[name]

    @property
    def region(self) -> str | None:
        """The region that calls go to; None when nothing names one."""
        with self._lock:
            return self._open().region_name

    def close(self) -> None:
        """End every call in flight, and make new ones fail: a thread that waits for AWS returns at once."""
        self._wire.cut()

    def _open(self) -> boto3.Session:
        if self._session is None:
            self._session = boto3.Session(region_name=self._settings.aws_region)
        return self._session

    def _make(self, service: str, region: str | None) -> Any:  # noqa: ANN401
        try:
            made = cast("Any", self._open()).client(service, region_name=region, config=CONFIG)
        except BotoCoreError as error:
            raise ToolError(explain(error)) from error
        self._wire.attach(made)
        return made


class _Wire:
    """The sockets of some clients. botocore can close idle connections, but not one that a thread reads from."""

    def __init__(self) -> None:
        self._sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        self._is_cut = False

    def attach(self, client: Any) -> None:  # noqa: ANN401
        """Let the client open its connections through us (botocore has no public way to say so)."""
        manager = client._endpoint.http_session._manager  # noqa: SLF001
        manager.pool_classes_by_scheme = {"http": self._pool(), "https": self._secure_pool()}

    def opened(self, connection: Any) -> None:  # noqa: ANN401
        self._sockets.add(connection.sock)

    def check(self) -> None:
        if self._is_cut:
            raise Cancelled

    def cut(self) -> None:
        self._is_cut = True
        for each in list(self._sockets):
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue

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
