"""`aws_s3`: a look into S3 that changes nothing."""

from collections.abc import Mapping
from typing import Annotated, Final, get_args

from pydantic import Field

from tasks.tool import Run, ToolError, tool
from tasks.tools.s3 import cursor as cursors
from tasks.tools.s3.buckets import MOST_BUCKETS, buckets
from tasks.tools.s3.head import described, look
from tasks.tools.s3.link import check_allowed, link
from tasks.tools.s3.objects import objects
from tasks.tools.s3.place import find
from tasks.tools.s3.prefixes import prefixes
from tasks.tools.s3.preview import MOST, preview
from tasks.tools.s3.shapes import OF_ONE_OBJECT, Answer, Asked, Operation, Part

_TAKES: Final[Mapping[str, frozenset[str]]] = {
    # keyPrefix changes nothing there, and never did.
    "listBuckets": frozenset({"bucketPrefix", "keyPrefix", "limit", "cursor"}),
    "listObjects": frozenset({"bucket", "bucketPrefix", "keyPrefix", "limit", "cursor"}),
    "listPrefixes": frozenset({"bucket", "keyPrefix", "limit", "cursor"}),
    "headObject": frozenset({"bucket", "key"}),
    "previewObject": frozenset({"bucket", "key", "part", "maxBytes"}),
    "presignGet": frozenset({"bucket", "key"}),
}


Name = Annotated[str, Field(min_length=3, max_length=255, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]+$")]
Key = Annotated[str, Field(min_length=1, max_length=1024)]
Limit = Annotated[int, Field(ge=1, le=1000)]
Bytes = Annotated[int, Field(ge=1, le=MOST)]


@tool(
    title="Look into S3",
    scopes=("mcp:aws",),
    annotations={"readOnlyHint": True, "openWorldHint": True},
    timeout=120,
)
def aws_s3(  # noqa: PLR0913  # these are the tool's arguments
    run: Run,
    *,
    operation: Annotated[Operation, Field(description="what to do")],
    bucket: Annotated[
        Name | None, Field(description="name of one bucket; for listObjects bucketPrefix may take its place")
    ] = None,
    bucket_prefix: Annotated[
        str, Field(alias="bucketPrefix", max_length=63, description="only buckets whose name begins with this")
    ] = "",
    key: Annotated[Key | None, Field(description="key of one object, exactly as listed")] = None,
    key_prefix: Annotated[
        str, Field(alias="keyPrefix", max_length=1024, description="for lists: only keys that begin with this")
    ] = "",
    limit: Annotated[Limit | None, Field(description="most entries of a page; most objects of each bucket")] = None,
    cursor: Annotated[
        str, Field(max_length=cursors.LONGEST, description="nextCursor of the page before, with the same arguments")
    ] = "",
    part: Annotated[
        Part | None, Field(description="for previewObject: which end of the text; start if left out")
    ] = None,
    max_bytes: Annotated[
        Bytes | None, Field(alias="maxBytes", description="for previewObject: bytes of text; 16384 if left out")
    ] = None,
) -> Answer:
    """Look into S3: buckets, objects, sizes by folder, and one object's metadata or text. Changes nothing.

    listBuckets: names, dates and regions. listObjects: the objects of a bucket, or of all buckets with a prefix.
    listPrefixes: the folders right below keyPrefix, each with its number of objects, size and newest date.
    headObject: size, type, version, encryption, storage class and metadata of an object. previewObject: the start or
    end of a text, gzip unpacked, secrets masked. presignGet: a link to an object for a short time, where the server
    allows it. Lists have pages: give nextCursor as cursor for the next one.
    """
    asked = Asked(
        operation=operation,
        bucket=bucket or "",
        bucket_prefix=bucket_prefix,
        key=key or "",
        key_prefix=key_prefix,
        limit=limit,
        cursor=cursor,
        part=part,
        max_bytes=max_bytes,
    )
    _check(asked)
    match operation:
        case "listBuckets":
            answer = buckets(run, asked, limit=limit or MOST_BUCKETS)
            run.progress(1, 1, f"found {len(answer.get('buckets', []))} buckets")
            return answer
        case "listObjects":
            return objects(run, asked)
        case "listPrefixes":
            return prefixes(run, asked)
        case _:
            return _one_object(run, asked)


def _one_object(run: Run, asked: Asked) -> Answer:
    if asked.operation == "presignGet":
        check_allowed(run)
    item = look(run, find(run, asked.bucket), asked.key)
    answer: Answer = {"object": described(item)}
    if asked.operation == "previewObject":
        answer["preview"] = preview(run, asked, item)
    if asked.operation == "presignGet":
        answer["link"] = link(run, item)
    return answer


def _check(asked: Asked) -> None:
    """ToolError names an argument that is missing, or that the operation does not take."""
    given = {
        "bucket": asked.bucket,
        "bucketPrefix": asked.bucket_prefix,
        "key": asked.key,
        "keyPrefix": asked.key_prefix,
        "limit": asked.limit,
        "cursor": asked.cursor,
        "part": asked.part,
        "maxBytes": asked.max_bytes,
    }
    for name, value in given.items():
        if value and name not in _TAKES[asked.operation]:
            takers = ", ".join(each for each in get_args(Operation) if name in _TAKES[each])
            raise ToolError(f"{asked.operation} takes no {name}: that is for {takers}.")
    if asked.operation in (*OF_ONE_OBJECT, "listPrefixes") and not asked.bucket:
        raise ToolError(f"{asked.operation} needs bucket: the name of one bucket, as listBuckets shows it.")
    if asked.operation in OF_ONE_OBJECT and not asked.key:
        raise ToolError(f"{asked.operation} needs key: the key of one object, as listObjects shows it.")
    if asked.bucket and asked.bucket_prefix:
        raise ToolError("Give bucket or bucketPrefix, not both: one names a bucket, the other begins many names.")
