"""Who AWS takes us for: the worker's own credentials, or a role's."""

import re
from dataclasses import dataclass
from typing import Any, Final, cast

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from storage.records import Principal
from tasks.aws.access import Bounds
from tasks.aws.checks import QUICK
from tasks.aws.errors import explain
from tasks.aws.roles import session_name, session_tags
from tasks.aws.sessions import Assumption, in_role
from tasks.errors import ToolError
from tasks.settings import ToolSettings

_SESSION: Final = re.compile(r"arn:(aws[a-z-]*):sts::([0-9]{12}):assumed-role/([^/]+)/.*")


@dataclass(frozen=True, kw_only=True)
class Identity:
    """What STS said, and where the credentials came from."""

    arn: str
    account: str
    region: str
    source: str


def identity_of(settings: ToolSettings, *, role: str | None = None, caller: str = "operator") -> Identity:
    """Who we are for AWS; in *role*, assumed as a run does for *caller*. ToolError in one sentence."""
    try:
        own = boto3.Session(region_name=settings.aws_region)
        session = in_role(own, _assumption(settings, role, caller), _client) if role else own
        found = _client(session, "sts").get_caller_identity()
        credentials = session.get_credentials()
    except (BotoCoreError, ClientError) as error:
        raise ToolError(explain(error)) from error
    source = credentials.method if credentials else "none"
    return Identity(arn=found["Arn"], account=found["Account"], region=session.region_name or "", source=source or "")


def role_behind(arn: str) -> str:
    """Whom a trust policy names for the caller *arn*: of a session, the role; its path is not in the session's ARN."""
    found = _SESSION.fullmatch(arn)
    return f"arn:{found[1]}:iam::{found[2]}:role/{found[3]}" if found else arn


def _assumption(settings: ToolSettings, role: str, caller: str) -> Assumption:
    Bounds.of(settings).check_arn(role)
    principal = Principal(client_id="mcp-playground", issuer="local", subject=caller)
    return Assumption(role, session_name(principal), session_tags(principal))


def _client(session: boto3.Session, service: str) -> Any:  # noqa: ANN401  # boto3 makes clients at run time
    return cast("Any", session).client(service, config=QUICK)
