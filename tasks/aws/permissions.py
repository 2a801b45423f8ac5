"""What each tool needs to be allowed: the one table that policies are printed from and refusals are explained by."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

Document = dict[str, Any]
"""A policy, as JSON."""

MODELS: Final = ("arn:aws:bedrock:*::foundation-model/*", "arn:aws:bedrock:*:*:inference-profile/*")


@dataclass(frozen=True, kw_only=True)
class Permission:
    """*tool* calls *operation*, which needs *action* on *resources*."""

    tool: str
    operation: str
    action: str
    why: str
    resources: tuple[str, ...] = ("*",)
    any_region: bool = False
    """Whether AWS may do the work in a region of its own choice."""


def _of(service: str, operation: str, why: str, *, tool: str = "investigate_ecs_service") -> Permission:
    return Permission(tool=tool, operation=operation, action=f"{service}:{operation}", why=why)


PERMISSIONS: Final[tuple[Permission, ...]] = (
    Permission(tool="aws_s3", operation="ListBuckets", action="s3:ListAllMyBuckets", why="the buckets there are"),
    Permission(
        tool="aws_s3",
        operation="ListObjectsV2",
        action="s3:ListBucket",
        why="the objects of a bucket",
        resources=("arn:aws:s3:::*",),
    ),
    Permission(
        tool="aws_s3",
        operation="HeadBucket",
        action="s3:ListBucket",
        why="where a bucket is",
        resources=("arn:aws:s3:::*",),
    ),
    Permission(
        tool="aws_s3",
        operation="HeadObject",
        action="s3:GetObject",
        why="what an object is",
        resources=("arn:aws:s3:::*/*",),
    ),
    Permission(
        tool="aws_s3",
        operation="GetObject",
        action="s3:GetObject",
        why="the text of an object, and links to it where MCP_S3_PRESIGN allows them",
        resources=("arn:aws:s3:::*/*",),
    ),
    _of("ecs", "DescribeClusters", "the cluster"),
    _of("ecs", "ListClusters", "the names there are, when the cluster is none of them"),
    _of("ecs", "DescribeServices", "the service: counts, events, deployments"),
    _of("ecs", "ListServices", "the names there are, when the service is none of them"),
    _of("ecs", "ListTasks", "the tasks of a service"),
    _of("ecs", "DescribeTasks", "the tasks: states, exit codes, reasons"),
    _of("ecs", "ListServiceDeployments", "what was deployed when"),
    _of("ecs", "DescribeServiceDeployments", "how that went: circuit breaker, alarms, rollbacks"),
    _of("ecs", "DescribeServiceRevisions", "which task definition each deployed"),
    _of("ecs", "DescribeTaskDefinition", "images, limits, ports, where containers log to, and what changed"),
    _of("ecr", "DescribeImages", "whether the images are there"),
    _of("elasticloadbalancing", "DescribeTargetGroups", "how the load balancer checks health"),
    _of("elasticloadbalancing", "DescribeTargetHealth", "what it finds"),
    _of("elasticloadbalancing", "DescribeLoadBalancers", "its security groups"),
    _of("ec2", "DescribeSecurityGroups", "whether the load balancer may reach the tasks"),
    _of("ec2", "DescribeSubnets", "the networks of the tasks"),
    _of("ec2", "DescribeRouteTables", "whether the tasks can reach AWS"),
    _of("ec2", "DescribeVpcEndpoints", "the same, without the internet"),
    _of("cloudwatch", "DescribeAlarms", "alarms of the service"),
    _of("cloudwatch", "GetMetricData", "CPU, memory, errors and latency"),
    _of("application-autoscaling", "DescribeScalableTargets", "how far the service may scale"),
    _of("application-autoscaling", "DescribeScalingActivities", "what scaling did"),
    _of("cloudtrail", "LookupEvents", "who changed the service"),
    _of("logs", "StartQuery", "application logs and Container Insights"),
    _of("logs", "GetQueryResults", "what a query found"),
    _of("logs", "StopQuery", "the end of a query when its caller leaves"),
    Permission(
        tool="investigate_ecs_service",
        operation="ConverseStream",
        action="bedrock:InvokeModelWithResponseStream",
        why="the analysis by a model",
        resources=MODELS,
        any_region=True,
    ),
    _of("logs", "StartQuery", "the search, by Logs Insights", tool="search_logs"),
    _of("logs", "GetQueryResults", "what a query found", tool="search_logs"),
    _of("logs", "StopQuery", "the end of a query when its caller leaves, or at its budget", tool="search_logs"),
    _of(
        "logs",
        "DescribeLogGroups",
        "groups by the beginning of their names, by ARN, and their class",
        tool="search_logs",
    ),
    _of("logs", "DescribeLogGroups", "the ARNs of log groups, and the names there are", tool="tail_logs"),
    _of("logs", "StartLiveTail", "lines as they are written", tool="tail_logs"),
    _of("logs", "FilterLogEvents", "lines by polling, where there is no Live Tail", tool="tail_logs"),
)


ALIASES: Final = {"aws_ecs": "investigate_ecs_service"}
"""Tools that are others under another name."""


def tools() -> list[str]:
    """The tools that need to be allowed anything, in the order of the table."""
    return [*dict.fromkeys(each.tool for each in PERMISSIONS), *ALIASES]


def needed_by(name: str) -> list[Permission]:
    """What the tool of this *name* needs."""
    return [each for each in PERMISSIONS if each.tool == ALIASES.get(name, name)]


def action_of(operation: str) -> str | None:
    """The action that AWS asks for when *operation* is called; None when the table does not know."""
    return next((each.action for each in PERMISSIONS if each.operation == operation), None)


def policy(names: Iterable[str], regions: Sequence[str] = ()) -> Document:
    """An IAM policy that allows the tools of these *names*, in *regions* if there are any, and nothing that writes."""
    wanted = list(dict.fromkeys(each for name in names for each in needed_by(name)))
    groups: dict[tuple[str, tuple[str, ...], bool], list[str]] = {}
    for each in wanted:
        groups.setdefault((each.tool, each.resources, each.any_region), []).append(each.action)
    # One name may have several statements; within a policy each must have a name of its own.
    statements = [
        _statement(f"{_title(tool)}{number}", actions, resources, () if anywhere else regions)
        for number, ((tool, resources, anywhere), actions) in enumerate(groups.items(), 1)
    ]
    return _document(statements)


def trust(principal: str) -> Document:
    """The trust policy of a role that *principal*, the worker's own role, works in for somebody."""
    return _document(
        [
            {
                "Sid": "ToolsWorkInThisRole",
                "Effect": "Allow",
                "Principal": {"AWS": principal},
                "Action": ["sts:AssumeRole", "sts:TagSession"],
            }
        ]
    )


def assuming(roles: Sequence[str]) -> Document:
    """What the worker's own role needs in order to work in *roles*."""
    return _document([_statement("WorkInRoles", ["sts:AssumeRole", "sts:TagSession"], roles, ())])


def _document(statements: list[Document]) -> Document:
    return {"Version": "2012-10-17", "Statement": statements}


def _statement(sid: str, actions: Sequence[str], resources: Sequence[str], regions: Sequence[str]) -> Document:
    made: Document = {"Sid": sid, "Effect": "Allow", "Action": sorted(set(actions)), "Resource": list(resources)}
    if regions:
        made["Condition"] = {"StringEquals": {"aws:RequestedRegion": list(regions)}}
    return made


def _title(tool: str) -> str:
    return "".join(word.capitalize() for word in tool.split("_"))
