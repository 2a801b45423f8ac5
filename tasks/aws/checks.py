"""Whether AWS would let the tools work: cheap questions with short patience."""

from typing import Any, Final, cast

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from storage.checks import Check
from tasks.aws.errors import explain, kind_of
from tasks.settings import ToolSettings

QUICK: Final = Config(connect_timeout=3, read_timeout=8, retries={"mode": "standard", "total_max_attempts": 1})
OFF: Final = "off"


def check_aws(settings: ToolSettings) -> list[Check]:
    """Region, credentials and Bedrock. Without credentials the rest is not tried: the other tools need none."""
    session = boto3.Session(region_name=settings.aws_region)
    region = session.region_name
    found = [
        Check("AWS region", "ok", region)
        if region
        else Check("AWS region", "warn", "none", "set MCP_AWS_REGION, or AWS_DEFAULT_REGION, to use the aws_* tools")
    ]
    if session.get_credentials() is None:
        remedy = "give the worker a role, or set AWS_PROFILE, to use the aws_* tools"
        return [*found, Check("AWS credentials", "warn", "none", remedy)]
    if not region:
        return found
    credentials = _credentials(session)
    return [*found, credentials, *([_bedrock(session, settings)] if credentials.verdict == "ok" else [])]


def _credentials(session: boto3.Session) -> Check:
    try:
        identity: Any = cast("Any", session).client("sts", config=QUICK).get_caller_identity()
    except (BotoCoreError, ClientError) as error:
        return Check("AWS credentials", "fail", "not accepted", explain(error))
    return Check("AWS credentials", "ok", str(identity["Arn"]))


def _bedrock(session: boto3.Session, settings: ToolSettings) -> Check:
    """One token of an answer: the only question that proves the permission to converse with this very model."""
    model = settings.bedrock_model
    if model == OFF:
        return Check("Bedrock", "ok", "off: the rules speak alone")
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
