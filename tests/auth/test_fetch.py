"""What may be fetched for a stranger, and how long it is good."""

from datetime import timedelta

import pytest

from auth.fetch import BadDocument, check_url, fresh_for

NOON, ONE = "Sat, 28 Nov 2026 12:00:00 GMT", "Sat, 28 Nov 2026 13:00:00 GMT"
LEAST, HOUR, MOST = timedelta(minutes=5), timedelta(hours=1), timedelta(hours=24)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://app.example/c",
        "https://app.example",
        "https://app.example/",
        "https://app.example?c",
        "https://app.example/c#f",
        "https://user@app.example/c",
        "https://app.example@evil.example/c",
        "https://app.example:22/c",
        "https://app.example:443/c",
        "https://app.example/a/../c",
        "https://app.example/./c",
        "https://app.example/..",
        "https://app.example/a/%2e%2e/c",
        "https://app.example/a/%2E./c",
        "https://app.example/%2e",
        "https://app.example/%",
        "https://app.example/%zz",
        "https://app.example/a b",
        "https://app.example/c\\d",
        "https://app.example/c\r\nx: y",
        "https://app.example/c\n",
        "https://127.0.0.1/c",
        "https://127.1/c",
        "https://2130706433/c",
        "https://017700000001/c",
        "https://0x7f000001/c",
        "https://0x7f.0.0.0x1/c",
        "https://app.0X/c",
        "https://[::1]/c",
        "https://localhost/c",
        "https://localhost./c",
        "https://redis/c",
        "https://app.example./c",
        "https://app..example/c",
        "https://-app.example/c",
        f"https://{'a' * 64}.example/c",
        f"https://{'a.' * 127}example/c",
        "https://\u24d0pp.example/c",
        "https://app.example/" + "x" * 512,
    ],
)
def test_a_bad_address_is_refused_before_anything_is_asked(url: str):
    """A32, A33; draft-ietf-oauth-client-id-metadata-document-02 3."""
    with pytest.raises(BadDocument):
        check_url(url)


def test_a_good_one_is_taken_as_it_stands():
    """RFC 3986 6.2.1: but for the host, whose letters have no case."""
    assert check_url("https://App.example/a.b//c...;d=1/%20?q=/x") == ("app.example", "/a.b//c...;d=1/%20?q=/x")


@pytest.mark.parametrize(
    ("headers", "fresh"),
    [
        ({}, LEAST),
        ({"cache-control": "max-age=3600"}, HOUR),
        ({"cache-control": 'Public, Max-Age="3600"'}, HOUR),
        ({"cache-control": "max-age=3600", "age": "1800"}, HOUR / 2),
        ({"cache-control": "max-age=3600", "age": "x"}, HOUR),
        ({"cache-control": "max-age=1"}, LEAST),
        ({"cache-control": "max-age=999999999"}, MOST),
        ({"cache-control": "max-age=-1"}, LEAST),
        ({"cache-control": "s-maxage=3600"}, LEAST),
        ({"cache-control": "x-max-age=3600"}, LEAST),
        ({"cache-control": "no-store, max-age=3600"}, LEAST),
        ({"cache-control": "no-cache, max-age=3600"}, LEAST),
        ({"date": NOON, "expires": ONE}, HOUR),
        ({"date": NOON, "expires": ONE, "age": "1800"}, HOUR / 2),
        ({"date": NOON, "expires": ONE, "cache-control": "max-age=7200"}, 2 * HOUR),
        ({"date": ONE, "expires": NOON}, LEAST),
        ({"date": NOON, "expires": "0"}, LEAST),
        ({"date": NOON, "expires": "Sat, 28 Nov 2026 13:00:00"}, LEAST),
        ({"expires": ONE}, LEAST),
    ],
)
def test_headers_say_how_long_a_document_is_fresh_within_bounds(headers: dict[str, str], fresh: timedelta):
    """RFC 9111 4.2 and 5: max-age before Expires, less its age; from five minutes to a day."""
    assert fresh_for(headers) == fresh
