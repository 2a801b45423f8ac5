"""Whether AWS would let the tools work: cheap questions with short patience."""

from typing import Any, Final, cast

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from storage.checks import Check
from tasks.aws.errors import explain, kind_of
from tasks.aws.roles import distinct
from tasks.settings import ToolSettings

QUICK: Final = Config(connect_timeout=3, read_timeout=8, retries={"mode": "standard", "total_max_attempts": 1})
OFF: Final = "off"
MOST_SHOWN: Final = 300
"""Characters of a list of roles."""


def check_aws(settings: ToolSettings) -> list[Check]:
    """Region, bounds, roles, credentials and Bedrock. Without credentials the rest is not tried."""
    session = boto3.Session(region_name=settings.aws_region)
    region = session.region_name
    found = [
        Check("AWS region", "ok", region)
        if region
        else Check("AWS region", "warn", "none", "set MCP_AWS_REGION, or AWS_DEFAULT_REGION, to use the aws_* tools")
    ]
    found += _bounds(settings, region)
    if session.get_credentials() is None:
        remedy = "give the worker a role, or set AWS_PROFILE, to use the aws_* tools"
        return [*found, Check("AWS credentials", "warn", "none", remedy)]
    if not region:
        return found
    credentials = _credentials(session, settings)
    return [*found, credentials, *([_bedrock(session, settings)] if credentials.verdict == "ok" else [])]


def _bounds(settings: ToolSettings, region: str | None) -> list[Check]:
    """What the settings allow, where they say so."""
    found: list[Check] = []
    if settings.aws_roles:
        arns = distinct(settings.aws_roles)
        words = f"{len(settings.aws_roles)} entries, {len(arns)} roles: {', '.join(arns)[:MOST_SHOWN]}"
        remedy = "mcp-playground aws whoami --as ARN tries one"
        found.append(Check("AWS roles", "ok", words, remedy))
    if settings.aws_regions:
        listed = ", ".join(settings.aws_regions)
        inside = region is None or region in settings.aws_regions
        remedy = "" if inside else f"add {region} to MCP_AWS_REGIONS, or set MCP_AWS_REGION to one of them"
        found.append(Check("AWS regions", "ok" if inside else "fail", f"{listed} only", remedy))
    if settings.aws_accounts:
        found.append(Check("AWS accounts", "ok", f"{', '.join(settings.aws_accounts)} only"))
    return found


def _credentials(session: boto3.Session, settings: ToolSettings) -> Check:
    try:
        identity: Any = cast("Any", session).client("sts", config=QUICK).get_caller_identity()
    except (BotoCoreError, ClientError) as error:
        return Check("AWS credentials", "fail", "not accepted", explain(error))
    found = str(identity["Arn"])
    if settings.aws_accounts and not settings.aws_roles and identity["Account"] not in settings.aws_accounts:
        remedy = f"add {identity['Account']} to MCP_AWS_ACCOUNTS: it is the account that tools work in"
        return Check("AWS credentials", "warn", found, remedy)
    return Check("AWS credentials", "ok", found)


def _bedrock(session: boto3.Session, settings: ToolSettings) -> Check:
    """One token of an answer: the only question that proves the permission to converse with this very model."""
    model = settings.bedrock_model
    if model == OFF:
        return Check("Bedrock", "ok", "off: the rules speak alone")
    if settings.aws_roles:
        return Check("Bedrock", "ok", f"{model}: asked in the roles of MCP_AWS_ROLES, so not tried here")
    client: Any = cast("Any", session).client("bedrock-runtime", config=QUICK)
    try:
        client.converse(
            modelId=model,
            messages=[{"role": "user", "content": [{"text": "Say ok."}]}],
            inferenceConfig={"maxTokens": 1},
        )
    except (BotoCoreError, ClientError) as error:
        remedy = "allow bedrock:InvokeModelWithResponseStream for it, or set MCP_BEDROCK_MODEL to another, or to off"
        verdict = "warn" if kind_of(error) != "throttled" else "ok"
        return Check("Bedrock", verdict, f"{model}: {explain(error)}", remedy if verdict == "warn" else "")
    return Check("Bedrock", "ok", model)
