"""What AWS is like today: which operations are slow, denied, throttled or empty; and what it was asked when."""

import threading
import time
from dataclasses import dataclass, field
from typing import Any, Final

from tests.stand_ins.world.wire import Refused, Request

WORKER: Final = "arn:aws:sts::123456789012:assumed-role/mcp-worker/i-0"
EVERYTHING: Final = "*"


@dataclass
class Call:
    """One request; the machine's clock, in seconds."""

    operation: str
    parameters: dict[str, Any]
    asked: float
    answered: float | None = None
    """None while it waits, and when its client left."""
    error: str = ""


@dataclass
class Weather:
    """Operations by their names, as `DescribeTasks`; EVERYTHING means each."""

    slow: dict[str, float] = field(default_factory=dict[str, float])
    """Seconds before the answer."""
    denied: set[str] = field(default_factory=set[str])
    throttled: dict[str, int] = field(default_factory=dict[str, int])
    """How often still; negative for ever."""
    empty: set[str] = field(default_factory=set[str])
    """They answer that there is nothing."""
    calls: list[Call] = field(default_factory=list[Call])
    mistakes: list[str] = field(default_factory=list[str])
    """Of the stand-in itself: answers that are not of AWS's shape, and what it does not know."""
    over: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def noted(self, request: Request) -> Call:
        call = Call(request.operation, request.parameters, time.time())
        with self._lock:
            self.calls.append(call)
        return call

    def answered(self, call: Call) -> None:
        call.answered = time.time()

    def check(self, request: Request) -> None:
        """Wait if it is slow; raise Refused if it is denied or throttled."""
        operation = request.operation
        self.over.wait(self.slow.get(operation, self.slow.get(EVERYTHING, 0)))
        if {operation, EVERYTHING} & self.denied:
            raise _denied(request)
        with self._lock:
            left = self.throttled.get(operation, 0)
            if left > 0:
                self.throttled[operation] = left - 1
        if left:
            raise _throttled(request)

    def of(self, operation: str) -> list[Call]:
        """The calls of an *operation*, in their order."""
        return [call for call in list(self.calls) if call.operation == operation]

    @property
    def operations(self) -> set[str]:
        return {call.operation for call in list(self.calls)}


def _denied(request: Request) -> Refused:
    """EC2 has a code and words of its own; each service says who is denied what."""
    why = f"because no identity-based policy allows the {request.action} action"
    words = f"User: {WORKER} is not authorized to perform: {request.action} on resource: * {why}"
    if request.service == "ec2":
        return Refused("UnauthorizedOperation", f"You are not authorized to perform this operation. {words}", 403)
    if request.service in ("elbv2", "cloudwatch"):
        return Refused("AccessDenied", words, 403)
    return Refused("AccessDeniedException", words)


def _throttled(request: Request) -> Refused:
    if request.service == "ec2":
        return Refused("RequestLimitExceeded", "Request limit exceeded.", 503)
    if request.service in ("elbv2", "cloudwatch"):
        return Refused("Throttling", "Rate exceeded")
    return Refused("ThrottlingException", "Rate exceeded")
