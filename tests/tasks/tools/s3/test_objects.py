"""Page after page, of one bucket and of many."""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from moto.backends import get_backend

from tasks.tool import ToolError
from tasks.tools.s3.buckets import MOST_BUCKETS
from tasks.tools.s3.objects import MOST_IN_ALL
from tasks.tools.s3.tool import aws_s3
from tests.stand_ins.aws import ACCOUNT, REGION, Aws
from tests.stand_ins.http import Handler
from tests.stand_ins.run import FakeRun


def fill(cloud: Aws, bucket: str, *keys: str) -> None:
    cloud.client("s3").create_bucket(Bucket=bucket)
    backend: Any = get_backend("s3")[ACCOUNT]["global"]
    for key in keys:
        backend.put_object(bucket, key, b"12345")


def walked(run: FakeRun, **arguments: Any) -> list[dict[str, Any]]:
    """Every page, followed by its cursor."""
    pages = [run.call(aws_s3, **arguments)]
    while cursor := pages[-1].get("nextCursor"):
        assert len(pages) < 50
        pages.append(run.call(aws_s3, **arguments, cursor=cursor))
    return pages


KEYS = ["a b", "a/1", "a/2", "a+b", "b&c=d", "шоп", "日本/x", "tab\tbed", "a\u202eb", "%2e%2e", "z"]


@pytest.mark.parametrize("limit", [1, 3, 11, 12])
def test_pages_show_every_key_once_and_as_it_is(cloud: Aws, run: FakeRun, limit: int):
    """AWS, ListObjectsV2: in the order of UTF-8; ours: whatever the size of a page."""
    fill(cloud, "shop", *KEYS)

    pages = walked(run, operation="listObjects", bucket="shop", limit=limit)

    found = [each["key"] for page in pages for each in page["buckets"][0]["objects"]]
    assert found == sorted(KEYS, key=str.encode)
    assert [page["truncated"] for page in pages] == [True] * (len(pages) - 1) + [False]
    assert all(len(page["buckets"][0]["objects"]) <= limit for page in pages)
    assert pages[0]["buckets"][0]["region"] == REGION


def test_a_key_that_hides_something_is_shown_escaped_beside_itself(cloud: Aws, run: FakeRun):
    """Ours: to be read by people, and to be asked for again."""
    fill(cloud, "shop", "a\u202eb", "plain")

    first, second = run.call(aws_s3, operation="listObjects", bucket="shop")["buckets"][0]["objects"]

    assert (first["key"], first["shownAs"]) == ("a\u202eb", "a\\u202eb")
    assert "shownAs" not in second


def test_a_bucket_among_many_goes_on_by_its_own_cursor(cloud: Aws, run: FakeRun):
    """Ours: each says where it goes on; the cursor is for that bucket and keyPrefix alone."""
    for bucket in ("logs-a", "logs-b", "logs-c"):
        fill(cloud, bucket, "2026/1", "2026/2", "2026/3")
    fill(cloud, "logs-d", "2026/1")

    many = run.call(aws_s3, operation="listObjects", bucketPrefix="logs-", keyPrefix="2026/", limit=2)

    *more, last = many["buckets"]
    assert [each["truncated"] for each in many["buckets"]] == [True, True, True, False]
    assert "nextCursor" not in many
    assert "nextCursor" not in last
    for each in more:
        asked = {"operation": "listObjects", "keyPrefix": "2026/", "cursor": each["nextCursor"]}
        [rest] = run.call(aws_s3, **asked, bucket=each["name"])["buckets"]
        assert [found["key"] for found in rest["objects"]] == ["2026/3"]
        with pytest.raises(ToolError, match="other arguments"):
            run.call(aws_s3, **asked, bucket="logs-d")


def test_beyond_the_limit_in_all_a_bucket_begins_at_its_cursor(cloud: Aws, run: FakeRun):
    """Ours: what the limit left out can be asked for, even the whole of a bucket."""
    keys = [f"{number:04}" for number in range(1000)]
    for number in range(MOST_IN_ALL // 1000 + 1):
        fill(cloud, f"bucket-{number}", *keys)

    found = run.call(aws_s3, operation="listObjects")["buckets"]

    assert [len(each["objects"]) for each in found] == [1000] * 5 + [0]
    assert [each["truncated"] for each in found] == [False] * 5 + [True]
    [rest] = run.call(aws_s3, operation="listObjects", bucket="bucket-5", cursor=found[-1]["nextCursor"])["buckets"]
    assert [each["key"] for each in rest["objects"]] == keys


def test_buckets_have_pages_too(cloud: Aws, run: FakeRun):
    """Ours: also of an S3 that answers with all of them at once, as moto does; objects page with their buckets."""
    names = [f"bucket-{number:03}" for number in range(MOST_BUCKETS + 5)]
    # moto lists them as they were made.
    for name in reversed(names):
        fill(cloud, name, "x")

    listed = walked(run, operation="listBuckets", limit=40)
    filled = walked(run, operation="listObjects", bucketPrefix="bucket-")

    assert [each["name"] for page in listed for each in page["buckets"]] == names
    assert [len(page["buckets"]) for page in listed] == [40, 40, 25]
    assert [each["name"] for page in filled for each in page["buckets"]] == names
    assert all(len(each["objects"]) == 1 for page in filled for each in page["buckets"])


def test_pages_of_buckets_follow_the_tokens_of_s3(run: FakeRun, answering: Callable[[type[Handler]], None]):
    """AWS, ListBuckets: MaxBuckets, ContinuationToken, BucketRegion."""
    names = [f"bucket-{number}" for number in range(7)]

    class Pages(Handler):
        """Three buckets to a page."""

        def do_GET(self) -> None:
            query = parse_qs(urlsplit(self.path).query)
            assert "max-buckets" in query
            first = int(query.get("continuation-token", ["0"])[0])
            shown = "".join(
                f"<Bucket><Name>{name}</Name><BucketRegion>eu-west-1</BucketRegion></Bucket>"
                for name in names[first : first + 3]
            )
            token = f"<ContinuationToken>{first + 3}</ContinuationToken>" if first + 3 < len(names) else ""
            self.answer(200, f"<R><Buckets>{shown}</Buckets>{token}</R>".encode(), type="text/xml")

    answering(Pages)
    for limit in (1, 2, 3, 4, 7):
        found = [each for page in walked(run, operation="listBuckets", limit=limit) for each in page["buckets"]]
        assert found == [{"name": name, "region": "eu-west-1"} for name in names]


def test_each_bucket_is_asked_in_its_own_region(run: FakeRun, answering: Callable[[type[Handler]], None]):
    """AWS, ListBuckets: it says where they are, so nobody has to be sent on; one that is closed spoils nothing."""
    regions = {"one": "us-east-1", "two": "eu-west-1", "three": "ap-southeast-2"}
    signed: dict[str, str] = {}

    class Regions(Handler):
        def do_GET(self) -> None:
            url = urlsplit(self.path)
            if "list-type" in url.query:
                signed[url.path.strip("/")] = self.headers["authorization"].split("/")[2]
                error = b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
                self.answer(403, error) if "two" in url.path else self.answer(200, b"<R></R>", type="text/xml")
                return
            names = "".join(
                f"<Bucket><Name>{name}</Name><BucketRegion>{region}</BucketRegion></Bucket>"
                for name, region in regions.items()
            )
            self.answer(200, f"<R><Buckets>{names}</Buckets></R>".encode(), type="text/xml")

    answering(Regions)
    found = run.call(aws_s3, operation="listObjects")["buckets"]

    assert signed == regions
    assert {each["name"]: each.get("error", "")[:10] for each in found} == {"one": "", "two": "AWS denied", "three": ""}


def test_a_bucket_that_is_named_and_closed_fails_the_call(run: FakeRun, answering: Callable[[type[Handler]], None]):
    """Ours: where nothing else was asked for, an error is no detail."""

    class Closed(Handler):
        def do_HEAD(self) -> None:
            self.answer(403, b"", x_amz_bucket_region=REGION)

        def do_GET(self) -> None:
            self.answer(403, b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>")

    answering(Closed)
    with pytest.raises(ToolError, match="needs the permission s3:ListBucket"):
        run.call(aws_s3, operation="listObjects", bucket="closed")
