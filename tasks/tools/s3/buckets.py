"""The buckets of an account, page by page."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from tasks.tool import Run
from tasks.tools.s3 import cursor
from tasks.tools.s3.place import asking
from tasks.tools.s3.shapes import Answer, Asked, Bucket

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

MOST_BUCKETS: Final = 100
PAGE: Final = 1000


def buckets(run: Run, asked: Asked, *, limit: int = MOST_BUCKETS) -> Answer:
    """At most *limit* buckets whose name begins with the prefix, after the cursor."""
    first, after = cursor.read(asked, 2)
    found: list[Bucket] = []
    for token, page in _pages(run, run.aws("s3"), asked.bucket_prefix, first):
        # AWS sorts them by name and knows the prefix; not every S3 does, and the cursor needs both.
        for each in sorted(page.get("Buckets", []), key=_name):
            name = _name(each)
            if not name.startswith(asked.bucket_prefix) or (token == first and name <= after):
                continue
            if len(found) == limit:
                more = cursor.issue(asked, token, found[-1]["name"])
                return {"buckets": found, "truncated": True, "nextCursor": more}
            found.append(_bucket(each))
    return {"buckets": found, "truncated": False}


def _pages(run: Run, s3: "S3Client", prefix: str, token: str) -> Iterator[tuple[str, Any]]:
    """Pages of S3, each with the token that leads to it.

    AWS tells a bucket's region only to who gives MaxBuckets or another parameter.
    """
    given = {"Prefix": prefix} if prefix else {}
    while True:
        run.check()
        asked: dict[str, Any] = {"MaxBuckets": PAGE, **given, **({"ContinuationToken": token} if token else {})}
        page: Any = asking(run, lambda asked=asked: s3.list_buckets(**asked))
        yield token, page
        token = page.get("ContinuationToken", "")
        if not token:
            return


def _name(each: Any) -> str:  # noqa: ANN401  # boto3's shapes
    return each.get("Name", "")


def _bucket(each: Any) -> Bucket:  # noqa: ANN401  # boto3's shapes
    made: Bucket = {"name": each["Name"]}
    if created := each.get("CreationDate"):
        made["creationDate"] = created.isoformat()
    if region := each.get("BucketRegion"):
        made["region"] = region
    return made
