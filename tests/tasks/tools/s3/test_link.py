"""Links to objects: only where the settings allow them, and no further than they say."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import boto3
import httpx2
import pytest
from pydantic import ValidationError

from tasks.settings import ToolSettings
from tasks.tool import ToolError
from tasks.tools.s3.tool import aws_s3
from tests.stand_ins.aws import Aws
from tests.stand_ins.calls import recorded
from tests.stand_ins.run import FakeRun

Put = Callable[..., None]
ALLOWED = ToolSettings(s3_presign=timedelta(seconds=90))


def ask(run: FakeRun, key: str = "a b/шоп.html", bucket: str = "shop") -> dict[str, str]:
    return run.call(aws_s3, operation="presignGet", bucket=bucket, key=key)["link"]


def test_without_the_setting_there_are_no_links(run: FakeRun, cloud: Aws, put: Put, monkeypatch: pytest.MonkeyPatch):
    """Ours: off until somebody wants them; nothing is even looked at."""
    put("x")

    with recorded(monkeypatch) as calls, pytest.raises(ToolError, match="MCP_S3_PRESIGN"):
        ask(run, "x")

    assert calls.operations == []


def test_a_link_reads_the_object_for_as_long_as_is_set(cloud: Aws, put: Put):
    """AWS, SigV4 query: whoever has it needs nothing else. A browser saves it and renders nothing (RFC 6266)."""
    put("a b/шоп.html", b"<script>", ContentType="text/html")
    run = FakeRun(settings=ALLOWED)

    found = ask(run)

    query = parse_qs(urlsplit(found["url"]).query)
    assert (query["X-Amz-Algorithm"], query["X-Amz-Expires"]) == (["AWS4-HMAC-SHA256"], ["90"])
    assert found["seconds"] == 90
    left = datetime.fromisoformat(found["expires"]) - datetime.now(UTC)
    assert timedelta(seconds=60) < left <= timedelta(seconds=90)
    answer = httpx2.get(found["url"])
    assert (answer.status_code, answer.content) == (200, b"<script>")
    assert answer.headers["content-disposition"] == "attachment"


def test_a_link_is_signed_for_the_region_of_its_bucket(cloud: Aws):
    """AWS, SigV4: a signature for another region is none."""
    far = boto3.client("s3", region_name="eu-west-1", endpoint_url=cloud.url)  # pyright: ignore[reportUnknownMemberType]
    far.create_bucket(Bucket="far", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    far.put_object(Bucket="far", Key="x", Body=b"x")

    found = ask(FakeRun(settings=ALLOWED), "x", "far")

    assert "/eu-west-1/s3/aws4_request" in parse_qs(urlsplit(found["url"]).query)["X-Amz-Credential"][0]


def test_the_signature_is_in_the_result_alone(cloud: Aws, put: Put):
    """Ours: progress and log messages, which clients keep, say that there is a link and not which."""
    put("x")
    run = FakeRun(settings=ALLOWED)

    found = ask(run, "x")

    [(level, words)] = run.logged
    assert (level, words) == ("notice", "made a link to 'x' in 'shop' that lasts 90 s")
    assert parse_qs(urlsplit(found["url"]).query)["X-Amz-Signature"][0] not in str(run.steps) + str(run.logged)


def test_what_is_not_there_or_archived_gets_no_link(cloud: Aws, put: Put):
    """Ours: a link that would fail is no answer."""
    put("cold", StorageClass="DEEP_ARCHIVE")

    with pytest.raises(ToolError, match="There is no object 'none'"):
        ask(FakeRun(settings=ALLOWED), "none")
    with pytest.raises(ToolError, match="must be restored first"):
        ask(FakeRun(settings=ALLOWED), "cold")


@pytest.mark.parametrize("seconds", [-1, 3601])
def test_a_link_lasts_an_hour_at_most(seconds: int):
    """Ours: the setting ends where a link is not short any more."""
    with pytest.raises(ValidationError):
        ToolSettings(s3_presign=timedelta(seconds=seconds))
