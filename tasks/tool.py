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
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol, TypedDict, overload

from storage.records import Principal
from storage.states import Level
from tasks.result import Content, Image, Link, Text
from tasks.schema import Arguments, Output
from tasks.settings import ToolSettings

if TYPE_CHECKING:
    from mypy_boto3_bedrock_runtime import BedrockRuntimeClient
    from mypy_boto3_ecs import ECSClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_s3 import S3Client

__all__ = ["Annotations", "Cancelled", "Image", "Level", "Link", "Run", "Text", "Tool", "ToolError", "tool"]

DEFAULT_QUEUE: Final = "default"
DEFAULT_TIMEOUT: Final = timedelta(minutes=5)
_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,128}")


class ToolError(Exception):
    """A failure to tell the caller: its text becomes the result, so say what is wrong and what would be right."""


class Cancelled(BaseException):
    """The run must end now: its caller left, cancelled it, or its time is over. Let it pass; clean up in `finally`."""


class Annotations(TypedDict, total=False):
    """MCP's hints to clients; `readOnlyHint` or `idempotentHint` also lets a run start again after a worker died."""

    readOnlyHint: bool
    destructiveHint: bool
    idempotentHint: bool
    openWorldHint: bool


class Run(Protocol):
    """One execution of a tool, seen from inside. Every method may be called from any thread."""

    @property
    def id(self) -> str:
        """Unguessable; the same for every attempt."""
        ...

    @property
    def attempt(self) -> int:
        """1 for the first; more after a worker died."""
        ...

    @property
    def principal(self) -> Principal: ...

    @property
    def settings(self) -> ToolSettings: ...

    @property
    def cancelled(self) -> bool:
        """Whether the run has been asked to stop."""
        ...

    def check(self) -> None:
        """Raise Cancelled if the run has been asked to stop; for loops that report nothing."""
        ...

    def sleep(self, duration: timedelta) -> None:
        """Wait, or raise Cancelled as soon as the run is asked to stop."""
        ...

    def progress(self, done: float, total: float | None = None, message: str = "", data: Any = None) -> None:  # noqa: ANN401  # any JSON
        """Tell the client how far the run is and, in *data*, what the step made (JSON).

        Sent at once; when a tool makes more than 40 a second only the newest of each moment is sent. A number that
        is not higher than the last is not sent. Raises Cancelled.
        """
        ...

    def emit(self, text: str) -> None:
        """Stream a piece of text. Pieces may be joined, none is lost. Raises Cancelled."""
        ...

    def log(self, level: Level, message: str, **data: Any) -> None:  # noqa: ANN401  # any JSON
        """Send a log message to clients that asked for the *level*. Raises Cancelled."""
        ...

    def checkpoint(self, value: Any) -> None:  # noqa: ANN401  # any JSON
        """Keep *value* (JSON) so that a later attempt can `resume` from it. Raises Cancelled."""
        ...

    def resume(self) -> Any:  # noqa: ANN401  # any JSON
        """What an earlier attempt kept last; None on the first."""
        ...

    def attach(self, content: Content) -> None:
        """Add text, a link or an image to the result, beside the value the tool returns."""
        ...

    @overload
    def aws(self, service: Literal["ecs"]) -> "ECSClient": ...
    @overload
    def aws(self, service: Literal["logs"]) -> "CloudWatchLogsClient": ...
    @overload
    def aws(self, service: Literal["s3"]) -> "S3Client": ...
    @overload
    def aws(self, service: Literal["bedrock-runtime"]) -> "BedrockRuntimeClient": ...
    @overload
    def aws(self, service: str) -> Any: ...  # noqa: ANN401  # boto3 makes clients at run time
    def aws(self, service: str) -> Any:
        """A boto3 client of *service*, made once per run; its open connections are closed on cancel."""
        ...


@dataclass(frozen=True, kw_only=True)
class Tool:
    """A function that clients may call, and how it is run."""

    name: str
    title: str
    description: str
    function: Callable[..., Any]
    arguments: Arguments
    output: Output
    annotations: Annotations
    scopes: tuple[str, ...]
    timeout: timedelta
    queue: str
    inline: bool
    keep: timedelta | None
    max_attempts: int
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
) -> Callable[[Callable[..., Any]], Tool]: ...
def tool(function: Callable[..., Any] | None = None, /, **options: Any) -> Any:
    """Make a tool of a plain function or a coroutine function.

    Its name, docstring and annotations become name, description and JSON Schema. A parameter annotated `Run` (or the
    first, when it is called `run`) receives the run; callers give the others, under their alias if they have one.

    *title* is for people (made from the name otherwise); *annotations* are MCP's hints; *scopes* are what a caller's
    token must hold; *timeout* (timedelta or seconds) ends a run that takes longer; *queue* picks the worker pool;
    *inline* runs the tool in the web process, for answers that take no time; *keep* lets the result be read again
    under the run's id; *max_attempts* bounds the tries after workers that died.
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
) -> Tool:
    chosen = name or function.__name__
    if not _NAME.fullmatch(chosen):
        raise ValueError(f"{chosen!r} is not a tool name: use 1 to 128 of A-Z a-z 0-9 _ - .")
    description = inspect.getdoc(function)
    if not description:
        raise ValueError(f"tool {chosen} needs a docstring: it is what a model reads to decide when to call it")
    run_parameter = _run_parameter(function)
    return Tool(
        name=chosen,
        title=title or chosen.replace("_", " ").capitalize(),
        description=description,
        function=function,
        arguments=Arguments(function, skip=run_parameter),
        output=Output(function),
        annotations=annotations or {},
        scopes=tuple(scopes),
        timeout=timeout if isinstance(timeout, timedelta) else timedelta(seconds=timeout),
        queue=queue,
        inline=inline,
        keep=keep,
        max_attempts=max_attempts,
        run_parameter=run_parameter,
    )


def _run_parameter(function: Callable[..., Any]) -> str | None:
    parameters = list(inspect.signature(function, eval_str=True).parameters.values())
    for parameter in parameters:
        if parameter.annotation is Run:
            return parameter.name
    return "run" if parameters and parameters[0].name == "run" else None
