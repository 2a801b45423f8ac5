"""The prompts, and completion of their arguments."""

from typing import Final

from mcp import MCPError
from mcp.types import (
    INVALID_PARAMS,
    CompleteRequestParams,
    CompleteResult,
    Completion,
    GetPromptRequestParams,
    GetPromptResult,
    ListPromptsResult,
    PaginatedRequestParams,
    Prompt,
    PromptArgument,
    PromptMessage,
    PromptReference,
    TextContent,
)

from api.mcp.caller import Context

ECHO: Final = Prompt(
    name="echo",
    title="Echo a message",
    description="Ask the model to say a message back with the echo tool.",
    arguments=[PromptArgument(name="message", title="Message", description="What to say", required=True)],
)
EXAMPLES: Final = ("hello", "hello, world", "how are you?", "the quick brown fox jumps over the lazy dog")


async def list_prompts(ctx: Context, params: PaginatedRequestParams | None) -> ListPromptsResult:
    if params and params.cursor is not None:
        raise MCPError(INVALID_PARAMS, "Unknown cursor: the list of prompts has one page")
    return ListPromptsResult(prompts=[ECHO])


async def get_prompt(ctx: Context, params: GetPromptRequestParams) -> GetPromptResult:
    if params.name != ECHO.name:
        raise MCPError(INVALID_PARAMS, f"Unknown prompt: {params.name[:100]}. The prompts are: {ECHO.name}")
    given = params.arguments or {}
    if not given.get("message"):
        raise MCPError(INVALID_PARAMS, "The prompt echo needs its argument message")
    if unknown := sorted(given.keys() - {"message"}):
        raise MCPError(INVALID_PARAMS, f"The prompt echo takes message, not {', '.join(unknown)[:100]}")
    text = TextContent(type="text", text=f"Please process this message with the echo tool: {given['message']}")
    return GetPromptResult(description=ECHO.description, messages=[PromptMessage(role="user", content=text)])


async def complete(ctx: Context, params: CompleteRequestParams) -> CompleteResult:
    """Suggestions for the echo prompt's message; nothing for the rest, whose values nobody can guess."""
    reference = params.ref
    if isinstance(reference, PromptReference) and reference.name != ECHO.name:
        raise MCPError(INVALID_PARAMS, f"Unknown prompt: {reference.name[:100]}")
    values: list[str] = []
    if isinstance(reference, PromptReference) and params.argument.name == "message":
        typed = params.argument.value.casefold()
        values = [example for example in EXAMPLES if example.casefold().startswith(typed)]
    return CompleteResult(completion=Completion(values=values, total=len(values), has_more=False))
