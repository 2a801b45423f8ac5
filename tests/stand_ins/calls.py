"""What is asked of AWS in this process, by whichever client."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore import handlers


@dataclass
class Calls:
    """Operations, in the order of their calls; and how each request was signed."""

    operations: list[str] = field(default_factory=list[str])
    signed: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    """Operation, Authorization header."""

    def keys(self, operation: str) -> list[str]:
        """The access keys that *operation* was signed with."""
        return [
            header.partition("Credential=")[2].partition("/")[0] for name, header in self.signed if name == operation
        ]


@contextmanager
def recorded(monkeypatch: pytest.MonkeyPatch) -> Generator[Calls]:
    """The handlers of botocore and one more: every client that is made from here on is heard."""
    calls = Calls()

    def called(model: Any, **_: Any) -> None:
        calls.operations.append(model.name)

    def sent(request: Any, event_name: str, **_: Any) -> None:
        header = request.headers.get("Authorization", b"")
        calls.signed.append((event_name.rpartition(".")[2], header.decode() if isinstance(header, bytes) else header))

    heard: list[Any] = [*handlers.BUILTIN_HANDLERS, ("before-call", called), ("before-send", sent)]
    with monkeypatch.context() as patch:
        patch.setattr(handlers, "BUILTIN_HANDLERS", heard)
        yield calls
