"""What callers ask of S3 that is none of their business, and objects that are more than they say."""

import zlib
from collections.abc import Generator
from datetime import timedelta
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from tasks.settings import ToolSettings
from tasks.tool import ToolError
from tasks.tools.s3.tool import aws_s3
from tests.stand_ins.aws import ACCOUNT, CREDENTIALS, REGION, Aws, aws
from tests.stand_ins.calls import recorded
from tests.stand_ins.http import Handler, serving
from tests.stand_ins.run import FakeRun


@pytest.fixture(scope="module")
def servers() -> Generator[Aws]:
    with aws() as made:
        yield made


@pytest.fixture
def moto(servers: Aws, monkeypatch: pytest.MonkeyPatch) -> Aws:
    for name, value in servers.environment().items():
        monkeypatch.setenv(name, value)
    return servers


@pytest.mark.parametrize(
    "prefix", ["../../", "a/../b", "a b&c=d#e", "'\"|\n;", "%2e%2e/", "\u202e", "?list-type=1", "a\\..\\b", "\0", "шоп"]
)
def test_a_prefix_stays_data_on_its_way_to_s3(monkeypatch: pytest.MonkeyPatch, prefix: str):
    """A55, CVE-2026-32871 and its kind: the whole of it is one parameter, and leads to no other address."""
    asked: list[str] = []

    class Buckets(Handler):
        def do_GET(self) -> None:
            asked.append(self.path)
            names = "<Buckets><Bucket><Name>names</Name></Bucket></Buckets>" if len(asked) == 1 else ""
            self.answer(200, f"<Result>{names}</Result>".encode(), type="text/xml")

    with serving(Buckets) as url:
        for name, value in {**CREDENTIALS, "AWS_ENDPOINT_URL_S3": url}.items():
            monkeypatch.setenv(name, value)
        FakeRun().call(aws_s3, operation="listObjects", keyPrefix=prefix)

    path, _, query = asked[1].partition("?")
    assert path == "/names"
    assert parse_qs(query)["prefix"] == [prefix]


@pytest.mark.parametrize(
    "key", ["../other/secret", "a/../../other/x", "..", ".", "/", "//x", "a?versionId=1", "%2e%2e/x"]
)
def test_a_key_stays_data_on_its_way_to_s3(monkeypatch: pytest.MonkeyPatch, key: str):
    """A55, CWE-22: dots and slashes of a key lead to no other bucket, and its marks to no other parameter."""
    asked: list[str] = []

    class Objects(Handler):
        def do_HEAD(self) -> None:
            asked.append(self.path)
            self.answer(404 if len(asked) > 1 else 200, b"")

    with serving(Objects) as url:
        for name, value in {**CREDENTIALS, "AWS_ENDPOINT_URL_S3": url}.items():
            monkeypatch.setenv(name, value)
        with pytest.raises(ToolError, match="There is no object"):
            FakeRun().call(aws_s3, operation="headObject", bucket="names", key=key)

    assert unquote(asked[1].removeprefix("/names/")) == key


@pytest.mark.parametrize("operation", ["listObjects", "listPrefixes", "headObject", "previewObject", "presignGet"])
def test_a_bucket_of_a_strangers_account_is_not_looked_into(monkeypatch: pytest.MonkeyPatch, operation: str):
    """A54: names of buckets are the whole world's; a stranger's may be open to all, and keys would tell him much."""
    asked: list[str] = []

    class Strangers(Handler):
        """Everything is open; the owner condition is S3's own."""

        def do_HEAD(self) -> None:
            asked.append(self.headers.get("x-amz-expected-bucket-owner", ""))
            self.answer(403 if asked[-1] == ACCOUNT else 200, b"", x_amz_bucket_region=REGION)

        def do_GET(self) -> None:
            self.do_HEAD()

    key = {} if operation.startswith("list") else {"key": "secret"}
    with serving(Strangers) as url:
        for name, value in {**CREDENTIALS, "AWS_ENDPOINT_URL_S3": url}.items():
            monkeypatch.setenv(name, value)
        settings = ToolSettings(aws_accounts=(ACCOUNT,), s3_presign=timedelta(seconds=60))
        with pytest.raises(ToolError, match=r"AWS (denied|refused)"):
            FakeRun(settings=settings).call(aws_s3, operation=operation, bucket="strangers", **key)

    assert set(asked) == {ACCOUNT}


def test_nobody_gets_a_link_that_was_not_allowed(moto: Aws, monkeypatch: pytest.MonkeyPatch):
    """A67: a link outlives sign-out, revocation and roles: it is not made before somebody wants that."""
    with recorded(monkeypatch) as calls, pytest.raises(ToolError, match="makes no links here"):
        FakeRun().call(aws_s3, operation="presignGet", bucket="bucket", key="key")

    assert calls.operations == []


def test_a_link_is_for_one_object_and_saved_not_rendered(moto: Aws):
    """A67: an HTML object on a company's S3 host would run there; no one may list, write or ask for longer with it."""
    s3 = moto.client("s3")
    s3.create_bucket(Bucket="links")
    s3.put_object(Bucket="links", Key="page.html", Body=b"<script>", ContentType="text/html")
    settings = ToolSettings(s3_presign=timedelta(seconds=30))

    link = FakeRun(settings=settings).call(aws_s3, operation="presignGet", bucket="links", key="page.html")["link"]

    url = urlsplit(str(link["url"]))
    query = parse_qs(url.query)
    assert url.path == "/links/page.html"
    assert query["response-content-disposition"] == ["attachment"]
    assert (query["X-Amz-Expires"], query["X-Amz-SignedHeaders"]) == (["30"], ["host"])


def test_no_secret_of_an_object_is_shown(moto: Aws):
    """A57: what somebody left in a bucket is masked, in the text, in its metadata, and in what is said of its key."""
    s3 = moto.client("s3")
    s3.create_bucket(Bucket="left")
    body = b"aws_secret_access_key = abcdefghijklmnopqrst\npass\xe2\x80\x8bword=hunter2\n"
    s3.put_object(Bucket="left", Key="env", Body=body, Metadata={"api-key": "hunter3"})

    found = str(FakeRun().call(aws_s3, operation="previewObject", bucket="left", key="env"))
    with pytest.raises(ToolError, match="There is no object") as refused:
        FakeRun().call(aws_s3, operation="previewObject", bucket="left", key="x?password=hunter4")

    assert not [word for word in ("abcdefghij", "hunter2", "hunter3") if word in found]
    assert "hunter4" not in str(refused.value)


def test_an_object_that_unpacks_to_a_gigabyte_costs_a_preview(moto: Aws):
    """A68, CWE-409: a bomb is unpacked as far as is shown, and no further."""
    packer = zlib.compressobj(9, wbits=31)
    bomb = b"".join(packer.compress(b"a" * 2**20) for _ in range(64)) + packer.flush()
    s3 = moto.client("s3")
    s3.create_bucket(Bucket="bombs")
    s3.put_object(Bucket="bombs", Key="log.gz", Body=bomb, ContentEncoding="gzip")

    found = FakeRun().call(aws_s3, operation="previewObject", bucket="bombs", key="log.gz", maxBytes=1000)

    assert (len(found["preview"]["text"]), found["preview"]["truncated"]) == (1000, True)
