"""What lies below a prefix, and how much of it: the folders of a console, counted by listing them."""

import time
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from tasks.aws.errors import explain
from tasks.tool import Run
from tasks.tools.s3 import cursor
from tasks.tools.s3.objects import as_listed
from tasks.tools.s3.parallel import in_order
from tasks.tools.s3.place import Place, asking, find
from tasks.tools.s3.shapes import Answer, Asked, Prefix
from tasks.tools.s3.words import escaped, measured, shown

MOST_ENTRIES: Final = 100
"""Folders and objects of one page, unless more are asked for."""
PAGE: Final = 1000
"""Objects S3 lists at once."""
MOST_COUNTED: Final = 100_000
"""Objects counted in one call, shared evenly among its folders: a hundred requests, or one for each folder."""
LONGEST: Final = timedelta(seconds=75)
"""Of counting; what is left then is said to be partial."""


@dataclass(frozen=True)
class _Bounds:
    most: int
    deadline: float


def prefixes(run: Run, asked: Asked) -> Answer:
    """The entries right below the key prefix, each folder with what is in it."""
    [token] = cursor.read(asked, 1)
    place = find(run, asked.bucket)
    given = {"Prefix": asked.key_prefix, "Delimiter": "/", "MaxKeys": asked.limit or MOST_ENTRIES}
    more = {"ContinuationToken": token} if token else {}
    page: Any = asking(run, lambda: place.s3.list_objects_v2(**place.ask(**given, **more)))
    names = [each["Prefix"] for each in page.get("CommonPrefixes", [])]
    answer: Answer = {
        "prefixes": _counted(run, place, names),
        "objects": [as_listed(each) for each in page.get("Contents", [])],
        "truncated": bool(page.get("IsTruncated")),
    }
    if following := page.get("NextContinuationToken"):
        answer["nextCursor"] = cursor.issue(asked, following)
    return answer


def _counted(run: Run, place: Place, names: list[str]) -> list[Prefix]:
    total = len(names) + 1
    run.progress(1, total, f"counting below {len(names)} prefixes")
    bounds = _Bounds(
        max(PAGE, MOST_COUNTED // max(1, len(names)) // PAGE * PAGE), time.monotonic() + LONGEST.total_seconds()
    )
    found: list[Prefix] = []
    objects = size = 0
    with closing(in_order(partial(_count, run, place, bounds), names)) as counted:
        for each in counted:
            found.append(each)
            objects, size = objects + each["objects"], size + each["size"]
            words = f"{shown(each['prefix'])}; {objects:,} objects, {measured(size)} so far"
            run.progress(len(found) + 1, total, words)
    return found


def _count(run: Run, place: Place, bounds: _Bounds, name: str) -> Prefix:
    """Page by page, up to the bounds or a refusal."""
    made: Prefix = {"prefix": name, "objects": 0, "size": 0, "partial": False}
    if (words := escaped(name)) != name:
        made["shownAs"] = words
    more: dict[str, str] = {}
    while True:
        run.check()
        if made["objects"] >= bounds.most or time.monotonic() > bounds.deadline:
            return {**made, "partial": True}
        try:
            page: Any = place.s3.list_objects_v2(**place.ask(Prefix=name, MaxKeys=PAGE, **more))
        except (BotoCoreError, ClientError) as error:
            # A cancelled run closes its connections: that is no fact about the prefix.
            run.check()
            return {**made, "partial": True, "error": explain(error)}
        _add(made, page.get("Contents", []))
        if not page.get("IsTruncated"):
            return made
        more = {"ContinuationToken": page["NextContinuationToken"]}


def _add(made: Prefix, contents: list[Any]) -> None:
    made["objects"] += len(contents)
    made["size"] += sum(each["Size"] for each in contents)
    if contents:
        newest = max(each["LastModified"] for each in contents).isoformat()
        made["newest"] = max(made.get("newest", ""), newest)
