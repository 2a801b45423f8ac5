"""The Bedrock runtime's ConverseStream, in real event-stream framing, a piece at a time."""

import json
import threading
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import unquote

from moto.core.eventstream import EventStreamEncoder

from tests.stand_ins.http import Handler, serving

Mode = Literal["answer", "denied", "throttled", "away", "invalid", "broke", "breaks", "drops", "garbles"]
"""After the pieces, `breaks`: an exception in the stream; `drops`: the connection ends; `garbles`: a frame whose
checksum is wrong."""

Says = Callable[[dict[str, Any]], Sequence[str]]

REFUSALS = {
    "denied": (403, "AccessDeniedException", "not authorized to perform: bedrock:InvokeModelWithResponseStream"),
    "throttled": (429, "ThrottlingException", "Too many requests"),
    "away": (503, "ServiceUnavailableException", "The service is unavailable."),
    "invalid": (400, "ValidationException", "The provided model identifier is invalid."),
    "broke": (424, "ModelErrorException", "The model had an error."),
}


@dataclass
class Bedrock:
    """What it says, how fast, and what it was asked."""

    pieces: Sequence[str] = ("The task ", "ran out of ", "memory.")
    pause: float = 0.0
    mode: Mode = "answer"
    stop_reason: str = "end_turn"
    says: Says | None = None
    """What it says to a request, instead of the *pieces*."""
    is_structured: bool = True
    """Whether it takes outputConfig; older models refuse it, and take tools."""
    busy: set[str] = field(default_factory=set[str])
    """Models that are throttled, whatever the mode."""
    modes: dict[str, Mode] = field(default_factory=dict[str, Mode])
    """Of single models."""
    lacks: set[str] = field(default_factory=set[str])
    """What the models refuse: toolConfig, cachePoint, temperature."""
    exception: str = "modelStreamErrorException"
    """What a stream breaks with."""
    usage: dict[str, int] = field(default_factory=lambda: {"inputTokens": 120, "outputTokens": 30, "totalTokens": 150})
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
    mode: Mode

    def do_POST(self) -> None:
        request = json.loads(self.body())
        model = unquote(self.path.split("/")[2])
        self.service.requests.append(request)
        self.service.models.append(model)
        self.mode = self.service.modes.get(model, self.service.mode)
        said = f"{request['system']} {request['inferenceConfig']} {list(request)}" if self.service.lacks else ""
        lacking = next((each for each in sorted(self.service.lacks) if each in said), "")
        if self.mode in REFUSALS:
            self._refuse(*REFUSALS[self.mode])
        elif lacking:
            self._refuse(400, "ValidationException", f"This model doesn't support the {lacking} field.")
        elif model in self.service.busy:
            self._refuse(*REFUSALS["throttled"])
        elif "outputConfig" in request and not self.service.is_structured:
            self._refuse(400, "ValidationException", "This model doesn't support the outputConfig.textFormat field.")
        else:
            self._stream(request)

    def _refuse(self, status: int, code: str, message: str) -> None:
        self.answer(status, json.dumps({"message": message}).encode(), x_amzn_errortype=code)

    def _stream(self, request: dict[str, Any]) -> None:
        tool = request.get("toolConfig", {}).get("toolChoice", {}).get("tool")
        self.send_response(200)
        self.send_header("content-type", "application/vnd.amazon.eventstream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        self._event("messageStart", {"role": "assistant"})
        if tool:
            start = {"toolUse": {"toolUseId": "tooluse_1", "name": tool["name"]}}
            self._event("contentBlockStart", {"contentBlockIndex": 0, "start": start})
        for piece in self.service.says(request) if self.service.says else self.service.pieces:
            self.service.sent.append(time.time())
            delta = {"toolUse": {"input": piece}} if tool else {"text": piece}
            self._event("contentBlockDelta", {"contentBlockIndex": 0, "delta": delta})
            self.service.stopped.wait(self.service.pause)
        if self.mode == "drops":
            self.close_connection = True
        elif self.mode == "garbles":
            self._garble()
        else:
            self._end("tool_use" if tool else self.service.stop_reason)

    def _end(self, stop_reason: str) -> None:
        if self.mode == "breaks":
            headers = {":message-type": "exception", ":exception-type": self.service.exception}
            self._frame(headers, {"message": "broke"})
        else:
            self._event("contentBlockStop", {"contentBlockIndex": 0})
            self._event("messageStop", {"stopReason": stop_reason})
            self._event("metadata", {"usage": self.service.usage, "metrics": {"latencyMs": 5}})
        self.wfile.write(b"0\r\n\r\n")

    def _event(self, kind: str, payload: dict[str, Any]) -> None:
        self._frame({":message-type": "event", ":event-type": kind}, payload)

    def _garble(self) -> None:
        typed = {":message-type": "event", ":event-type": "messageStop", ":content-type": "application/json"}
        frame = EventStreamEncoder().encode_message(typed, b'{"stopReason": "end_turn"}')
        self.wfile.write(f"{len(frame):x}\r\n".encode() + frame[:-1] + bytes([frame[-1] ^ 1]) + b"\r\n0\r\n\r\n")

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
