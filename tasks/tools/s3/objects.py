"""The objects of a bucket, and of all buckets with a prefix: one that cannot be read does not spoil the rest."""

from contextlib import closing
from dataclasses import replace
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from tasks.aws.errors import explain
from tasks.tool import Run, ToolError
from tasks.tools.s3 import cursor
from tasks.tools.s3.buckets import buckets
from tasks.tools.s3.parallel import in_order
from tasks.tools.s3.place import Place, asking, client_in, find
from tasks.tools.s3.shapes import Answer, Asked, Bucket, S3Object
from tasks.tools.s3.words import escaped, plain

MOST_OBJECTS: Final = 1000
"""Objects listed of one bucket."""
MOST_IN_ALL: Final = 5000

Page = tuple[list[S3Object], bool]
"""Objects, and whether there are more."""


def objects(run: Run, asked: Asked) -> Answer:
    """Of the bucket, or of each bucket whose name begins with the prefix."""
    limit = asked.limit or MOST_OBJECTS
    return _of_one(run, asked, limit) if asked.bucket else _of_many(run, asked, limit)


def page(run: Run, place: Place, prefix: str, limit: int, after: str = "") -> Page:
    """At most *limit* objects after the key *after*. S3 may answer with fewer than there are, so it is asked again."""
    found: list[S3Object] = []
    where = {"StartAfter": after} if after else {}
    while True:
        run.check()
        asked = place.ask(Prefix=prefix, MaxKeys=limit - len(found), FetchOwner=True, **where)
        answer: Any = place.s3.list_objects_v2(**asked)
        found += [as_listed(each) for each in answer.get("Contents", [])]
        token = answer.get("NextContinuationToken") if answer.get("IsTruncated") else None
        if token is None or len(found) >= limit:
            return found[:limit], token is not None or len(found) > limit
        where = {"ContinuationToken": token}


def as_listed(each: Any) -> S3Object:  # noqa: ANN401  # boto3's shapes
    made: S3Object = {"key": each["Key"], "lastModified": each["LastModified"].isoformat(), "size": each["Size"]}
    if "StorageClass" in each:
        made["storageClass"] = each["StorageClass"]
    owner = each.get("Owner", {})
    if name := owner.get("DisplayName") or owner.get("ID"):
        made["owner"] = plain(name)
    if (words := escaped(made["key"])) != made["key"]:
        made["shownAs"] = words
    return made


def _of_one(run: Run, asked: Asked, limit: int) -> Answer:
    [after] = cursor.read(asked, 1)
    place = find(run, asked.bucket)
    run.progress(1, 2, f"listing {asked.bucket}")
    found = asking(run, lambda: page(run, place, asked.key_prefix, limit, after))
    made: Bucket = {"name": asked.bucket}
    if place.region:
        made["region"] = place.region
    _fill(made, asked, found)
    run.progress(2, 2, _counted(made))
    answer: Answer = {"buckets": [made], "truncated": bool(made.get("truncated"))}
    return {**answer, "nextCursor": made["nextCursor"]} if "nextCursor" in made else answer


def _of_many(run: Run, asked: Asked, limit: int) -> Answer:
    answer = buckets(run, asked)
    listed = answer.get("buckets", [])
    run.progress(1, len(listed) + 1, f"found {len(listed)} buckets")
    if not listed:
        raise ToolError(_no_bucket(asked.bucket_prefix))
    left = MOST_IN_ALL
    with closing(in_order(lambda bucket: _try(run, bucket, asked.key_prefix, limit), listed)) as pages:
        for done, bucket in enumerate(listed, 2):
            # Beyond the limit nobody looks any more: whether a bucket has objects is not known.
            found: Page | str = next(pages) if left else ([], True)
            if isinstance(found, str):
                bucket["error"] = found
            else:
                _fill(bucket, asked, (found[0][:left], found[1] or len(found[0]) > left))
                left -= len(bucket.get("objects", []))
            run.progress(done, len(listed) + 1, _counted(bucket))
    return answer


def _try(run: Run, bucket: Bucket, prefix: str, limit: int) -> Page | str:
    """Its objects, or why they could not be listed."""
    try:
        region = bucket.get("region")
        return page(run, Place(bucket["name"], client_in(run, region), region), prefix, limit)
    except (BotoCoreError, ClientError) as error:
        # A cancelled run closes its connections: that is no fact about the bucket.
        run.check()
        return explain(error)
    except ToolError as error:
        return str(error)


def _fill(bucket: Bucket, asked: Asked, found: Page) -> None:
    listed, more = bucket["objects"], bucket["truncated"] = found
    if more:
        last = listed[-1]["key"] if listed else ""
        bucket["nextCursor"] = cursor.issue(replace(asked, bucket=bucket["name"], bucket_prefix=""), last)


def _counted(bucket: Bucket) -> str:
    found = f"{len(bucket.get('objects', []))} objects"
    return f"{bucket['name']}: {bucket.get('error') or found}"


def _no_bucket(prefix: str) -> str:
    if prefix:
        return f"No bucket's name begins with {prefix!r}: listBuckets without bucketPrefix shows the names there are."
    return "The worker's AWS account has no buckets: there are no objects to list."
