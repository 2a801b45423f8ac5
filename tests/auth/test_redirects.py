"""A redirect URI is the registered one, byte for byte."""

import pytest

from auth.redirects import BadRedirect, check, is_registered

REGISTERED = ("https://a.example/cb", "http://127.0.0.1/cb", "cursor://anysphere.cursor-retrieval/oauth/callback")


@pytest.mark.parametrize(
    "uri",
    [
        "https://A.example/cb",
        "https://a.example:443/cb",
        "https://a.example/x/../cb",
        "https://a.example/./cb",
        "https://a.example\\cb",
        "https://a.example/cb\t",
        " https://a.example/cb",
        "https://a.example/cb?x",
        "https://a.example/cb#f",
        "https://a.example/%63b",
        "https://user@a.example/cb",
        "https://a.example/cb/",
        "HTTPS://a.example/cb",
        "https://a.example./cb",
        "https://a.example/cb ",
    ],
)
def test_no_other_spelling_is_the_registered_one(uri: str):
    """A10: whatever a browser would make of it."""
    assert not is_registered(uri, REGISTERED)


def test_the_registered_ones_are():
    """OAuth 2.1 2.3.1."""
    assert all(is_registered(uri, REGISTERED) for uri in REGISTERED)


@pytest.mark.parametrize("port", ["", ":1", ":49152", ":65535"])
def test_a_loopback_address_may_come_with_any_port(port: str):
    """RFC 8252 7.3: a native client learns it when it listens."""
    assert is_registered(f"http://127.0.0.1{port}/cb", REGISTERED)


@pytest.mark.parametrize(
    "uri",
    [
        "http://127.0.0.1:49152/other",
        "http://127.0.0.2:49152/cb",
        "http://0x7f.1/cb",
        "http://2130706433/cb",
        "http://localhost.evil/cb",
        "http://localhost/cb",
        "http://127.0.0.1:0/cb",
        "http://127.0.0.1:65536/cb",
        "http://127.0.0.1:80@evil.example/cb",
        "https://127.0.0.1:49152/cb",
    ],
)
def test_nothing_else_is_loopback(uri: str):
    """A11."""
    assert not is_registered(uri, REGISTERED)


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "javascript:alert(1)",
        "javascript://x/%0aalert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        "http://evil.example/cb",
        "http://localhost.evil.example/cb",
        "https://user@a.example/cb",
        "https://a.example/cb#f",
        "https://*.example/cb",
        "https://a.example\\@evil.example/cb",
        "https:///cb",
        "vscode://x/cb",
        "cursor:cb",
        "https://a.example/" + "x" * 512,
        "https://exämple.com/cb",
    ],
)
def test_a_bad_one_is_not_registered(uri: str):
    """A12."""
    with pytest.raises(BadRedirect):
        check(uri, schemes=("cursor",))


@pytest.mark.parametrize(
    "uri", [*REGISTERED, "http://localhost:3000/cb", "http://[::1]:99/cb", "https://xn--exmple-cua.com/cb?a=b"]
)
def test_a_good_one_is(uri: str):
    """RFC 8252 7, and Cursor's own scheme."""
    check(uri, schemes=("cursor",))
