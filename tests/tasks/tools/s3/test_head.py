"""What S3 says of one object without reading it."""

from collections.abc import Callable
from typing import Any

import pytest

from tasks.tool import ToolError
from tasks.tools.s3.head import archived
from tasks.tools.s3.tool import aws_s3
from tests.stand_ins.aws import REGION, Aws
from tests.stand_ins.http import Handler
from tests.stand_ins.run import FakeRun

Put = Callable[..., None]


def head(run: FakeRun, key: str) -> dict[str, Any]:
    return run.call(aws_s3, operation="headObject", bucket="shop", key=key)["object"]


def test_it_has_what_s3_knows_of_it(cloud: Aws, run: FakeRun, put: Put):
    """Ours: size, type, version, encryption, class, metadata and the number of tags."""
    cloud.client("s3").put_bucket_versioning(Bucket="shop", VersioningConfiguration={"Status": "Enabled"})
    put(
        "a/b.json",
        b"{}",
        ContentType="application/json; charset=utf-8",
        CacheControl="no-store",
        ServerSideEncryption="aws:kms",
        SSEKMSKeyId="arn:aws:kms:us-east-1:123456789012:key/1",
        StorageClass="STANDARD_IA",
        Metadata={"team": "shop"},
    )

    found = head(run, "a/b.json")

    assert found["versionId"]
    assert found["etag"]
    assert found["lastModified"]
    del found["versionId"], found["etag"], found["lastModified"]
    assert found == {
        "bucket": "shop",
        "key": "a/b.json",
        "region": REGION,
        "size": 2,
        "contentType": "application/json; charset=utf-8",
        "cacheControl": "no-store",
        "storageClass": "STANDARD_IA",
        "encryption": {"algorithm": "aws:kms", "kmsKeyId": "arn:aws:kms:us-east-1:123456789012:key/1"},
        "metadata": {"team": "shop"},
    }


def test_what_its_owner_wrote_is_clean_and_without_secrets(cloud: Aws, run: FakeRun, put: Put):
    """Ours: metadata is another person's text; a secret goes by its name or by its form."""
    metadata = {"db-password": "correct horse battery", "note": "key AKIAABCDEFGHIJKLMNOP here", "team": "shop"}
    put("x", Metadata=metadata)

    assert head(run, "x")["metadata"] == {"db-password": "[secret]", "note": "key [aws key] here", "team": "shop"}


@pytest.mark.parametrize("key", ["a b", "шоп/日本.txt", "a\u202eb", "tab\tbed", "a?b=c&d#e", "%2e%2e%2f", "a//b", "/"])
def test_any_key_is_found_as_it_was_listed(cloud: Aws, run: FakeRun, put: Put, key: str):
    """Ours: the key that a list shows is the key that is asked for."""
    put(key)
    [listed] = run.call(aws_s3, operation="listObjects", bucket="shop")["buckets"][0]["objects"]

    assert head(run, listed["key"])["key"] == key


def test_an_object_that_is_not_there_is_named(cloud: Aws, run: FakeRun, put: Put):
    """Ours: in words that hide nothing."""
    with pytest.raises(ToolError, match=r"There is no object 'a\\u202eb' in the bucket 'shop': listObjects"):
        head(run, "a\u202eb")


@pytest.mark.parametrize(
    ("status", "headers", "words"),
    [
        (403, {}, r"s3:GetObject\. To who may not list the bucket"),
        (404, {"x_amz_delete_marker": "true"}, "was deleted; the bucket still has earlier versions"),
        (400, {}, "SSE-C"),
        (412, {}, "changed while it was looked at"),
    ],
)
def test_a_bare_status_becomes_a_sentence(
    run: FakeRun, answering: Callable[[type[Handler]], None], status: int, headers: dict[str, str], words: str
):
    """HTTP, HEAD: an answer without a body, so S3 gives no reason; we give the likely one."""

    class Bare(Handler):
        def do_HEAD(self) -> None:
            if "?" in self.path or self.path.count("/") == 1:
                self.answer(200, b"")
            else:
                self.answer(status, b"", **headers)

    answering(Bare)
    with pytest.raises(ToolError, match=words):
        head(run, "key")


RESTORED = 'ongoing-request="false", expiry-date="Fri, 21 Dec 2029 00:00:00 GMT"'


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({}, None),
        ({"StorageClass": "STANDARD_IA"}, None),
        ({"StorageClass": "GLACIER_IR"}, None),
        ({"StorageClass": "GLACIER"}, "must be restored first"),
        ({"StorageClass": "DEEP_ARCHIVE"}, "must be restored first"),
        ({"StorageClass": "DEEP_ARCHIVE", "Restore": 'ongoing-request="true"'}, "being restored"),
        ({"StorageClass": "GLACIER", "Restore": RESTORED}, None),
        ({"StorageClass": "INTELLIGENT_TIERING"}, None),
        ({"StorageClass": "INTELLIGENT_TIERING", "ArchiveStatus": "ARCHIVE_ACCESS"}, "ARCHIVE_ACCESS"),
    ],
)
def test_what_is_archived_and_not_restored_cannot_be_read(told: dict[str, Any], words: str | None):
    """AWS, HeadObject: StorageClass, ArchiveStatus and Restore together say so."""
    found = archived(told)

    assert (found is None) if words is None else (words in (found or ""))
