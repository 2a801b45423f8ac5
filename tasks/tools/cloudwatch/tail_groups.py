"""Which log groups are meant: Live Tail takes ARNs, people have names."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from tasks.aws.access import check_arns, is_arn
from tasks.aws.errors import explain, kind_of
from tasks.redact import redact
from tasks.tool import Run, ToolError
from tasks.tools.cloudwatch.tail_shapes import Group

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient

ALIKE: Final = 8
"""Names that are offered instead of one that does not exist."""
_ARN_PARTS: Final = 7
_SHORTEST: Final = 3
"""Characters of a name's part that DescribeLogGroups looks for."""


def region_of(run: Run, groups: Sequence[str], region: str | None) -> str | None:
    """The region that is asked: *region*, or that of the ARNs among *groups*. ToolError when they do not agree."""
    check_arns(run.settings, *groups)
    regions = {region} if region else set[str]()
    for given in groups:
        if is_arn(given):
            parts = given.split(":")
            if len(parts) < _ARN_PARTS or parts[2] != "logs" or parts[5] != "log-group" or not parts[6]:
                example = "arn:aws:logs:us-east-1:123456789012:log-group:/app/web"
                raise ToolError(f"logGroups: {given!r} is not the ARN of a log group; it looks like {example}.")
            regions.add(parts[3])
    if len(regions) > 1:
        raise ToolError(f"logGroups: one call follows one region; these are in {', '.join(sorted(regions))}.")
    return next(iter(regions), None)


def find_groups(run: Run, logs: "CloudWatchLogsClient", given: Sequence[str]) -> tuple[tuple[Group, ...], str]:
    """The groups, and why the ARNs of some are not known, if so. ToolError for one that does not exist."""
    found: list[Group] = []
    why = ""
    for each in dict.fromkeys(given):
        if is_arn(each):
            arn = each.removesuffix(":*")
            found.append(Group(name=arn.split(":", 6)[6], arn=arn, by_arn=True))
            continue
        try:
            arn = None if why else _arn(logs, each)
        except (ClientError, BotoCoreError) as error:
            run.check()
            if kind_of(error) != "denied" or not isinstance(error, ClientError):
                raise ToolError(redact(explain(error))) from error
            # Names will do for polling.
            arn, why = None, redact(explain(error))
        found.append(Group(name=each, arn=arn))
    return tuple(found), why


def _arn(logs: "CloudWatchLogsClient", name: str) -> str:
    # Sorted by name: the group itself comes before those whose names only begin like it.
    page = logs.describe_log_groups(logGroupNamePrefix=name, limit=ALIKE)["logGroups"]
    for group in page:
        if group.get("logGroupName") == name:
            return (group.get("logGroupArn") or group.get("arn", "")).removesuffix(":*")
    names = [group.get("logGroupName", "") for group in page] or _alike(logs, name)
    there = f"There are: {', '.join(names)}." if names else "No other has a name like it."
    raise ToolError(f"logGroups: no log group is named {name!r} in {logs.meta.region_name}. {there}")


def _alike(logs: "CloudWatchLogsClient", name: str) -> list[str]:
    part = name.strip("/").rpartition("/")[2]
    if len(part) < _SHORTEST:
        return []
    page = logs.describe_log_groups(logGroupNamePattern=part, limit=ALIKE)["logGroups"]
    return [group.get("logGroupName", "") for group in page]
