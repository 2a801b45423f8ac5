"""What lies below a prefix, and how much."""

import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tasks.tool import Cancelled
from tasks.tools.s3.prefixes import prefixes
from tasks.tools.s3.tool import aws_s3
from tests.stand_ins.aws import Aws
from tests.stand_ins.http import Handler
from tests.stand_ins.run import FakeRun

MODULE = sys.modules[prefixes.__module__]
Put = Callable[..., None]


def test_each_folder_has_its_number_size_and_newest_date(cloud: Aws, run: FakeRun, put: Put):
    """Ours: everything below it, however deep; what lies in no folder is listed as it is."""
    for key in ("logs/a/1", "logs/a/deep/er/2", "logs/b/3", "logs/readme", "other/x"):
        put(key)
    put("logs/b/large", b"x" * 5000)

    found = run.call(aws_s3, operation="listPrefixes", bucket="shop", keyPrefix="logs/")

    first, second = found["prefixes"]
    assert first | {"newest": ""} == {"prefix": "logs/a/", "objects": 2, "size": 10, "partial": False, "newest": ""}
    assert second | {"newest": ""} == {"prefix": "logs/b/", "objects": 2, "size": 5005, "partial": False, "newest": ""}
    assert abs((datetime.now(UTC) - datetime.fromisoformat(first["newest"])).total_seconds()) < 60
    assert [each["key"] for each in found["objects"]] == ["logs/readme"]
    assert found["truncated"] is False
    assert "nextCursor" not in found


def test_progress_counts_what_was_found(cloud: Aws, run: FakeRun, put: Put):
    """Ours: words with real numbers."""
    for key in ("a/1", "a/2", "b\u202e/3"):
        put(key)

    run.call(aws_s3, operation="listPrefixes", bucket="shop")

    assert [(done, total) for done, total, _, _ in run.steps] == [(1, 3), (2, 3), (3, 3)]
    assert [words for _, _, words, _ in run.steps] == [
        "counting below 2 prefixes",
        "'a/'; 2 objects, 10 bytes so far",
        "'b\\u202e/'; 3 objects, 15 bytes so far",
    ]


def test_folders_have_pages(cloud: Aws, run: FakeRun, put: Put):
    """AWS, ListObjectsV2: folders and objects share a page's limit; ours: none is left out."""
    for key in ("a/1", "b/1", "c", "d/1", "e"):
        put(key)

    names: list[str] = []
    asked: dict[str, Any] = {"operation": "listPrefixes", "bucket": "shop", "limit": 2}
    found = run.call(aws_s3, **asked)
    for _ in range(10):
        names += [each["prefix"] for each in found["prefixes"]] + [each["key"] for each in found["objects"]]
        if "nextCursor" not in found:
            break
        assert found["truncated"] is True
        found = run.call(aws_s3, **asked, cursor=found["nextCursor"])

    assert sorted(names) == ["a/", "b/", "c", "d/", "e"]


def test_a_folder_too_large_to_count_says_so(cloud: Aws, run: FakeRun, put: Put, monkeypatch: pytest.MonkeyPatch):
    """Ours: what was counted, and that it is not all."""
    monkeypatch.setattr(MODULE, "PAGE", 2)
    monkeypatch.setattr(MODULE, "MOST_COUNTED", 8)
    for number in range(5):
        put(f"large/{number}")
    put("small/1")

    large, small = run.call(aws_s3, operation="listPrefixes", bucket="shop")["prefixes"]

    assert (large["objects"], large["size"], large["partial"]) == (4, 20, True)
    assert (small["objects"], small["partial"]) == (1, False)


def test_counting_ends_in_time(cloud: Aws, run: FakeRun, put: Put, monkeypatch: pytest.MonkeyPatch):
    """Ours: what is left when the time is over is said to be partial."""
    monkeypatch.setattr(MODULE, "LONGEST", MODULE.LONGEST * 0)
    put("a/1")

    [found] = run.call(aws_s3, operation="listPrefixes", bucket="shop")["prefixes"]

    assert (found["objects"], found["partial"]) == (0, True)


FOLDERS = "".join(f"<CommonPrefixes><Prefix>{name}/</Prefix></CommonPrefixes>" for name in "abc")


def test_a_folder_that_may_not_be_listed_does_not_spoil_the_rest(
    run: FakeRun, answering: Callable[[type[Handler]], None]
):
    """Ours: policies may go by prefix (s3:prefix)."""

    class Closed(Handler):
        def do_HEAD(self) -> None:
            self.answer(200, b"")

        def do_GET(self) -> None:
            query = parse_qs(urlsplit(self.path).query)
            if query.get("prefix") == ["b/"]:
                self.answer(403, b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>")
            else:
                self.answer(200, f"<R>{FOLDERS if 'delimiter' in query else ''}</R>".encode(), type="text/xml")

    answering(Closed)
    found = run.call(aws_s3, operation="listPrefixes", bucket="shop")["prefixes"]

    assert [each["partial"] for each in found] == [False, True, False]
    assert "s3:ListBucket" in found[1]["error"]


def test_cancelling_ends_the_counting_of_all(run: FakeRun, answering: Callable[[type[Handler]], None]):
    """Ours: threads that wait for S3 return at once, and no other is begun."""
    counting, released = threading.Event(), threading.Event()

    class Slow(Handler):
        def do_HEAD(self) -> None:
            self.answer(200, b"")

        def do_GET(self) -> None:
            if "delimiter" in self.path:
                self.answer(200, f"<R>{FOLDERS}</R>".encode(), type="text/xml")
            else:
                counting.set()
                released.wait(30)

    answering(Slow)
    canceller = threading.Thread(target=lambda: counting.wait(20) and run.cancel())
    canceller.start()
    try:
        with pytest.raises(Cancelled):
            run.call(aws_s3, operation="listPrefixes", bucket="shop")
        assert not released.is_set()
    finally:
        released.set()
        canceller.join(20)
