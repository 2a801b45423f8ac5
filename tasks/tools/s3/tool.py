"""Buckets and their objects: one that cannot be read does not spoil the rest."""

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, NotRequired

from botocore.exceptions import BotoCoreError, ClientError
from pydantic import Field
from typing_extensions import TypedDict

from tasks.aws.errors import explain
from tasks.tool import Run, ToolError, tool

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

MOST_BUCKETS: Final = 100
MOST_OBJECTS: Final = 1000
"""Objects listed of one bucket."""
MOST_IN_ALL: Final = 5000


class S3Object(TypedDict):
    key: str
    lastModified: str
    size: int
    storageClass: NotRequired[str]
    owner: NotRequired[str]


class Bucket(TypedDict):
    name: str
    creationDate: NotRequired[str]
    objects: NotRequired[list[S3Object]]
    truncated: NotRequired[Annotated[bool, Field(description="whether the bucket may have more objects than these")]]
    error: NotRequired[Annotated[str, Field(description="why this bucket could not be listed")]]


class Buckets(TypedDict):
    buckets: list[Bucket]
    truncated: Annotated[bool, Field(description="whether there are more buckets than are listed")]


@tool(
    title="List S3 buckets and objects",
    scopes=("mcp:aws",),
    annotations={"readOnlyHint": True, "openWorldHint": True},
    timeout=120,
)
def aws_s3(
    run: Run,
    operation: Annotated[Literal["listBuckets", "listObjects"], Field(description="what to list")],
    bucket_prefix: Annotated[
        str, Field(alias="bucketPrefix", max_length=63, description="only buckets whose name begins with this")
    ] = "",
    key_prefix: Annotated[
        str, Field(alias="keyPrefix", max_length=1024, description="for listObjects: only keys that begin with this")
    ] = "",
) -> Buckets:
    """List S3 buckets, or the objects of the buckets whose name begins with a prefix."""
    s3 = run.aws("s3")
    try:
        found = list(islice(_buckets(run, s3, bucket_prefix), MOST_BUCKETS + 1))
    except (BotoCoreError, ClientError) as error:
        raise ToolError(explain(error)) from error
    buckets, truncated = found[:MOST_BUCKETS], len(found) > MOST_BUCKETS
    run.progress(1, len(buckets) + 1, f"found {len(buckets)} buckets")
    if operation == "listObjects":
        if not buckets:
            raise ToolError(_no_bucket(bucket_prefix))
        _fill(run, s3, buckets, key_prefix)
    return {"buckets": buckets, "truncated": truncated}


def _no_bucket(prefix: str) -> str:
    if prefix:
        return f"No bucket's name begins with {prefix!r}: listBuckets without bucketPrefix shows the names there are."
    return "The worker's AWS account has no buckets: there are no objects to list."


def _buckets(run: Run, s3: "S3Client", prefix: str) -> Iterator[Bucket]:
    """Page by page. The prefix is checked here too: not every S3 knows the parameter."""
    paginator = s3.get_paginator("list_buckets")
    for page in paginator.paginate(Prefix=prefix) if prefix else paginator.paginate():
        run.check()
        for each in page.get("Buckets", []):
            bucket: Bucket = {"name": each.get("Name", "")}
            if created := each.get("CreationDate"):
                bucket["creationDate"] = created.isoformat()
            if bucket["name"].startswith(prefix):
                yield bucket


def _fill(run: Run, s3: "S3Client", buckets: list[Bucket], prefix: str) -> None:
    left = MOST_IN_ALL
    for done, bucket in enumerate(buckets, 2):
        run.check()
        try:
            limit = min(MOST_OBJECTS, left)
            objects = list(islice(_objects(run, s3, bucket["name"], prefix), limit + 1)) if limit else []
        except (BotoCoreError, ClientError) as error:
            bucket["error"] = explain(error)
            message = f"{bucket['name']}: {bucket['error']}"
        else:
            bucket["objects"] = objects[:limit]
            bucket["truncated"] = len(objects) > limit or not limit
            left -= len(bucket["objects"])
            message = f"{bucket['name']}: {len(bucket['objects'])} objects"
        run.progress(done, len(buckets) + 1, message)


def _objects(run: Run, s3: "S3Client", bucket: str, prefix: str) -> Iterator[S3Object]:
    # boto3 follows the redirect to a bucket's own region by itself.
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix, FetchOwner=True)
    for page in pages:
        run.check()
        for each in page.get("Contents", []):
            yield _object(each)


def _object(each: Any) -> S3Object:  # noqa: ANN401  # boto3's shapes
    made: S3Object = {"key": each["Key"], "lastModified": each["LastModified"].isoformat(), "size": each["Size"]}
    if "StorageClass" in each:
        made["storageClass"] = each["StorageClass"]
    owner = each.get("Owner", {})
    if name := owner.get("DisplayName") or owner.get("ID"):
        made["owner"] = name
    return made
