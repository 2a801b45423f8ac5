"""Event streams that may be silent, read by a thread of their own: who listens can stop waiting at any time."""

import queue
import socket
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, Generic, Self, TypeVar, cast

if TYPE_CHECKING:
    from botocore.eventstream import EventStream

T = TypeVar("T")

WAITING: Final = 16
"""Events that may wait for whoever listens; then AWS is not read from, and buffers or drops by its own rules."""
_LOOK: Final = 0.2
_PATIENCE: Final = 1.0


class StreamEnded(Exception):
    """AWS ended the stream without an error."""


class Feed(Generic[T]):
    """The events of a stream. Leaving the context closes its connection, whatever the thread waits for."""

    def __init__(self, start: Callable[[], "EventStream[T]"]) -> None:
        self._start = start
        self._events: queue.Queue[T] = queue.Queue(WAITING)
        self._closed = threading.Event()
        self._ended = threading.Event()
        self._why: BaseException = StreamEnded()
        self._stream: EventStream[T] | None = None
        self._thread = threading.Thread(target=self._read, name="aws-feed", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closed.set()
        if self._stream is not None:
            _cut(self._stream)
        self._thread.join(_PATIENCE)

    def next(self, within: timedelta) -> T | None:
        """The next event; None when that long there is none.

        Raises StreamEnded, or what starting or reading the stream raised: errors of botocore or urllib3, Cancelled.
        """
        left = within.total_seconds()
        while True:
            ended = self._ended.is_set()
            with suppress(queue.Empty):
                return self._events.get(timeout=0 if ended else min(left, _LOOK))
            if ended:
                raise self._why
            left -= _LOOK
            if left <= 0:
                return None

    def _read(self) -> None:
        try:
            with closing(self._start()) as stream:
                self._stream = stream
                for event in stream:
                    if not self._put(event):
                        return
        except BaseException as error:  # noqa: BLE001  # handed to whoever listens
            self._why = error
        finally:
            self._ended.set()

    def _put(self, event: T) -> bool:
        while not self._closed.is_set():
            with suppress(queue.Full):
                self._events.put(event, timeout=_LOOK)
                return True
        return False


def _cut(stream: "EventStream[Any]") -> None:
    """End the connection. botocore has no public way to: closing a stream leaves a thread that reads it where it is."""
    connection = cast("Any", stream)._raw_stream.connection  # noqa: SLF001
    if (opened := getattr(connection, "sock", None)) is not None:
        with suppress(OSError):
            # Below TLS: SSLSocket.shutdown would drop the state that the thread still uses.
            socket.socket.shutdown(opened, socket.SHUT_RDWR)
