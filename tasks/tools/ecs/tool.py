"""`investigate_ecs_service`: what is wrong with a service, since when, what changed, and the next command."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

from pydantic import Field

from tasks.aws.access import check_arns, is_arn
from tasks.aws.insights import Window
from tasks.aws.window import window_of
from tasks.tool import Run, ToolError, tool
from tasks.tools.ecs.answer import Investigation
from tasks.tools.ecs.investigate import investigate
from tasks.tools.ecs.older import Older, older
from tasks.tools.ecs.page import PAGE_URI
from tasks.tools.ecs.scene import Compare, Depth, Request

LONGEST_WINDOW: Final = timedelta(days=1)
GIGABYTE: Final = 2**30
RECENT: Final = timedelta(minutes=10)
"""How long ago a window may have ended and still be told of as now."""
TIMEOUT: Final = timedelta(minutes=20)

Name = Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[A-Za-z0-9_:/-]+$")]
Moment = Annotated[str, Field(max_length=40, description="ISO 8601, with its zone: 2026-11-28T03:10:00Z")]


@tool(
    title="Investigate an ECS service",
    scopes=("mcp:aws",),
    annotations={"readOnlyHint": True, "openWorldHint": True},
    timeout=TIMEOUT,
    ui=PAGE_URI,
)
def investigate_ecs_service(  # noqa: PLR0913, PLR0917  # what an engineer may want to say
    run: Run,
    cluster: Annotated[Name, Field(description="name or ARN of the cluster")],
    service: Annotated[Name | None, Field(description="name or ARN of the service; or give task")] = None,
    task: Annotated[Name | None, Field(description="id or ARN of one task, when it is about that one")] = None,
    window_minutes: Annotated[
        int, Field(alias="windowMinutes", ge=5, le=1440, description="how far back from end it is looked")
    ] = 60,
    start: Annotated[Moment | None, Field(description="instead of windowMinutes")] = None,
    end: Annotated[Moment | None, Field(description="now, when it is not given")] = None,
    symptoms: Annotated[
        str | None, Field(max_length=500, description="what somebody noticed, in their words; for the analysis")
    ] = None,
    containers: Annotated[
        list[Name] | None, Field(max_length=10, description="only the logs of these containers")
    ] = None,
    depth: Annotated[
        Depth, Field(description="quick: no log counts, scaling or CloudTrail; deep: up to 1,000,000 log lines")
    ] = "standard",
    analyze: Annotated[bool, Field(description="whether a Bedrock model explains the findings")] = True,  # noqa: FBT002
    max_scan_gb: Annotated[
        float, Field(alias="maxScanGb", ge=0.1, le=1000, description="log data that may be scanned, which is billed")
    ] = 10,
    compare_to: Annotated[
        Compare, Field(alias="compareTo", description="the time that errors are new against: just before, or a day ago")
    ] = "previous",
) -> Investigation:
    """Find out what is wrong with an ECS service: what broke, since when, what changed, the evidence, the next command.

    Reads ECS, ECR, load balancer, network, alarms, metrics, scaling, CloudTrail and application logs side by side, and
    judges by rules; a model explains. Findings stream as they are made. What cannot be read is said. Reads only.
    """
    if not (service or task):
        raise ToolError("Say what to look into: give service, or task for one task.")
    check_arns(run.settings, cluster, service, task)
    window = _window(start, end, window_minutes)
    request = Request(
        cluster=_name(cluster, "cluster"),
        service=_name(service, "service", cluster) if service else None,
        task=_task(task, cluster) if task else None,
        window=window,
        past=datetime.now(UTC) - window[1] > RECENT,
        depth=depth,
        containers=tuple(containers or ()),
        symptoms=symptoms or "",
        analyze=analyze,
        budget=round(max_scan_gb * GIGABYTE),
        compare=compare_to,
    )
    return investigate(run, request)[0]


@tool(
    title="Investigate an ECS task",
    scopes=("mcp:aws",),
    annotations={"readOnlyHint": True, "openWorldHint": True},
    timeout=TIMEOUT,
)
def aws_ecs(
    run: Run,
    ecs_cluster: Annotated[Name, Field(alias="ecsCluster", description="name or ARN of the cluster")],
    ecs_task_arn: Annotated[
        Name | None, Field(alias="ecsTaskArn", description="ARN or id of the task; or give ecsService")
    ] = None,
    ecs_service: Annotated[Name | None, Field(alias="ecsService", description="name of a service")] = None,
    window_minutes: Annotated[int, Field(alias="windowMinutes", ge=1, le=1440, description="how far back")] = 30,
    analyze: Annotated[bool, Field(description="whether a Bedrock model explains the findings")] = True,  # noqa: FBT002
) -> Older:
    """Investigate an ECS task: `investigate_ecs_service` under its older name, with the task and its samples beside."""
    if not (ecs_task_arn or ecs_service):
        raise ToolError("Say which task to look into: give ecsTaskArn, or ecsService for the latest task of a service.")
    check_arns(run.settings, ecs_cluster, ecs_task_arn, ecs_service)
    request = Request(
        cluster=_name(ecs_cluster, "cluster"),
        service=_name(ecs_service, "service", ecs_cluster) if ecs_service else None,
        task=_task(ecs_task_arn, ecs_cluster) if ecs_task_arn else None,
        window=_window(None, None, window_minutes),
        analyze=analyze,
    )
    return older(*investigate(run, request))


def _window(start: str | None, end: str | None, minutes: int) -> Window:
    return window_of(start, end, timedelta(minutes=minutes), longest=LONGEST_WINDOW, now=datetime.now(UTC))


def _name(given: str, what: str, cluster: str = "") -> str:
    """The name in an ARN, or the name; ToolError for an ARN of something else, or in another cluster."""
    if not is_arn(given):
        return given
    service, _, _, resource = [*given.strip().split(":", 5), "", "", "", ""][2:6]
    kind, _, rest = resource.partition("/")
    where, _, name = rest.rpartition("/")
    if service != "ecs" or kind != what or not name:
        raise ToolError(f"{given[:200]!r} is not the ARN of an ECS {what}.")
    if cluster and where and where != _name(cluster, "cluster"):
        raise ToolError(f"The {what} {name!r} is in the cluster {where!r}, and not in {cluster[:200]!r}.")
    return name


def _task(given: str, cluster: str) -> str:
    """As it was given, once its ARN is seen to be that of a task in the cluster."""
    _name(given, "task", cluster)
    return given
