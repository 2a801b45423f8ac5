"""The tool API, as a company's own module uses it."""

from datetime import timedelta
from typing import Any

import pytest

from tasks.tool import Run, Tool, tool
from tests.stand_ins.run import FakeRun


@tool(timeout=7, annotations={"readOnlyHint": True}, scopes=["demo:run"], queue="slow")
def countdown(run: Run, start: int) -> str:
    """Count down from *start* to zero.

    It reports progress on the way.
    """
    for done in range(start):
        run.progress(done + 1, start, f"{start - done}...")
    return "lift-off"


def test_name_docstring_and_options_become_the_tool():
    """Ours: nothing else has to be written."""
    assert isinstance(countdown, Tool)
    assert (countdown.name, countdown.title, countdown.queue) == ("countdown", "Countdown", "slow")
    assert countdown.description.startswith("Count down from")
    assert countdown.timeout == timedelta(seconds=7)
    assert countdown.scopes == ("demo:run",)
    assert list(countdown.arguments.schema["properties"]) == ["start"]


def test_a_tool_can_be_tried_with_a_fake_run():
    """Ours: a run is a Protocol."""
    run = FakeRun()

    assert countdown.call(run, {"start": 2}) == "lift-off"
    assert [message for _, _, message, _ in run.steps] == ["2...", "1..."]


def test_a_run_is_found_by_its_type_or_name_or_left_out():
    """Ours: a tool that does not need its run does not take it."""

    @tool
    def typed(number: int, me: Run) -> str:
        """Take the run second."""
        return f"{number} {me.id[:1]}"

    @tool
    def named(run: Any, number: int) -> str:
        """Take the run by name."""
        return f"{number} {run.id[:1]}"

    @tool
    def without(number: int) -> str:
        """Take no run."""
        return str(number)

    answers = [each.call(FakeRun(), {"number": 1}) for each in (typed, named, without)]
    assert answers == ["1 0", "1 0", "1"]


@pytest.mark.parametrize("hints", [{"readOnlyHint": True}, {"idempotentHint": True}])
def test_only_a_harmless_tool_runs_again(hints: dict[str, bool]):
    """Ours: without a hint a run is not repeated after a worker died."""

    def harmless() -> str:
        """Do nothing twice."""
        return ""

    assert tool(annotations=hints)(harmless).rerun  # pyright: ignore[reportArgumentType]
    assert not tool(harmless).rerun


def test_a_tool_needs_a_docstring_and_a_sane_name():
    """Ours: a model reads the one and calls the other."""

    def silent() -> str:
        return ""

    with pytest.raises(ValueError, match="needs a docstring"):
        tool(silent)
    with pytest.raises(ValueError, match="is not a tool name"):
        tool(name="with space")(countdown.function)


def test_a_page_has_its_own_kind_of_address():
    """MCP Apps: clients look for pages under ui:// alone."""

    def shown() -> str:
        """Show something."""
        return ""

    assert tool(ui="ui://ours/page.html")(shown).ui == "ui://ours/page.html"
    with pytest.raises(ValueError, match="must begin with ui://"):
        tool(ui="https://ours.example/page.html")(shown)
