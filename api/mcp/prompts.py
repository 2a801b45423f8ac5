"""The prompts, and completion of arguments."""

from dataclasses import dataclass

from mcp import MCPError
from mcp.types import (
    INVALID_PARAMS,
    CompleteRequestParams,
    CompleteResult,
    Completion,
    GetPromptRequestParams,
    GetPromptResult,
    InputRequiredResult,
    ListPromptsResult,
    PaginatedRequestParams,
    PromptArgument,
    PromptMessage,
    PromptReference,
)
from mcp.types import Prompt as ListedPrompt

from api.mcp.caller import Context
from api.mcp.offers import Offers
from api.mcp.translate import block
from tasks.catalog import Catalog
from tasks.errors import ToolError
from tasks.inline import InlineRun, call_offer
from tasks.prompt import MOST_SUGGESTIONS, InvalidPrompt, Message, Prompt, messages


@dataclass(frozen=True)
class Prompts:
    catalog: Catalog
    offers: Offers

    async def list_prompts(self, ctx: Context, params: PaginatedRequestParams | None) -> ListPromptsResult:
        if params and params.cursor is not None:
            raise MCPError(INVALID_PARAMS, "Unknown cursor: the list of prompts has one page")
        return ListPromptsResult(prompts=[_listed(prompt) for prompt in self.catalog.prompts])

    async def get_prompt(self, ctx: Context, params: GetPromptRequestParams) -> GetPromptResult | InputRequiredResult:
        prompt = self._find(params.name)
        given = params.arguments or {}
        try:
            prompt.check(given)
            made = await self.offers.call(ctx, lambda run: _make(prompt, run, given))
        except (InvalidPrompt, ToolError) as error:
            raise MCPError(INVALID_PARAMS, str(error)) from None
        if isinstance(made, InputRequiredResult):
            return made
        told = [PromptMessage(role=message.role, content=block(message.content)) for message in made]
        return GetPromptResult(description=prompt.description, messages=told)

    async def complete(self, ctx: Context, params: CompleteRequestParams) -> CompleteResult:
        """Suggestions for a prompt's argument; nothing for what nobody can guess."""
        values: list[str] = []
        if isinstance(params.ref, PromptReference):
            values = self._find(params.ref.name).suggest(params.argument.name, params.argument.value)
        shown = values[:MOST_SUGGESTIONS]
        return CompleteResult(completion=Completion(values=shown, total=len(values), has_more=len(shown) < len(values)))

    def _find(self, name: str) -> Prompt:
        prompt = self.catalog.find_prompt(name)
        if prompt is None:
            known = ", ".join(prompt.name for prompt in self.catalog.prompts)
            raise MCPError(INVALID_PARAMS, f"Unknown prompt: {name[:100]}. The prompts are: {known}")
        return prompt


async def _make(prompt: Prompt, run: InlineRun, given: dict[str, str]) -> tuple[Message, ...]:
    own = {prompt.run_parameter: run} if prompt.run_parameter else {}
    return messages(await call_offer(prompt.function, {**own, **given}))


def _listed(prompt: Prompt) -> ListedPrompt:
    arguments = [
        PromptArgument(name=each.name, description=each.description, required=each.required)
        for each in prompt.arguments
    ]
    return ListedPrompt(name=prompt.name, title=prompt.title, description=prompt.description, arguments=arguments)
