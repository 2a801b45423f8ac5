"""Where a request comes from, and whom it is counted as."""

from ipaddress import ip_network
from typing import Any, cast

import pytest
from litestar.types import HTTPScope

from api.address import client_address, network

TRUSTED = [ip_network("127.0.0.1"), ip_network("10.0.0.0/8")]


def scope_of(peer: str, *forwarded: str) -> HTTPScope:
    headers = [(b"x-forwarded-for", value.encode()) for value in forwarded]
    scope: dict[str, Any] = {"client": (peer, 1), "headers": headers}
    return cast("HTTPScope", scope)


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("192.0.2.1", ["203.0.113.9"], "192.0.2.1"),
        ("127.0.0.1", ["203.0.113.9"], "203.0.113.9"),
        ("::ffff:127.0.0.1", ["203.0.113.9"], "203.0.113.9"),
        ("127.0.0.1", ["203.0.113.9, 10.1.1.1"], "203.0.113.9"),
        ("127.0.0.1", ["1.1.1.1, 203.0.113.9"], "203.0.113.9"),
        ("127.0.0.1", ["1.1.1.1", "203.0.113.9"], "203.0.113.9"),
        ("127.0.0.1", [], "127.0.0.1"),
    ],
)
def test_only_our_proxies_are_believed(peer: str, forwarded: list[str], expected: str):
    """A36: from the right, over as many of them as there are, an IPv4 peer in IPv6's clothes included."""
    assert client_address(scope_of(peer, *forwarded), TRUSTED) == expected


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("unknown", "unknown"),
    ],
)
def test_a_network_of_ipv6_is_one_stranger(address: str, expected: str):
    """RFC 4291 2.5.1: a subscriber has a /64 at least."""
    assert network(address) == expected
