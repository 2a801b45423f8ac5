"""Whose credentials a run works with: the worker's own, or those of the role that its principal is mapped to."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import boto3
import botocore.session
from botocore.credentials import (
    CredentialProvider,
    CredentialResolver,
    DeferredRefreshableCredentials,
)

from storage.records import Principal
from tasks.aws.access import Bounds, NotAllowed
from tasks.aws.roles import role_of, session_name, session_tags
from tasks.settings import ToolSettings

METHOD: Final = "assume-role"

MakeClient = Callable[[boto3.Session, str], Any]


def open_session(settings: ToolSettings, principal: Principal | None, make: MakeClient) -> boto3.Session:
    """The session of one run for *principal*; *make* makes the STS client that asks for its role.

    NotAllowed when the region is not allowed, or when roles are set and none is for *principal*: the worker's own
    credentials are never what is left.
    """
    own = boto3.Session(region_name=settings.aws_region)
    if own.region_name:
        Bounds.of(settings).check_region(own.region_name)
    if not settings.aws_roles:
        return own
    role = role_of(settings.aws_roles, principal)
    if role is None or principal is None:
        raise NotAllowed(_no_role(principal))
    assumed = Assumption(role.arn, session_name(principal), session_tags(principal))
    return in_role(own, assumed, make)


@dataclass(frozen=True)
class Assumption:
    arn: str
    session: str
    tags: Sequence[Mapping[str, str]] = ()

    def ask(self, sts: Any) -> dict[str, str]:  # noqa: ANN401  # boto3 makes clients at run time
        """Credentials, as botocore's refreshable ones take them."""
        answer = sts.assume_role(RoleArn=self.arn, RoleSessionName=self.session, Tags=list(self.tags))["Credentials"]
        if answer["Expiration"] <= datetime.now(UTC):
            # A console shows what is local where an error was raised, and botocore logs this one.
            del answer
            raise NotAllowed("AWS gave credentials that had expired already: is the worker's clock right?")
        return {
            "access_key": answer["AccessKeyId"],
            "secret_key": answer["SecretAccessKey"],
            "token": answer["SessionToken"],
            "expiry_time": answer["Expiration"].isoformat(),
        }


def in_role(own: boto3.Session, assumed: Assumption, make: MakeClient) -> boto3.Session:
    """A session in a role. AWS is asked for it at the first call, and again before its credentials expire."""
    core = botocore.session.Session()
    core.register_component("credential_provider", CredentialResolver([_Provider(own, assumed, make)]))
    return boto3.Session(botocore_session=core, region_name=own.region_name)


class _Provider(CredentialProvider):
    METHOD = METHOD
    CANONICAL_NAME = "custom-assume-role"

    def __init__(self, own: boto3.Session, assumed: Assumption, make: MakeClient) -> None:
        super().__init__()
        self._own = own
        self._assumed = assumed
        self._make = make

    def load(self) -> DeferredRefreshableCredentials:
        sts = self._make(self._own, "sts")
        return DeferredRefreshableCredentials(lambda: self._assumed.ask(sts), METHOD)


def _no_role(principal: Principal | None) -> str:
    if principal is None:
        return "MCP_AWS_ROLES is set, and nobody is known here whose role it could be."
    who = f"{principal.issuer}|{principal.subject}, nor client:{principal.client_id}"
    return f"MCP_AWS_ROLES has no role for you: it lists neither {who}. Ask whoever runs this server for one."
