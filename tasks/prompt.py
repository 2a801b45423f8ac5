"""Prompts a module offers: templates that a person picks in their client.

@prompt
def review(path: Annotated[str, Field(description="which file")], focus: str = "") -> str:
\"\"\"Review one file.\"\"\"
return f"Review {path}. {focus}"

@review.completes("path")
def paths(typed: str) -> list[str]:
return [path for path in known if path.startswith(typed)]
"""

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Annotated, Any, Final, Literal, get_args, get_origin, overload

import msgspec
from pydantic.fields import FieldInfo

from tasks.result import Content, Text
from tasks.tool import run_parameter_of

__all__ = ["Argument", "Message", "Prompt", "prompt"]

MOST_SUGGESTIONS: Final = 100
"""What a completion may hold (MCP, completion)."""


class Message(msgspec.Struct, frozen=True):
    """One turn of the conversation a prompt begins."""

    role: Literal["user", "assistant"]
    content: Content


class InvalidPrompt(Exception):
    """Arguments a prompt does not take, in one sentence."""


@dataclass(frozen=True)
class Argument:
    name: str
    description: str | None
    required: bool


@dataclass(frozen=True, kw_only=True)
class Prompt:
    """A function that makes messages of strings."""

    name: str
    title: str
    description: str
    function: Callable[..., Any]
    arguments: tuple[Argument, ...]
    run_parameter: str | None
    completions: dict[str, Callable[[str], Iterable[str]]] = field(
        default_factory=dict[str, Callable[[str], Iterable[str]]]
    )

    def completes(self, argument: str) -> Callable[[Callable[[str], Iterable[str]]], Callable[[str], Iterable[str]]]:
        """Make the decorated function suggest values of *argument* from what was typed so far."""
        if argument not in {known.name for known in self.arguments}:
            raise ValueError(f"prompt {self.name} has no argument {argument!r}")

        def register(function: Callable[[str], Iterable[str]]) -> Callable[[str], Iterable[str]]:
            self.completions[argument] = function
            return function

        return register

    def check(self, given: Mapping[str, str]) -> None:
        """InvalidPrompt unless *given* has all that is required and nothing else."""
        if missing := [known.name for known in self.arguments if known.required and not given.get(known.name)]:
            raise InvalidPrompt(f"The prompt {self.name} needs its argument {missing[0]}")
        known = [argument.name for argument in self.arguments]
        if unknown := sorted(given.keys() - set(known)):
            takes = ", ".join(known) or "no arguments"
            raise InvalidPrompt(f"The prompt {self.name} takes {takes}, not {', '.join(unknown)[:100]}")

    def suggest(self, argument: str, typed: str) -> list[str]:
        """Values for *argument*; none for one that nobody can guess."""
        return list(self.completions.get(argument, lambda _: ())(typed))


def messages(value: Any) -> tuple[Message, ...]:  # noqa: ANN401  # what a prompt returned
    """What a prompt returned, as messages: a string or a content is what the user says."""
    if isinstance(value, str):
        return (Message("user", Text(value)),)
    if isinstance(value, Message):
        return (value,)
    if isinstance(value, get_args(Content)):
        return (Message("user", value),)
    return tuple(each for part in value for each in messages(part))


@overload
def prompt(function: Callable[..., Any], /) -> Prompt: ...
@overload
def prompt(*, name: str | None = None, title: str | None = None) -> Callable[[Callable[..., Any]], Prompt]: ...
def prompt(function: Callable[..., Any] | None = None, /, **options: Any) -> Any:
    """Make a prompt of a function that takes strings and returns a string, a content, or messages.

    Its name and docstring become name and description. A parameter annotated `Run` may ask the client something.
    """
    return _make(function) if function is not None else partial(_make, **options)


def _make(function: Callable[..., Any], *, name: str | None = None, title: str | None = None) -> Prompt:
    chosen = name or function.__name__
    description = inspect.getdoc(function)
    if not description:
        raise ValueError(f"prompt {chosen} needs a docstring: it is what people read to choose it")
    run_parameter = run_parameter_of(function)
    parameters = inspect.signature(function, eval_str=True).parameters.values()
    return Prompt(
        name=chosen,
        title=title or chosen.replace("_", " ").capitalize(),
        description=description,
        function=function,
        arguments=tuple(_argument(each) for each in parameters if each.name != run_parameter),
        run_parameter=run_parameter,
    )


def _argument(parameter: inspect.Parameter) -> Argument:
    annotation = parameter.annotation
    described = None
    if get_origin(annotation) is Annotated:
        found = [part.description for part in get_args(annotation)[1:] if isinstance(part, FieldInfo)]
        described, annotation = (found or [None])[0], get_args(annotation)[0]
    if annotation is not str:
        raise TypeError(f"prompt argument {parameter.name!r} must be a str: MCP knows no other")
    return Argument(parameter.name, described, parameter.default is parameter.empty)
