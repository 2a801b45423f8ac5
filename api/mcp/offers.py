"""Calling what runs in the web process: inline tools, prompts and resources, until they ask for nothing more."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

import msgspec
from mcp import MCPError
from mcp.types import InputRequiredResult

from api.mcp.caller import Context, asks, caller, shows_ui
from api.mcp.inputs import Answered, answers_to, required, state_of
from api.mcp.translate import missing_capability, request
from storage.changes import ChangeLog
from storage.records import new_id
from tasks.ask import Question
from tasks.errors import Unsupported
from tasks.inline import InlineRun, NeedsInput
from tasks.settings import ToolSettings

T = TypeVar("T")


@dataclass(frozen=True)
class Offers:
    settings: ToolSettings
    changes: ChangeLog

    async def call(self, ctx: Context, function: Callable[[InlineRun], Awaitable[T]]) -> T | InputRequiredResult:
        """What *function* returns, or the result that asks what it needs to know.

        With a session the client is asked here and now; without one the call ends and comes back with the answers.
        Unsupported is the caller's to render when there is a session.
        """
        answers = _brought(ctx)
        while True:
            run = InlineRun(
                caller(ctx).principal, self.settings, asks=asks(ctx), answers=answers, shows_ui=shows_ui(ctx)
            )
            try:
                result = await function(run)
            except NeedsInput as needed:
                if caller(ctx).session is None:
                    given = answers_to(ctx, needed.questions)
                    if not given:
                        kept = {key: msgspec.Raw(value) for key, value in answers.items()}
                        return required(needed.questions, Answered(kept))
                    answers |= given
                else:
                    answers |= {key: await _ask(ctx, question) for key, question in needed.questions.items()}
                continue
            except Unsupported as error:
                if caller(ctx).session is None:
                    raise missing_capability(error.kind) from None
                raise
            for change in run.announced:
                await self.changes.add(change)
            return result


def _brought(ctx: Context) -> dict[str, bytes]:
    """The answers of earlier rounds."""
    state = state_of(ctx)
    return {key: bytes(raw) for key, raw in state.answers.items()} if isinstance(state, Answered) else {}


async def _ask(ctx: Context, question: Question) -> bytes:
    """The client's answer, or its refusal, as `tasks.ask.parse` takes it."""
    method, params = request(question, new_id())
    try:
        return msgspec.json.encode({"result": await caller(ctx).line.send_raw_request(method, params)})
    except MCPError as error:
        return msgspec.json.encode({"error": {"code": error.error.code, "message": error.error.message}})
