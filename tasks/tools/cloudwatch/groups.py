"""Which log groups are meant: names, ARNs and prefixes of names, brought to names of one region."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from tasks.aws.access import check_arns, is_arn
from tasks.aws.insights import MOST_GROUPS
from tasks.tool import Run, ToolError

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_logs.type_defs import LogGroupTypeDef

NEAR: Final = 10
"""Names that are said when there is none of the name that was given."""
_NAME: Final = re.compile(r"[.\-_/#A-Za-z0-9]{1,512}")
_ARN: Final = re.compile(
    r"(?P<own>arn:aws[a-z-]{0,20}:logs:(?P<region>[a-z0-9-]{1,40}):(?P<account>\d{12}):log-group:"
    r"(?P<name>[.\-_/#A-Za-z0-9]{1,512}))(?::\*)?",
    re.ASCII,
)
_SEPARATORS: Final = "/-_.#"
_BROADER: Final = 3
"""How often a name is shortened by its last part in search of its neighbours."""


@dataclass(frozen=True, kw_only=True)
class Groups:
    names: tuple[str, ...]
    region: str


def resolve(run: Run, given: Sequence[str], region: str | None) -> Groups:
    """The groups that *given* names; ToolError says which of them is no log group, or not of here.

    An ARN decides the region. It is looked up: one of another account must not be taken for a group of this one that
    has its name.
    """
    check_arns(run.settings, *given)
    arns = [_parsed(each) for each in given if is_arn(each)]
    logs = run.aws("logs", region=_region([arn["region"] for arn in arns], region))
    for arn in arns:
        _check_own(logs, arn)
    names = [arn["name"] for arn in arns]
    for each in given:
        if not is_arn(each):
            names += _named(run, logs, each)
    found = tuple(dict.fromkeys(names))
    if len(found) > MOST_GROUPS:
        raise ToolError(f"logGroups are {len(found)} log groups in all; a query looks into at most {MOST_GROUPS}.")
    return Groups(names=found, region=logs.meta.region_name)


def check_patterns(run: Run, groups: Groups, preset: str) -> None:
    """ToolError when a group is of a class whose lines AWS finds no patterns in.

    A role that may not list groups is let through: AWS refuses the query itself then.
    """
    logs = run.aws("logs", region=groups.region)
    for name in groups.names:
        run.check()
        try:
            found = _described(logs, name)
        except (ClientError, BotoCoreError):
            run.check()
            return
        kind = "STANDARD" if found is None else found.get("logGroupClass", "STANDARD")
        if kind != "STANDARD":
            raise ToolError(
                f"preset {preset} needs log groups of the Standard class, and {name} is of the class {kind}: "
                f"use the preset errors or lines for it."
            )


def explain_missing(run: Run, groups: Groups) -> str | None:
    """A sentence about the first of *groups* that is not there, and what is near it; None when all are, or unknown."""
    logs = run.aws("logs", region=groups.region)
    try:
        for name in groups.names:
            run.check()
            if _described(logs, name) is None:
                return _none(logs, name)
    except (ClientError, BotoCoreError):
        run.check()
    return None


def _parsed(text: str) -> dict[str, str]:
    found = _ARN.fullmatch(text.strip())
    if found is None:
        raise ToolError(
            f"logGroups: {text[:100]!r} is not the ARN of a log group: "
            "that is arn:aws:logs:region:account:log-group:name."
        )
    return found.groupdict()


def _region(of_arns: Iterable[str], asked: str | None) -> str | None:
    regions = set(of_arns)
    if asked:
        regions.add(asked)
    if len(regions) > 1:
        raise ToolError(f"One search looks into one region; logGroups and region name {', '.join(sorted(regions))}.")
    return next(iter(regions), None)


def _check_own(logs: "CloudWatchLogsClient", arn: dict[str, str]) -> None:
    found = _described(logs, arn["name"])
    if found is None:
        raise ToolError(_none(logs, arn["name"]))
    if found.get("arn", "").removesuffix(":*") != arn["own"]:
        raise ToolError(
            f"The log group {arn['name']} of the account {arn['account']} cannot be searched from here: "
            "logGroups takes ARNs of the account that the tools work in."
        )


def _named(run: Run, logs: "CloudWatchLogsClient", given: str) -> list[str]:
    prefix = given.removesuffix("*")
    if not _NAME.fullmatch(prefix):
        raise ToolError(
            f"logGroups: {given[:100]!r} is not the name of a log group (letters, digits and . - _ / #), "
            "nor the beginning of one with a * after it."
        )
    if prefix == given:
        return [given]
    pages = logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=prefix)
    names = (each.get("logGroupName", "") for page in pages for each in page["logGroups"])
    found: list[str] = []
    for name in islice(names, MOST_GROUPS + 1):
        run.check()
        found.append(name)
    if len(found) > MOST_GROUPS:
        raise ToolError(f"More than {MOST_GROUPS} log groups begin with {prefix!r}: give a longer prefix, or names.")
    if not found:
        raise ToolError(f"No log group begins with {prefix!r}{_here(logs)}.{_near(logs, prefix)}")
    return found


def _described(logs: "CloudWatchLogsClient", name: str) -> "LogGroupTypeDef | None":
    """What is known of the group; None when there is none. Answers are sorted, so it would be the first."""
    for each in logs.describe_log_groups(logGroupNamePrefix=name, limit=1)["logGroups"]:
        if each.get("logGroupName") == name:
            return each
    return None


def _none(logs: "CloudWatchLogsClient", name: str) -> str:
    return f"There is no log group {name!r}{_here(logs)}.{_near(logs, name)}"


def _here(logs: "CloudWatchLogsClient") -> str:
    return f" in this account in {logs.meta.region_name}"


def _near(logs: "CloudWatchLogsClient", name: str) -> str:
    """A hint, so it may be refused."""
    prefix = name
    try:
        for _ in range(_BROADER):
            prefix = prefix[: max(prefix.rfind(each) for each in _SEPARATORS) + 1].rstrip(_SEPARATORS)
            if not prefix:
                break
            found = logs.describe_log_groups(logGroupNamePrefix=prefix, limit=NEAR)["logGroups"]
            if found:
                return f" Near it: {', '.join(each.get('logGroupName', '') for each in found)}."
    except (ClientError, BotoCoreError):
        pass
    return ""
