"""Runs in the web process."""

import asyncio
from datetime import timedelta

import pytest

from storage.changes import Change
from storage.records import Principal
from tasks.errors import Unsupported
from tasks.inline import InlineRun, NeedsInput, call_offer, run_inline
from tasks.settings import ToolSettings
from tasks.tool import Elicitation, Roots, Run, tool

ME = Principal(client_id="me", issuer="here", subject="me")
FORM = Elicitation("Who?", {"type": "object", "properties": {"name": {"type": "string"}}})


def run(**answers: bytes) -> InlineRun:
    return InlineRun(ME, ToolSettings(), asks=("elicitation",), answers=answers)


@tool(inline=True)
def greets(run: Run) -> str:
    """Ask, announce, greet."""
    name = run.ask(FORM, key="name").content["name"]
    run.changed("tools")
    run.updated("test://x")
    return f"hello {name}"


@tool(inline=True, timeout=timedelta(seconds=0.05))
async def hangs(run: Run) -> str:
    """Take too long."""
    await asyncio.sleep(30)
    return "never"


async def test_a_question_is_raised_and_answered_by_calling_again():
    """Ours: nothing waits in the web process."""
    with pytest.raises(NeedsInput) as needed:
        await run_inline(greets, run(), {})

    again = run(name=b'{"result":{"action":"accept","content":{"name":"Ada"}}}')
    result = await run_inline(greets, again, {})

    assert needed.value.questions == {"name": FORM}
    assert "hello Ada" in str(result.content)
    assert again.announced == [Change("tools"), Change("resource", "test://x")]


async def test_only_the_questions_without_an_answer_are_raised():
    """Ours: what the client answered is not asked again."""
    given = run(first=b'{"result":{"action":"decline"}}')

    with pytest.raises(NeedsInput) as needed:
        given.ask_all({"first": FORM, "second": FORM})

    assert list(needed.value.questions) == ["second"]
    with pytest.raises(Unsupported):
        given.ask(Roots())


async def test_an_inline_tool_has_its_time_limit():
    """Ours: a coroutine that hangs does not hold its caller for ever."""
    result = await run_inline(hangs, run(), {})

    assert result.is_error
    assert "took longer than its 0.05 s" in str(result.content)


async def test_a_function_that_blocks_does_not_block_the_process():
    """Ours: prompts and resources may read files."""
    loop = asyncio.get_running_loop()
    passed = asyncio.Event()

    def blocks() -> str:
        asyncio.run_coroutine_threadsafe(passed.wait(), loop).result(10)
        return "done"

    loop.call_later(0.01, passed.set)

    assert await call_offer(blocks, {}) == "done"
