"""Say it again: the smallest tool, and the one to try a connection with."""

from datetime import timedelta
from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict

from tasks.tool import Link, Run, tool

DOCUMENTATION_URI = "echo://documentation"


def result_uri(run_id: str) -> str:
    return f"echo://result/{run_id}"


class Echo(TypedDict):
    originalMessage: str
    processedMessage: str
    repeat: int
    uppercase: bool
    length: Annotated[int, Field(description="characters of the processed message")]


@tool(
    title="Echo",
    annotations={"readOnlyHint": True, "idempotentHint": True, "openWorldHint": False},
    inline=True,
    keep=timedelta(hours=1),
)
def echo(
    run: Run,
    message: Annotated[str, Field(min_length=1, max_length=1000, description="what to say")],
    repeat: Annotated[int, Field(ge=1, le=10, description="how many times, separated by one space")] = 1,
    uppercase: Annotated[bool, Field(description="say it in capitals")] = False,  # noqa: FBT002  # an argument of the tool
) -> Echo:
    """Return a message, repeated and in capitals if wished. The result can be read again for an hour."""
    said = message.upper() if uppercase else message
    processed = " ".join([said] * repeat)
    run.attach(Link(DOCUMENTATION_URI, "echo documentation", mime_type="text/markdown"))
    run.attach(Link(result_uri(run.id), "this result", mime_type="application/json"))
    return {
        "originalMessage": message,
        "processedMessage": processed,
        "repeat": repeat,
        "uppercase": uppercase,
        "length": len(processed),
    }
