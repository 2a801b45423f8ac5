"""Say it again: the smallest tool, and the one to try a connection with."""

from datetime import timedelta
from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict

from tasks.prompt import prompt
from tasks.resource import resource
from tasks.tool import Link, Run, tool

DOCUMENTATION_URI = "echo://documentation"
DOCUMENTATION = """\
# echo

Returns a message, repeated and in capitals if wished.

| argument | type | default | meaning |
|---|---|---|---|
| `message` | string, 1 to 1000 characters | | what to say |
| `repeat` | integer, 1 to 10 | 1 | how many times, separated by one space |
| `uppercase` | boolean | false | say it in capitals |

The result names `echo://result/{resultId}`, where it can be read again for an hour by whoever made it.
"""
EXAMPLES = ("hello", "hello, world", "how are you?", "the quick brown fox jumps over the lazy dog")


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


@resource(DOCUMENTATION_URI, name="echo documentation", title="How to use echo", mime_type="text/markdown")
def echo_documentation() -> str:
    """The arguments and the result of the echo tool."""
    return DOCUMENTATION


@prompt(name="echo", title="Echo a message")
def echo_prompt(message: Annotated[str, Field(description="What to say")]) -> str:
    """Ask the model to say a message back with the echo tool."""
    return f"Please process this message with the echo tool: {message}"


@echo_prompt.completes("message")
def examples(typed: str) -> list[str]:
    return [example for example in EXAMPLES if example.casefold().startswith(typed.casefold())]
