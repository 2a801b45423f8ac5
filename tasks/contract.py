"""What a tool may do while it runs."""

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal, Protocol, overload

from storage.records import Principal
from storage.states import Level
from tasks.ask import Answer, Elicitation, Elicited, Question, Root, Roots, Sampled, Sampling, UrlElicitation
from tasks.result import Content
from tasks.settings import ToolSettings

if TYPE_CHECKING:
    from mypy_boto3_application_autoscaling import ApplicationAutoScalingClient
    from mypy_boto3_bedrock_runtime import BedrockRuntimeClient
    from mypy_boto3_cloudtrail import CloudTrailClient
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ecr import ECRClient
    from mypy_boto3_ecs import ECSClient
    from mypy_boto3_elbv2 import ElasticLoadBalancingv2Client
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_s3 import S3Client


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
    def shows_ui(self) -> bool:
        """Whether the client shows the page of a tool (`@tool(ui=...)`): then a picture of the same is one too many."""
        ...

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

        Sent at once; when a tool makes more than 40 a second only the newest of each moment is sent, and all that
        have *data*. A number that is not higher than the last is not sent. Raises Cancelled.
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

    @overload
    def ask(self, question: Elicitation | UrlElicitation, *, key: str | None = None) -> Elicited: ...
    @overload
    def ask(self, question: Sampling, *, key: str | None = None) -> Sampled: ...
    @overload
    def ask(self, question: Roots, *, key: str | None = None) -> tuple[Root, ...]: ...
    def ask(self, question: Question, *, key: str | None = None) -> Answer:
        """Ask the client and wait for the answer; the run's time limit does not count the wait.

        *key* names the question within the run; without one it is numbered. A later attempt that comes to the same
        key gets the answer an earlier one got. Raises Unsupported when the client does not take such questions,
        Unanswered when it does not answer within `MCP_ASK_TIMEOUT` or answers nonsense, and Cancelled.
        """
        ...

    def ask_all(self, questions: Mapping[str, Question]) -> dict[str, Answer]:
        """Ask several questions at once, each under its key, and wait for all answers. Raises as `ask` does."""
        ...

    def changed(self, what: Literal["tools", "prompts", "resources"]) -> None:
        """Tell every client that listens, on any replica, that a list is another one now. Raises Cancelled."""
        ...

    def updated(self, uri: str) -> None:
        """Tell every client that subscribed to it that the resource at *uri* changed. Raises Cancelled."""
        ...

    def hang_up(self) -> None:
        """End the response's stream; the run goes on, and its client comes back for the rest by itself.

        For a run that will be silent for long, so that nobody holds a connection open for it. Clients that do not
        know how to come back (before 2025-11-25, and in 2026-07-28) keep their stream. Raises Cancelled.
        """
        ...

    def keep(self, name: str, value: Mapping[str, Any]) -> str:
        """Keep *value* (a JSON object) beside the result, as long as it and for whoever gets it; its URI is returned.

        It can be read when the run has ended well. ValueError for a name that is not a short word in lower case.
        """
        ...

    def attach(self, content: Content) -> None:
        """Add text, a link or an image to the result, beside the value the tool returns."""
        ...

    @overload
    def aws(self, service: Literal["ecs"], *, region: str | None = None) -> "ECSClient": ...
    @overload
    def aws(self, service: Literal["logs"], *, region: str | None = None) -> "CloudWatchLogsClient": ...
    @overload
    def aws(self, service: Literal["s3"], *, region: str | None = None) -> "S3Client": ...
    @overload
    def aws(self, service: Literal["bedrock-runtime"], *, region: str | None = None) -> "BedrockRuntimeClient": ...
    @overload
    def aws(
        self, service: Literal["application-autoscaling"], *, region: str | None = None
    ) -> "ApplicationAutoScalingClient": ...
    @overload
    def aws(self, service: Literal["cloudtrail"], *, region: str | None = None) -> "CloudTrailClient": ...
    @overload
    def aws(self, service: Literal["cloudwatch"], *, region: str | None = None) -> "CloudWatchClient": ...
    @overload
    def aws(self, service: Literal["ec2"], *, region: str | None = None) -> "EC2Client": ...
    @overload
    def aws(self, service: Literal["ecr"], *, region: str | None = None) -> "ECRClient": ...
    @overload
    def aws(self, service: Literal["elbv2"], *, region: str | None = None) -> "ElasticLoadBalancingv2Client": ...
    @overload
    def aws(self, service: str, *, region: str | None = None) -> Any: ...  # noqa: ANN401  # boto3 makes clients at run time
    def aws(self, service: str, *, region: str | None = None) -> Any:
        """A boto3 client of *service*, made once per run; its open connections are closed on cancel.

        *region* is another one than the worker's. A client may be used by several threads.
        """
        ...
