"""The tool API: all that a tool module needs.

from tasks.tool import Run, tool

@tool(timeout=timedelta(minutes=5), annotations={"readOnlyHint": True})
def countdown(run: Run, start: int) -> str:
\"\"\"Count down from *start* to zero, reporting progress on the way.\"\"\"
for done in range(start):
run.progress(done, start, f"{start - done}...")
return "lift-off"
"""

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, Final, Literal, TypedDict, overload

from storage.states import Level
from tasks.ask import Elicitation, Elicited, Roots, Sampling, UrlElicitation
from tasks.contract import Run
from tasks.errors import Cancelled, ProtocolError, ToolError, Unanswered, Unsupported
from tasks.result import Audio, Embedded, Image, Link, Text
from tasks.schema import Arguments, GivenArguments, Output

__all__ = [
    "Annotations",
    "Audio",
    "Cancelled",
    "Elicitation",
    "Elicited",
    "Embedded",
    "Image",
    "Level",
    "Link",
    "ProtocolError",
    "Roots",
    "Run",
    "Sampling",
    "Text",
    "Tool",
    "ToolError",
    "Unanswered",
    "Unsupported",
    "UrlElicitation",
    "tool",
]

DEFAULT_QUEUE: Final = "default"
DEFAULT_TIMEOUT: Final = timedelta(minutes=5)
UI_SCHEME: Final = "ui://"
"""How the URI of a page begins (MCP Apps: UI resource format)."""
TaskPolicy = Literal["never", "slow", "always", "required"]
_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,128}")


class Annotations(TypedDict, total=False):
    """MCP's hints to clients; `readOnlyHint` or `idempotentHint` also lets a run start again after a worker died."""

    readOnlyHint: bool
    destructiveHint: bool
    idempotentHint: bool
    openWorldHint: bool


@dataclass(frozen=True, kw_only=True)
class Tool:
    """A function that clients may call, and how it is run."""

    name: str
    title: str
    description: str
    function: Callable[..., Any]
    arguments: Arguments | GivenArguments
    output: Output
    annotations: Annotations
    scopes: tuple[str, ...]
    timeout: timedelta
    queue: str
    inline: bool
    keep: timedelta | None
    max_attempts: int
    task: TaskPolicy
    task_after: timedelta | None
    ui: str | None
    run_parameter: str | None

    @property
    def rerun(self) -> bool:
        """Whether a second attempt does no harm."""
        return bool(self.annotations.get("readOnlyHint") or self.annotations.get("idempotentHint"))

    @property
    def is_coroutine(self) -> bool:
        return inspect.iscoroutinefunction(self.function)

    def call(self, run: Run, arguments: Mapping[str, Any]) -> Any:  # noqa: ANN401  # what the tool returns
        """Call the function; a coroutine function's answer is still to be awaited."""
        given = {self.run_parameter: run} if self.run_parameter else {}
        return self.function(**given, **arguments)


@overload
def tool(function: Callable[..., Any], /) -> Tool: ...
@overload
def tool(
    *,
    name: str | None = None,
    title: str | None = None,
    annotations: Annotations | None = None,
    scopes: Sequence[str] = (),
    timeout: timedelta | float = DEFAULT_TIMEOUT,
    queue: str = DEFAULT_QUEUE,
    inline: bool = False,
    keep: timedelta | None = None,
    max_attempts: int = 3,
    task: TaskPolicy = "slow",
    task_after: timedelta | float | None = None,
    input_schema: Mapping[str, Any] | None = None,
    ui: str | None = None,
) -> Callable[[Callable[..., Any]], Tool]: ...
def tool(function: Callable[..., Any] | None = None, /, **options: Any) -> Any:
    """Make a tool of a plain function or a coroutine function.

    Its name, docstring and annotations become name, description and JSON Schema. A parameter annotated `Run` (or the
    first, when it is called `run`) receives the run; callers give the others, under their alias if they have one.

    *title* is for people (made from the name otherwise); *annotations* are MCP's hints; *scopes* are what a caller's
    token must hold; *timeout* (timedelta or seconds) ends a run that takes longer; *queue* picks the worker pool;
    *inline* runs the tool in the web process, for answers that take no time; *keep* lets the result be read again
    under the run's id; *max_attempts* bounds the tries after workers that died; *task* says when a call becomes a task
    for clients that take tasks (`never`; `slow`: after *task_after*, else `MCP_TASK_AFTER`; `always`: at once;
    `required`: at once, and other clients may not call it); *input_schema* (JSON Schema 2020-12) takes the place of
    the one made from annotations, for a function that takes `**arguments`; *ui* is the URI (`ui://...`) of the resource
    that shows the results, where clients show pages (MCP Apps): the others read the result as ever.
    """
    if function is not None:
        return _make(function)
    return partial(_make, **options)


def _make(  # noqa: PLR0913  # these are the decorator's options
    function: Callable[..., Any],
    *,
    name: str | None = None,
    title: str | None = None,
    annotations: Annotations | None = None,
    scopes: Sequence[str] = (),
    timeout: timedelta | float = DEFAULT_TIMEOUT,
    queue: str = DEFAULT_QUEUE,
    inline: bool = False,
    keep: timedelta | None = None,
    max_attempts: int = 3,
    task: TaskPolicy = "slow",
    task_after: timedelta | float | None = None,
    input_schema: Mapping[str, Any] | None = None,
    ui: str | None = None,
) -> Tool:
    chosen = name or function.__name__
    if not _NAME.fullmatch(chosen):
        raise ValueError(f"{chosen!r} is not a tool name: use 1 to 128 of A-Z a-z 0-9 _ - .")
    description = inspect.getdoc(function)
    if not description:
        raise ValueError(f"tool {chosen} needs a docstring: it is what a model reads to decide when to call it")
    if ui is not None and not ui.startswith(UI_SCHEME):
        raise ValueError(f"tool {chosen} names the page {ui!r}: its URI must begin with {UI_SCHEME}")
    run_parameter = run_parameter_of(function)
    return Tool(
        name=chosen,
        title=title or chosen.replace("_", " ").capitalize(),
        description=description,
        function=function,
        arguments=GivenArguments(input_schema) if input_schema else Arguments(function, skip=run_parameter),
        output=Output(function),
        annotations=annotations or {},
        scopes=tuple(scopes),
        timeout=timeout if isinstance(timeout, timedelta) else timedelta(seconds=timeout),
        queue=queue,
        inline=inline,
        keep=keep,
        max_attempts=max_attempts,
        task=task,
        task_after=timedelta(seconds=task_after) if isinstance(task_after, int | float) else task_after,
        ui=ui,
        run_parameter=run_parameter,
    )


def run_parameter_of(function: Callable[..., Any]) -> str | None:
    """The parameter that receives the run, if there is one."""
    parameters = list(inspect.signature(function, eval_str=True).parameters.values())
    for parameter in parameters:
        if parameter.annotation is Run:
            return parameter.name
    return "run" if parameters and parameters[0].name == "run" else None
