"""Which regions and accounts the tools may look into: asked before AWS is."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self, cast

from botocore.exceptions import BotoCoreError

from tasks.errors import ToolError
from tasks.settings import ToolSettings

_FREE_TEXT: Final = frozenset({"filterPattern", "logEventFilterPattern", "messages", "queryString", "system", "Tags"})
"""Parameters that are words and name nothing."""
_WITHOUT_REGION: Final = frozenset({"iam", "s3", "sts", "cloudfront", "route53", "organizations", "globalaccelerator"})
_WITHOUT_ACCOUNT: Final = frozenset({"s3", "bedrock", "ec2", "apigateway", "route53"})
"""Services whose ARNs may leave it out: what is named is of everybody, or of AWS."""
_OF_AWS: Final = "aws"


class NotAllowed(BotoCoreError):
    """Our settings refuse what AWS was to be asked. One of botocore's errors, so that tools take it as AWS's own."""

    fmt = "{sentence}"

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence=sentence)


@dataclass(frozen=True)
class Bounds:
    """The regions and accounts that are allowed; none means any."""

    regions: tuple[str, ...]
    accounts: tuple[str, ...]

    @classmethod
    def of(cls, settings: ToolSettings) -> Self:
        return cls(settings.aws_regions, settings.aws_accounts)

    def check_region(self, region: str) -> None:
        if self.regions and region not in self.regions:
            allowed = ", ".join(self.regions)
            raise NotAllowed(f"The AWS region {_shown(region)} is not allowed here: MCP_AWS_REGIONS lists {allowed}.")

    def check_account(self, account: str) -> None:
        if self.accounts and account not in self.accounts:
            raise NotAllowed(
                f"The AWS account {_shown(account)} is not allowed here: MCP_AWS_ACCOUNTS does not list it."
            )

    def check_arn(self, text: str) -> None:
        """NotAllowed when *text* is an ARN, or looks like one, of a region or account that is not allowed."""
        if not (self.regions or self.accounts) or not is_arn(text):
            return
        _, partition, service, region, account, *rest = [*text.strip().split(":", 5), *("",) * 5][:6]
        if not (partition and service and rest[0]):
            raise NotAllowed(f"{_shown(text)} is not an ARN: it is arn:partition:service:region:account:resource.")
        if region or service not in _WITHOUT_REGION:
            self.check_region(region)
        if account != _OF_AWS and (account or service not in _WITHOUT_ACCOUNT):
            self.check_account(account)

    def check_parameters(self, value: object) -> None:
        """NotAllowed when an ARN that is not allowed stands anywhere in the parameters of a call."""
        if isinstance(value, str):
            self.check_arn(value)
        elif isinstance(value, Mapping):
            for name, part in cast("Mapping[str, object]", value).items():
                if name not in _FREE_TEXT:
                    self.check_parameters(part)
        elif isinstance(value, list | tuple):
            for part in cast("list[object]", value):
                self.check_parameters(part)

    def guard(self, client: Any) -> None:  # noqa: ANN401  # boto3 makes clients at run time
        """Let *client* ask nothing beyond these bounds, whatever it is given and wherever it is redirected.

        What counts is the region that a request is signed for.
        """

        def check_parameters(params: object, **_: object) -> None:
            self.check_parameters(params)

        def check_region(request: Any, region_name: str | None, **_: object) -> None:  # noqa: ANN401
            # S3 follows a bucket to its own region, and says so here alone.
            self.check_region(request.context.get("signing", {}).get("region") or region_name or "")

        client.meta.events.register("provide-client-params", check_parameters)
        client.meta.events.register("before-sign", check_region)


def is_arn(text: str) -> bool:
    return text.lstrip().lower().startswith("arn:")


def check_arns(settings: ToolSettings, *given: str | None) -> None:
    """ToolError when one of the arguments *given* is an ARN of a region or account that is not allowed.

    For a tool to say so at once; clients refuse it too, when they are handed it.
    """
    bounds = Bounds.of(settings)
    try:
        for each in given:
            bounds.check_arn(each or "")
    except NotAllowed as error:
        raise ToolError(str(error)) from None


def _shown(text: str) -> str:
    return repr(re.sub(r"[^\x20-\x7e]", "?", text)[:100])
