"""`aws_ecs`: what is wrong with an ECS task, from its state, its logs and its numbers."""

from datetime import timedelta
from typing import Annotated, Any

from pydantic import Field

from tasks.aws.access import check_arns
from tasks.tool import Run, Text, ToolError, tool
from tasks.tools.ecs.analysis import analyse
from tasks.tools.ecs.collect import Target, collect, restored
from tasks.tools.ecs.findings import Evidence, judge
from tasks.tools.ecs.shapes import Investigation, Seen, Task

Name = Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[A-Za-z0-9_:/-]+$")]


@tool(
    title="Investigate an ECS task",
    scopes=("mcp:aws",),
    annotations={"readOnlyHint": True, "openWorldHint": True},
    timeout=timedelta(minutes=10),
)
def aws_ecs(
    run: Run,
    ecs_cluster: Annotated[Name, Field(alias="ecsCluster", description="name or ARN of the cluster")],
    ecs_task_arn: Annotated[
        Name | None, Field(alias="ecsTaskArn", description="ARN or id of the task; or give ecsService")
    ] = None,
    ecs_service: Annotated[
        Name | None,
        Field(
            alias="ecsService", description="name of a service: its latest stopped task, or else a running one, is read"
        ),
    ] = None,
    window_minutes: Annotated[
        int,
        Field(
            alias="windowMinutes", ge=1, le=1440, description="how far back from now, or from its stop, logs are read"
        ),
    ] = 30,
    analyze: Annotated[bool, Field(description="whether a Bedrock model writes the analysis")] = True,  # noqa: FBT002
) -> Investigation:
    """Investigate an ECS task: state, service events, application logs, CPU and memory, findings, and an analysis.

    The analysis streams as it is written. What cannot be read is said, and the rest is still judged.
    """
    if not (ecs_task_arn or ecs_service):
        raise ToolError("Say which task to look into: give ecsTaskArn, or ecsService for the latest task of a service.")
    check_arns(run.settings, ecs_cluster, ecs_task_arn, ecs_service)
    window = timedelta(minutes=window_minutes)
    found = restored(run)
    if found is None:
        found = collect(run, Target(cluster=ecs_cluster, task=ecs_task_arn, service=ecs_service, window=window))
        run.checkpoint(found.plain())
    findings = judge(Evidence(found.task, found.service, found.samples, found.logs))
    seen = Seen(
        cluster=found.cluster,
        service=found.service,
        task=found.task,
        cloudwatchLogs=found.samples,
        applicationLogs=found.logs,
        sections=found.sections.all,
    )
    found.sections.step(f"{len(findings)} findings; writing the analysis")
    analysis, analyst = analyse(run, seen, findings, model=run.settings.bedrock_model if analyze else None)
    run.attach(Text(analysis))
    return {
        **seen,
        "analysis": analysis,
        "analyst": analyst,
        "findings": findings,
        "window": {"start": found.window[0].isoformat(), "end": found.window[1].isoformat()},
        "consoleLink": _console(found.cluster, found.task),
    }


def _console(cluster: dict[str, Any], task: Task | None) -> str:
    region = cluster["clusterArn"].split(":")[3]
    below = f"tasks/{task['taskArn'].rpartition('/')[2]}" if task else "services"
    return f"https://{region}.console.aws.amazon.com/ecs/v2/clusters/{cluster['clusterName']}/{below}?region={region}"
