"""The beginning or the end of a text."""

import gzip
from collections.abc import Callable
from typing import Any

import pytest

from tasks.tool import ToolError
from tasks.tools.s3.preview import AROUND
from tasks.tools.s3.tool import aws_s3
from tests.stand_ins.aws import Aws
from tests.stand_ins.calls import recorded
from tests.stand_ins.http import Handler
from tests.stand_ins.run import FakeRun

Put = Callable[..., None]
LINES = b"".join(b"line %06d\n" % number for number in range(20_000))
"""12 bytes each: 240,000."""
NOTHING: dict[str, str] = {}


def preview(run: FakeRun, key: str = "log", **more: Any) -> dict[str, Any]:
    return run.call(aws_s3, operation="previewObject", bucket="shop", key=key, **more)["preview"]


def test_the_start_and_the_end_of_a_text(cloud: Aws, run: FakeRun, put: Put):
    """Ours: as many bytes as were asked for, whole lines at the end, and that there is more."""
    put("log", LINES, ContentType="text/plain")

    first, last = preview(run, maxBytes=24), preview(run, part="end", maxBytes=30)

    assert first == {
        "text": "line 000000\nline 000001\n",
        "part": "start",
        "bytes": 24,
        "encoding": "utf-8",
        "truncated": True,
    }
    assert (last["text"], last["truncated"]) == ("line 019998\nline 019999\n", True)


def test_what_is_small_is_shown_whole(cloud: Aws, run: FakeRun, put: Put):
    """Ours: from either end; nothing at all is a text, too."""
    put("log", b"one\ntwo\n")
    put("empty", b"")

    for part in ("start", "end"):
        found = preview(run, part=part)
        assert (found["text"], found["bytes"], found["truncated"]) == ("one\ntwo\n", 8, False)
        assert preview(run, "empty", part=part)["text"] == ""


def test_the_end_of_what_fits_into_one_read_is_its_end(cloud: Aws, run: FakeRun, put: Put):
    """Ours: reading all of it for the sake of secrets does not turn the end into the start."""
    put("log", b"first\nsecond\nthird\n")

    assert preview(run, part="end", maxBytes=10)["text"] == "third\n"


def test_no_more_is_read_than_is_needed(cloud: Aws, run: FakeRun, put: Put, monkeypatch: pytest.MonkeyPatch):
    """Ours: an object of any size costs one look and one range."""
    put("log", LINES)
    with recorded(monkeypatch) as calls:
        preview(run, maxBytes=1000)

    assert calls.operations == ["HeadBucket", "HeadObject", "GetObject"]
    assert [words for _, _, words, _ in run.steps] == [
        "reading 17.0 KiB of 234.4 KiB",
        "read 17.0 KiB",
    ]


@pytest.mark.parametrize("how", [{"ContentEncoding": "gzip"}, {"ContentType": "application/gzip"}, {}])
def test_gzip_is_unpacked(cloud: Aws, run: FakeRun, put: Put, how: dict[str, str]):
    """Ours: whether a header says so or only its first bytes."""
    put("log", gzip.compress(LINES), **how)

    found = preview(run, maxBytes=24)

    assert (found["text"], found["compression"]) == ("line 000000\nline 000001\n", "gzip")
    assert (found["bytes"], found["truncated"]) == (24, True)


def test_all_of_a_small_gzip_is_known_to_be_all(cloud: Aws, run: FakeRun, put: Put):
    """Ours."""
    put("log.gz", gzip.compress(b"one\n"))

    found = preview(run, "log.gz")

    assert (found["text"], found["truncated"]) == ("one\n", False)


def test_a_bomb_shows_no_more_than_a_preview(cloud: Aws, run: FakeRun, put: Put):
    """Ours: 50 MiB in 50 KiB (CWE-409)."""
    put("log.gz", gzip.compress(b"a" * 50 * 1024 * 1024))

    found = preview(run, "log.gz", maxBytes=65536)

    assert (len(found["text"]), found["bytes"], found["truncated"]) == (65536, 65536, True)


@pytest.mark.parametrize(
    ("key", "given", "words"),
    [
        ("x.png", (b"text", {"ContentType": "image/png"}), r"image data \(4 bytes, image/png\)\. headObject"),
        ("x.bin", (b"a\0b", NOTHING), "binary data"),
        ("x.pdf", (b"%PDF-1.7", {"ContentType": "text/plain"}), "a PDF document"),
        ("x.br", (b"text", {"ContentEncoding": "br"}), r"compressed \(br\)"),
        ("x.gz", (b"\x1f\x8bxxxxxxxxxxxx", NOTHING), "broken gzip"),
        ("cold", (b"text", {"StorageClass": "GLACIER"}), r"archived \(GLACIER\) and must be restored first"),
    ],
)
def test_what_cannot_be_shown_is_said_to_be_what_it_is(
    cloud: Aws, run: FakeRun, put: Put, key: str, given: tuple[bytes, dict[str, str]], words: str
):
    """Ours: a sentence with its kind, not rubbish on the screen."""
    body, how = given
    put(key, body, **how)

    with pytest.raises(ToolError, match=words):
        preview(run, key)


def test_the_end_of_a_gzip_is_refused(cloud: Aws, run: FakeRun, put: Put):
    """RFC 1952: it can be unpacked from its start alone."""
    put("log.gz", gzip.compress(LINES))

    with pytest.raises(ToolError, match="only its start can be read"):
        preview(run, "log.gz", part="end")


def test_svg_is_text(cloud: Aws, run: FakeRun, put: Put):
    """Ours: an image in letters."""
    put("x.svg", b"<svg/>", ContentType="image/svg+xml")

    assert preview(run, "x.svg")["text"] == "<svg/>"


def test_secrets_are_masked_wherever_they_lie(cloud: Aws, run: FakeRun, put: Put):
    """Ours: also one that the end of the preview goes through."""
    put("env", b"#" * 990 + b"\nDB_PASSWORD=correct-horse-battery\n" + b"#" * AROUND)

    found = preview(run, "env", maxBytes=1010)

    assert "DB_PASSWORD=[sec" in found["text"]
    assert "correct" not in found["text"]


class Stubborn(Handler):
    """An S3 that knows no ranges, and whose object is a gigabyte; or that is another one by the time it is read."""

    changed = False

    def do_HEAD(self) -> None:
        self.send_response(200)
        for name, value in {
            "content-length": str(1024**3),
            "etag": '"1"',
            "last-modified": "Sat, 28 Nov 2026 08:00:00 GMT",
        }.items():
            self.send_header(name, value if self.path.count("/") > 1 else "0")
        self.end_headers()

    def do_GET(self) -> None:
        if self.changed:
            assert self.headers["if-match"] == '"1"'
            self.answer(412, b"<Error><Code>PreconditionFailed</Code><Message>x</Message></Error>", type="text/xml")
            return
        self.send_response(200)
        self.send_header("content-length", str(1024**3))
        self.end_headers()
        for _ in range(1024):
            self.wfile.write(b"text\n" * 200_000)


def test_a_server_that_sends_everything_is_hung_up_on(run: FakeRun, answering: Callable[[type[Handler]], None]):
    """Ours: the bound is ours, not the server's."""
    answering(Stubborn)

    found = preview(run, maxBytes=10)

    assert (found["text"], found["truncated"]) == ("text\ntext\n", True)
    with pytest.raises(ToolError, match="knows no ranges"):
        preview(run, part="end")


def test_an_object_that_changed_meanwhile_is_not_mixed(run: FakeRun, answering: Callable[[type[Handler]], None]):
    """Ours: what is described is what is shown (If-Match)."""

    class Changed(Stubborn):
        changed = True

    answering(Changed)
    with pytest.raises(ToolError, match="changed while it was looked at: try again"):
        preview(run)


def test_a_key_that_kms_keeps_is_told_by_its_permission(run: FakeRun, answering: Callable[[type[Handler]], None]):
    """AWS, SSE-KMS: reading needs kms:Decrypt, which S3 names."""

    class Kept(Stubborn):
        def do_GET(self) -> None:
            words = (
                b"User: arn:aws:sts::123456789012:assumed-role/w/s is not authorized to perform: kms:Decrypt on the "
                b"resource associated with this ciphertext"
            )
            self.answer(403, b"<Error><Code>AccessDenied</Code><Message>%s</Message></Error>" % words, type="text/xml")

    answering(Kept)
    with pytest.raises(ToolError, match="the role w needs the permission kms:Decrypt"):
        preview(run)
