"""Prompts: functions of strings that make messages."""

from typing import Annotated

import pytest
from pydantic import Field

from tasks.prompt import Argument, InvalidPrompt, Message, messages, prompt
from tasks.result import Image, Text
from tasks.tool import Run


@prompt
def review(run: Run, path: Annotated[str, Field(description="which file")], focus: str = "") -> str:
    """Review one file."""
    return f"Review {path}. {focus}"


@review.completes("path")
def paths(typed: str) -> list[str]:
    return [path for path in ("a.py", "ab.py", "b.py") if path.startswith(typed)]


def test_a_function_says_what_the_prompt_is():
    """MCP, prompts: name, description, arguments; the run is not one of them."""
    assert (review.name, review.title, review.description) == ("review", "Review", "Review one file.")
    assert review.arguments == (Argument("path", "which file", required=True), Argument("focus", None, required=False))


def test_arguments_are_suggested_where_somebody_can_guess():
    """MCP, completion."""
    assert review.suggest("path", "a") == ["a.py", "ab.py"]
    assert review.suggest("focus", "a") == []


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({}, "The prompt review needs its argument path"),
        ({"path": ""}, "needs its argument path"),
        ({"path": "x", "depth": "3"}, "takes path, focus, not depth"),
    ],
)
def test_wrong_arguments_are_named(given: dict[str, str], sentence: str):
    """Ours: what is wrong, and what would be right."""
    with pytest.raises(InvalidPrompt, match=sentence):
        review.check(given)


def test_what_a_prompt_returns_becomes_messages():
    """Ours: a string is what the user says; contents and messages may be mixed."""
    image = Image("AA==", "image/png")

    assert messages("hi") == (Message("user", Text("hi")),)
    assert messages([image, Message("assistant", Text("I see"))]) == (
        Message("user", image),
        Message("assistant", Text("I see")),
    )


def test_a_prompt_that_cannot_work_is_refused_where_it_is_made():
    """Ours: at import, not at the first call."""

    def undocumented(path: str) -> str:
        return path

    def counts(times: int) -> str:
        """Take a number."""
        return "x" * times

    with pytest.raises(ValueError, match="needs a docstring"):
        prompt(undocumented)
    with pytest.raises(TypeError, match="must be a str"):
        prompt(counts)
    with pytest.raises(ValueError, match="no argument 'depth'"):
        review.completes("depth")
