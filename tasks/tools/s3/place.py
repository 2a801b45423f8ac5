"""One bucket: the client of its own region, and whose it has to be."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from botocore.exceptions import BotoCoreError, ClientError

from tasks.aws.errors import explain
from tasks.tool import Run, ToolError
from tasks.tools.s3.words import shown

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

T = TypeVar("T")

_REGION: Final = "x-amz-bucket-region"
_FORBIDDEN: Final = 403
_NOT_FOUND: Final = 404
_ZONAL: Final = ("--x-s3", "--xa-s3")


@dataclass(frozen=True)
class Place:
    bucket: str
    s3: "S3Client"
    region: str | None = None
    owner: dict[str, str] = field(default_factory=dict[str, str])
    """Parameters by which S3 refuses every call when the bucket is somebody else's."""

    def ask(self, **more: Any) -> dict[str, Any]:  # noqa: ANN401  # boto3's parameters
        """The parameters of a call: this bucket, and *more*."""
        return {"Bucket": self.bucket, **self.owner, **more}


def client_in(run: Run, region: str | None) -> "S3Client":
    """ToolError when the settings do not allow the *region*. Without one boto3 follows a bucket to its own."""
    own = run.aws("s3")
    return own if region in (None, own.meta.region_name) else run.aws("s3", region=region)


def find(run: Run, bucket: str) -> Place:
    """Where the *bucket* is. ToolError when it is not there, not allowed, or somebody else's.

    HeadBucket is answered with the region whether or not one may look into the bucket (AWS, HeadBucket). With
    `MCP_AWS_ACCOUNTS` its owner must be one of them: any name may be asked for, and names are the whole world's.
    """
    if bucket.endswith(_ZONAL):
        raise ToolError(f"{shown(bucket)} is a directory bucket (S3 Express One Zone): aws_s3 does not read those.")
    own = run.aws("s3")
    owners = [{"ExpectedBucketOwner": account} for account in run.settings.aws_accounts] or [{}]
    region = None
    for owner in owners:
        run.check()
        status, told = _head(run, own, bucket, owner)
        region = region or told
        if status != _FORBIDDEN:
            return Place(bucket, client_in(run, region), region, owner)
    if len(owners) > 1:
        raise ToolError(
            f"The bucket {shown(bucket)} belongs to none of MCP_AWS_ACCOUNTS, or the worker's role needs the "
            "permission s3:ListBucket for it."
        )
    # Who may not list a bucket may still be allowed to read objects in it.
    return Place(bucket, client_in(run, region), region, owners[0])


def asking(run: Run, ask: Callable[[], T]) -> T:
    """What *ask* returns; ToolError says why AWS refused."""
    try:
        return ask()
    except (BotoCoreError, ClientError) as error:
        # A cancelled run closes its connections: that is no fact about AWS.
        run.check()
        raise ToolError(explain(error)) from error


def _head(run: Run, s3: "S3Client", bucket: str, owner: dict[str, str]) -> tuple[int, str | None]:
    """The status, 200 or 403, and the region. ToolError for any other."""
    try:
        answer: Any = s3.head_bucket(**cast("dict[str, Any]", {"Bucket": bucket, **owner}))
    except ClientError as error:
        answer = error.response
        status = answer["ResponseMetadata"]["HTTPStatusCode"]
        if status == _NOT_FOUND:
            raise ToolError(f"There is no bucket {shown(bucket)}: listBuckets shows those there are.") from error
        if status != _FORBIDDEN:
            raise ToolError(explain(error)) from error
    except BotoCoreError as error:
        run.check()
        raise ToolError(explain(error)) from error
    told = answer["ResponseMetadata"]
    return told["HTTPStatusCode"], told["HTTPHeaders"].get(_REGION)
