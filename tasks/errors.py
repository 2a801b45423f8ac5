"""What a tool raises, and what is raised in it."""

from typing import Any


class ToolError(Exception):
    """A failure to tell the caller: its text becomes the result, so say what is wrong and what would be right."""


class Unsupported(ToolError):
    """The client does not take questions of this *kind*; a tool that can do without catches it."""

    def __init__(self, kind: str) -> None:
        super().__init__(f"This tool needs to ask your client something, and it does not support {kind}.")
        self.kind = kind


class Unanswered(ToolError):
    """The client did not answer, refused to, or answered something that makes no sense."""


class ProtocolError(Exception):
    """A failure that is no result of the tool: it reaches the client as a JSON-RPC error with this *code*."""

    def __init__(self, code: int, message: str, data: Any = None) -> None:  # noqa: ANN401  # any JSON
        super().__init__(message)
        self.code = code
        self.data = data

    def plain(self) -> dict[str, Any]:
        """As JSON-RPC has it."""
        return {"code": self.code, "message": str(self), **({} if self.data is None else {"data": self.data})}


class Cancelled(BaseException):
    """The run must end now: its caller left, cancelled it, or its time is over. Let it pass; clean up in `finally`."""
