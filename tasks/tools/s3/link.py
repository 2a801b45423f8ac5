"""A link to one object, good for a short time: only where `MCP_S3_PRESIGN` allows it."""

from datetime import UTC, datetime
from typing import Final

import structlog

from tasks.tool import Run, ToolError
from tasks.tools.s3.head import Item, archived
from tasks.tools.s3.place import asking
from tasks.tools.s3.shapes import Link
from tasks.tools.s3.words import shown

AS_FILE: Final = "attachment"
"""RFC 6266 4.2: a browser saves it and renders nothing, whatever the object says it is."""

log = structlog.get_logger(__name__)


def check_allowed(run: Run) -> None:
    """ToolError unless the settings allow links."""
    if not run.settings.s3_presign:
        raise ToolError(
            "aws_s3 makes no links here: whoever runs this server can allow them with MCP_S3_PRESIGN, the seconds that "
            "a link lasts (at most 3600)."
        )


def link(run: Run, item: Item) -> Link:
    """A link that reads the object with the worker's rights, by a signature (SigV4) that nobody has to ask AWS for."""
    check_allowed(run)
    if reason := archived(item.told):
        raise ToolError(f"A link to the object {shown(item.key)} would be of no use: {reason}.")
    lasts = run.settings.s3_presign
    place = item.place
    # What was promised of the owner was seen when the object was; whoever opens a link sends no such header.
    named = {"Bucket": place.bucket, "Key": item.key, "ResponseContentDisposition": AS_FILE}
    expires = datetime.now(UTC) + lasts
    seconds = int(lasts.total_seconds())
    url = asking(run, lambda: place.s3.generate_presigned_url("get_object", Params=named, ExpiresIn=seconds))
    log.info("presigned link made", run=run.id, seconds=seconds)
    run.log("notice", f"made a link to {shown(item.key)} in {shown(place.bucket)} that lasts {seconds} s")
    return {"url": url, "seconds": seconds, "expires": expires.isoformat(timespec="seconds")}
