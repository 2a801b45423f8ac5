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


def _ecs(operation: str, why: str) -> Permission:
    return Permission(tool="aws_ecs", operation=operation, action=f"ecs:{operation}", why=why)


def _logs(operation: str, why: str) -> Permission:
    return Permission(tool="aws_ecs", operation=operation, action=f"logs:{operation}", why=why)


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
    _ecs("DescribeClusters", "the cluster"),
    _ecs("ListClusters", "the names there are, when the cluster is none of them"),
    _ecs("ListTasks", "the tasks of a service"),
    _ecs("DescribeTasks", "the task: states, exit codes, reasons, tags"),
    _ecs("DescribeServices", "the service: counts and events"),
    _ecs("DescribeTaskDefinition", "where containers log to"),
    _logs("StartQuery", "application logs and Container Insights"),
    _logs("GetQueryResults", "what a query found"),
    _logs("StopQuery", "the end of a query when its caller leaves"),
    Permission(
        tool="aws_ecs",
        operation="ConverseStream",
        action="bedrock:InvokeModelWithResponseStream",
        why="the analysis by a model",
        resources=MODELS,
        any_region=True,
    ),
)


def tools() -> list[str]:
    """The tools that need to be allowed anything, in the order of the table."""
    return list(dict.fromkeys(each.tool for each in PERMISSIONS))


def action_of(operation: str) -> str | None:
    """The action that AWS asks for when *operation* is called; None when the table does not know."""
    return next((each.action for each in PERMISSIONS if each.operation == operation), None)


def policy(names: Iterable[str], regions: Sequence[str] = ()) -> Document:
    """An IAM policy that allows the tools of these *names*, in *regions* if there are any, and nothing that writes."""
    wanted = [each for each in PERMISSIONS if each.tool in set(names)]
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
