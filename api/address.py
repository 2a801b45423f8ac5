"""Where a request comes from, which is what its connection says unless a proxy of ours vouches for another."""

import ipaddress
from collections.abc import Sequence

from litestar.types import HTTPScope

from auth.addresses import Network, is_among


def client_address(scope: HTTPScope, trusted: Sequence[Network]) -> str:
    """The peer, or the last address in X-Forwarded-For that none of the *trusted* proxies wrote for one of them.

    Read from the right: what stands further left was sent by whoever is asking, and may say anything.
    """
    address = scope["client"][0] if scope["client"] else "unknown"
    if not trusted:
        return address
    named = [value.decode("latin-1") for name, value in scope["headers"] if name == b"x-forwarded-for"]
    chain = [part.strip() for value in named for part in value.split(",")]
    while chain and is_among(address, trusted):
        address = chain.pop()
    return address


def network(address: str) -> str:
    """Whom an address is counted as: itself, or of IPv6 the network that one subscriber has (RFC 4291 2.5.1, a /64)."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv4Address):
        return address
    if found.ipv4_mapped:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((int(found) >> 64 << 64, 64)))
