"""The Bedrock runtime's ConverseStream, in real event-stream framing, a piece at a time."""

import json
import threading
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import unquote

from moto.core.eventstream import EventStreamEncoder

from tests.stand_ins.http import Handler, serving

Mode = Literal["answer", "denied", "throttled", "breaks", "drops"]
"""`breaks`: an exception in the stream after the pieces; `drops`: the connection ends there."""

REFUSALS = {
    "denied": (403, "AccessDeniedException", "not authorized to perform: bedrock:InvokeModelWithResponseStream"),
    "throttled": (429, "ThrottlingException", "Too many requests"),
}


@dataclass
class Bedrock:
    """What it says, how fast, and what it was asked."""

    pieces: Sequence[str] = ("The task ", "ran out of ", "memory.")
    pause: float = 0.0
    mode: Mode = "answer"
    stop_reason: str = "end_turn"
    url: str = ""
    requests: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    models: list[str] = field(default_factory=list[str])
    sent: list[float] = field(default_factory=list[float])
    """When each piece left, on the machine's clock."""
    stopped: threading.Event = field(default_factory=threading.Event)

    def environment(self) -> dict[str, str]:
        return {"AWS_ENDPOINT_URL_BEDROCK_RUNTIME": self.url}


class _Runtime(Handler):
    service: Bedrock

    def do_POST(self) -> None:
        self.service.requests.append(json.loads(self.body()))
        self.service.models.append(unquote(self.path.split("/")[2]))
        if self.service.mode in REFUSALS:
            self._refuse(*REFUSALS[self.service.mode])
        else:
            self._stream()

    def _refuse(self, status: int, code: str, message: str) -> None:
        self.answer(status, json.dumps({"message": message}).encode(), x_amzn_errortype=code)

    def _stream(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "application/vnd.amazon.eventstream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        self._event("messageStart", {"role": "assistant"})
        for piece in self.service.pieces:
            self.service.sent.append(time.time())
            self._event("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": piece}})
            self.service.stopped.wait(self.service.pause)
        if self.service.mode == "drops":
            self.close_connection = True
        else:
            self._end()

    def _end(self) -> None:
        if self.service.mode == "breaks":
            headers = {":message-type": "exception", ":exception-type": "modelStreamErrorException"}
            self._frame(headers, {"message": "broke"})
        else:
            self._event("contentBlockStop", {"contentBlockIndex": 0})
            self._event("messageStop", {"stopReason": self.service.stop_reason})
            usage = {"inputTokens": 120, "outputTokens": 30, "totalTokens": 150}
            self._event("metadata", {"usage": usage, "metrics": {"latencyMs": 5}})
        self.wfile.write(b"0\r\n\r\n")

    def _event(self, kind: str, payload: dict[str, Any]) -> None:
        self._frame({":message-type": "event", ":event-type": kind}, payload)

    def _frame(self, headers: dict[str, str], payload: dict[str, Any]) -> None:
        typed = {**headers, ":content-type": "application/json"}
        frame = EventStreamEncoder().encode_message(typed, json.dumps(payload).encode())
        self.wfile.write(f"{len(frame):x}\r\n".encode() + frame + b"\r\n")
        self.wfile.flush()


@contextmanager
def bedrock(**how: Any) -> Generator[Bedrock]:
    """A running stand-in."""
    service = Bedrock(**how)
    with serving(type("Runtime", (_Runtime,), {"service": service})) as url:
        service.url = url
        try:
            yield service
        finally:
            service.stopped.set()
