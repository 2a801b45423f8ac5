"""Buckets and objects: complete, or it says what is missing."""

import json
from typing import Any

import pytest
from moto.backends import get_backend

from tasks.schema import InvalidArguments
from tasks.tool import Cancelled, ToolError
from tasks.tools.s3.buckets import MOST_BUCKETS
from tasks.tools.s3.objects import MOST_OBJECTS
from tasks.tools.s3.tool import aws_s3
from tests.stand_ins.aws import ACCOUNT, CREDENTIALS, Aws
from tests.stand_ins.http import Handler, serving
from tests.stand_ins.run import FakeRun


def fill(cloud: Aws, bucket: str, *keys: str) -> None:
    cloud.client("s3").create_bucket(Bucket=bucket)
    backend: Any = get_backend("s3")[ACCOUNT]["global"]
    for key in keys:
        backend.put_object(bucket, key, b"12345")


def test_it_lists_buckets_that_begin_with_a_prefix(cloud: Aws, run: FakeRun):
    """Ours: names and dates, no objects."""
    for name in ("logs-a", "logs-b", "other"):
        fill(cloud, name)

    found = run.call(aws_s3, operation="listBuckets", bucketPrefix="logs-")

    assert [bucket["name"] for bucket in found["buckets"]] == ["logs-a", "logs-b"]
    assert all(bucket["creationDate"] and "objects" not in bucket for bucket in found["buckets"])
    assert found["truncated"] is False


def test_it_lists_the_objects_of_each_bucket_and_reports_each(cloud: Aws, run: FakeRun):
    """Ours: every field the output schema promises, and one step of progress per bucket."""
    fill(cloud, "logs-a", "2026/x.txt", "2026/y.txt", "2025/z.txt")
    fill(cloud, "logs-b")

    found = run.call(aws_s3, operation="listObjects", bucketPrefix="logs-", keyPrefix="2026/")

    first, second = found["buckets"]
    assert [each["key"] for each in first["objects"]] == ["2026/x.txt", "2026/y.txt"]
    assert first["objects"][0] | {"lastModified": "", "owner": ""} == {
        "key": "2026/x.txt",
        "lastModified": "",
        "size": 5,
        "storageClass": "STANDARD",
        "owner": "",
    }
    assert (first["truncated"], second["objects"], second["truncated"]) == (False, [], False)
    assert [message for _, _, message, _ in run.steps] == ["found 2 buckets", "logs-a: 2 objects", "logs-b: 0 objects"]
    assert [done for done, _, _, _ in run.steps] == [1, 2, 3]


def test_pages_are_followed_up_to_a_limit_that_is_named(cloud: Aws, run: FakeRun):
    """The predecessor read one page and said nothing."""
    fill(cloud, "exact", *(f"{number:05}" for number in range(MOST_OBJECTS)))
    fill(cloud, "large", *(f"{number:05}" for number in range(MOST_OBJECTS + 1)))

    exact, large = run.call(aws_s3, operation="listObjects")["buckets"]

    assert (len(large["objects"]), large["truncated"]) == (MOST_OBJECTS, True)
    assert (len(exact["objects"]), exact["truncated"]) == (MOST_OBJECTS, False)


def test_more_buckets_than_it_lists_are_mentioned(cloud: Aws, run: FakeRun):
    """Ours: an incomplete answer says so."""
    for number in range(MOST_BUCKETS + 1):
        fill(cloud, f"bucket-{number:03}")

    found = run.call(aws_s3, operation="listBuckets")

    assert (len(found["buckets"]), found["truncated"]) == (MOST_BUCKETS, True)


def test_a_bucket_that_may_not_be_read_does_not_spoil_the_rest(run: FakeRun, monkeypatch: pytest.MonkeyPatch):
    """The predecessor failed as a whole. The sentence names the missing permission."""

    class Guarded(Handler):
        """S3 with two buckets, one of them closed to us."""

        def do_GET(self) -> None:
            if self.path.startswith("/closed"):
                self.answer(403, b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>")
            elif self.path.startswith("/open"):
                self.answer(200, b"<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>")
            else:
                names = b"".join(b"<Bucket><Name>%s</Name></Bucket>" % name for name in (b"closed", b"open"))
                self.answer(200, b"<ListAllMyBucketsResult><Buckets>%s</Buckets></ListAllMyBucketsResult>" % names)

    with serving(Guarded) as url:
        for name, value in {**CREDENTIALS, "AWS_ENDPOINT_URL": url}.items():
            monkeypatch.setenv(name, value)
        closed, readable = run.call(aws_s3, operation="listObjects")["buckets"]

    assert "s3:ListBucket" in closed["error"]
    assert "objects" not in closed
    assert readable == {"name": "open", "objects": [], "truncated": False}


@pytest.mark.parametrize(("prefix", "words"), [("", "has no buckets"), ("zzz", "begins with 'zzz'")])
def test_objects_of_no_bucket_are_refused_clearly(cloud: Aws, run: FakeRun, prefix: str, words: str):
    """Ours: an empty answer could be taken for empty buckets."""
    with pytest.raises(ToolError, match=words):
        run.call(aws_s3, operation="listObjects", bucketPrefix=prefix)


def test_missing_credentials_are_explained(run: FakeRun, monkeypatch: pytest.MonkeyPatch):
    """Ours: the sentence says which variables to set."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "none")
    monkeypatch.setenv("AWS_CONFIG_FILE", "none")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")

    with pytest.raises(ToolError, match="AWS_ACCESS_KEY_ID"):
        run.call(aws_s3, operation="listBuckets")


def test_it_stops_when_asked(cloud: Aws, run: FakeRun):
    """Ours: cancellation reaches a tool that waits for AWS."""
    run.cancel()

    with pytest.raises(Cancelled):
        run.call(aws_s3, operation="listBuckets")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({}, "operation is required"),
        ({"operation": "dropBuckets"}, "operation"),
        ({"operation": "listBuckets", "bucket_prefix": "x"}, "bucket_prefix is unknown"),
        ({"operation": "listBuckets", "bucketPrefix": "x" * 64}, "bucketPrefix"),
        ({"operation": "listObjects", "keyPrefix": 7}, "keyPrefix"),
        (["listBuckets"], "must be a JSON object"),
    ],
)
def test_bad_input_is_refused_by_name(arguments: object, words: str):
    """MCP, tools: input is validated."""
    with pytest.raises(InvalidArguments, match=words):
        aws_s3.arguments.parse(json.dumps(arguments).encode())
