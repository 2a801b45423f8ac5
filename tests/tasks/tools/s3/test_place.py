"""Where a bucket is, and whose."""

from collections.abc import Callable

import boto3
import pytest

from tasks.settings import ToolSettings
from tasks.tool import ToolError
from tasks.tools.s3.place import find
from tests.stand_ins.aws import ACCOUNT, REGION, Aws
from tests.stand_ins.http import Handler
from tests.stand_ins.run import FakeRun

OTHER = "999999999999"
FAR = "eu-west-1"


def far_bucket(cloud: Aws) -> None:
    s3 = boto3.client("s3", region_name=FAR, endpoint_url=cloud.url)  # pyright: ignore[reportUnknownMemberType]
    s3.create_bucket(Bucket="far", CreateBucketConfiguration={"LocationConstraint": FAR})


def test_a_bucket_gets_a_client_of_its_own_region(cloud: Aws, run: FakeRun):
    """AWS, HeadBucket: the header says where it is."""
    far_bucket(cloud)
    cloud.client("s3").create_bucket(Bucket="near")

    far, near = find(run, "far"), find(run, "near")

    assert (far.region, far.s3.meta.region_name) == (FAR, FAR)
    assert near.s3 is run.aws("s3")


def test_a_region_that_is_not_allowed_is_refused(cloud: Aws):
    """Ours: MCP_AWS_REGIONS, in words."""
    far_bucket(cloud)

    with pytest.raises(ToolError, match=f"'{FAR}' is not allowed here: MCP_AWS_REGIONS lists {REGION}"):
        find(FakeRun(settings=ToolSettings(aws_regions=(REGION,))), "far")


def test_a_bucket_that_is_not_there_is_named(cloud: Aws, run: FakeRun):
    """Ours: S3 says 404 and nothing else."""
    with pytest.raises(ToolError, match="There is no bucket 'nowhere': listBuckets shows"):
        find(run, "nowhere")


def test_a_directory_bucket_is_refused(run: FakeRun):
    """AWS, S3 Express: those need sessions, which nothing here asks for."""
    with pytest.raises(ToolError, match="directory bucket"):
        find(run, "fast--use1-az4--x-s3")


def guarded(owner: str, asked: list[str]) -> type[Handler]:
    """A bucket of *owner* that nobody may list, in FAR."""

    class Guarded(Handler):
        def do_HEAD(self) -> None:
            expected = self.headers.get("x-amz-expected-bucket-owner", "")
            asked.append(expected)
            self.answer(200 if expected == owner else 403, b"", x_amz_bucket_region=FAR)

    return Guarded


def test_who_may_not_list_a_bucket_still_learns_its_region(run: FakeRun, answering: Callable[[type[Handler]], None]):
    """AWS, HeadBucket: the region is told whatever the permissions; reading one object may be allowed."""
    answering(guarded("somebody", []))

    assert find(run, "bucket").region == FAR


def test_a_bucket_must_belong_to_an_account_that_is_allowed(answering: Callable[[type[Handler]], None]):
    """AWS, bucket owner condition: S3 itself refuses, whatever the bucket's policy allows to everybody."""
    asked: list[str] = []
    answering(guarded(OTHER, asked))

    place = find(FakeRun(settings=ToolSettings(aws_accounts=(ACCOUNT, OTHER))), "bucket")

    assert asked == [ACCOUNT, OTHER]
    assert place.ask(Key="x") == {"Bucket": "bucket", "ExpectedBucketOwner": OTHER, "Key": "x"}


def test_a_bucket_of_nobody_we_know_is_refused(answering: Callable[[type[Handler]], None]):
    """Ours: with several accounts; with one, every later call carries it, and S3 refuses those."""
    answering(guarded("111111111111", []))

    with pytest.raises(ToolError, match="belongs to none of MCP_AWS_ACCOUNTS"):
        find(FakeRun(settings=ToolSettings(aws_accounts=(ACCOUNT, OTHER))), "bucket")
    place = find(FakeRun(settings=ToolSettings(aws_accounts=(ACCOUNT,))), "bucket")

    assert place.owner == {"ExpectedBucketOwner": ACCOUNT}
