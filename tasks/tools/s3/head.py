"""What S3 says of one object without reading it."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from tasks.aws.errors import explain
from tasks.redact import redact
from tasks.tool import Run, ToolError
from tasks.tools.s3.place import Place
from tasks.tools.s3.shapes import Encryption, Head
from tasks.tools.s3.words import escaped, plain, shown

T = TypeVar("T")

SECRET: Final = "[secret]"  # noqa: S105  # what stands in place of one
_COLD: Final = frozenset({"GLACIER", "DEEP_ARCHIVE"})
"""Storage classes that are not read before they are restored; GLACIER_IR is."""
_RESTORED: Final = re.compile(r'ongoing-request="false"')
_RESTORING: Final = re.compile(r'ongoing-request="true"')
_WORDS: Final = (
    ("ContentType", "contentType"),
    ("ContentEncoding", "contentEncoding"),
    ("CacheControl", "cacheControl"),
    ("ETag", "etag"),
    ("VersionId", "versionId"),
    ("Restore", "restore"),
    ("Expiration", "expiration"),
    ("ReplicationStatus", "replication"),
)


@dataclass(frozen=True)
class Item:
    """An object that is there, as it was when it was looked at."""

    place: Place
    key: str
    told: dict[str, Any]
    """HeadObject's answer."""

    @property
    def size(self) -> int:
        return self.told["ContentLength"]

    @property
    def kind(self) -> str:
        """Its content type, without parameters."""
        return plain(self.told.get("ContentType", "")).partition(";")[0].strip().lower()

    def ask(self, **more: Any) -> dict[str, Any]:  # noqa: ANN401  # boto3's parameters
        """The parameters of a call about this object, as long as it is the same."""
        return self.place.ask(Key=self.key, IfMatch=self.told["ETag"], **more)


def look(run: Run, place: Place, key: str) -> Item:
    """The object; ToolError when it is not there, or not for us."""
    told: Any = reading(run, place, key, lambda: place.s3.head_object(**place.ask(Key=key)))
    return Item(place, key, told)


def described(item: Item) -> Head:
    """*item* for the client: what its owner wrote is cleaned and masked, but for the key."""
    told = item.told
    made: dict[str, Any] = {
        "bucket": item.place.bucket,
        "key": item.key,
        "size": item.size,
        "lastModified": told["LastModified"].isoformat(),
        "storageClass": plain(told.get("StorageClass", "STANDARD")),
    }
    made |= {ours: plain(told[theirs]) for theirs, ours in _WORDS if told.get(theirs)}
    optional = {
        "shownAs": words if (words := escaped(item.key)) != item.key else None,
        "region": item.place.region,
        "archived": archived(told),
        "encryption": _encryption(told),
        "lockedUntil": until.isoformat() if (until := told.get("ObjectLockRetainUntilDate")) else None,
        "tagCount": told.get("TagCount"),
        "metadata": {plain(name): _value(name, value) for name, value in told.get("Metadata", {}).items()},
    }
    made |= {name: value for name, value in optional.items() if value}
    return Head(**made)


def archived(told: dict[str, Any]) -> str | None:
    """Why the object cannot be read now; None when it can."""
    asleep: str = told.get("ArchiveStatus", "")
    tier: str = asleep or told.get("StorageClass", "")
    restore: str = told.get("Restore", "")
    if not (asleep or tier in _COLD) or _RESTORED.search(restore):
        return None
    if _RESTORING.search(restore):
        return f"it is archived ({plain(tier)}) and being restored: try again when that is done, which takes hours"
    return (
        f"it is archived ({plain(tier)}) and must be restored first, which takes minutes to days and costs money: "
        "aws_s3 does not begin that"
    )


def reading(run: Run, place: Place, key: str, ask: Callable[[], T]) -> T:
    """What *ask* returns of the object; ToolError says why AWS refused."""
    try:
        return ask()
    except ClientError as error:
        raise ToolError(_refusal(error, place.bucket, key)) from error
    except BotoCoreError as error:
        # A cancelled run closes its connections: that is no fact about AWS.
        run.check()
        raise ToolError(explain(error)) from error


def _refusal(error: Any, bucket: str, key: str) -> str:  # noqa: ANN401  # botocore's errors are half typed
    """HEAD is answered without a body: all that S3 says is the status."""
    told = error.response["ResponseMetadata"]
    named = f"object {shown(key)} in the bucket {shown(bucket)}"
    match told["HTTPStatusCode"]:
        case 404 if told["HTTPHeaders"].get("x-amz-delete-marker") == "true":
            return f"The {named} was deleted; the bucket still has earlier versions of it."
        case 404:
            return f"There is no {named}: listObjects with bucket and keyPrefix shows those there are."
        case 403 if error.operation_name == "HeadObject":
            return (
                f"{explain(error)} To who may not list the bucket (s3:ListBucket) S3 says the same of an object "
                "that is not there."
            )
        case 412:
            return f"The {named} changed while it was looked at: try again."
        case 400 if error.operation_name == "HeadObject":
            return (
                f"S3 does not show the {named}: it is encrypted with a key that only its owner has (SSE-C), or the "
                "worker's credentials have expired."
            )
        case _:
            return explain(error)


def _encryption(told: dict[str, Any]) -> Encryption | None:
    if not (algorithm := told.get("ServerSideEncryption")):
        return None
    made: Encryption = {"algorithm": plain(algorithm)}
    if key := told.get("SSEKMSKeyId"):
        made["kmsKeyId"] = plain(key)
    return made


def _value(name: str, value: str) -> str:
    """A secret goes by what it looks like, or by its name."""
    pair = f'{name}="0"'
    return SECRET if redact(pair) != pair else plain(value)
