"""Which addresses a fetch for a stranger may reach, and which are those of somebody named."""

import ipaddress
from collections.abc import Sequence
from typing import Final

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_UNICAST: Final = ipaddress.ip_network("2000::/3")
_EMBEDDING: Final = tuple(
    ipaddress.ip_network(each)
    # Teredo, 6to4, and the documentation and benchmarking ranges: an IPv4 address or nobody is behind them.
    for each in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")
)
_ISATAP: Final = (0x00005EFE, 0x02005EFE)
_NOT_GLOBAL: Final = tuple(ipaddress.ip_network(each) for each in ("100.64.0.0/10", "192.88.99.0/24", "198.18.0.0/15"))


def is_among(address: str, networks: Sequence[Network]) -> bool:
    """Whether *address*, of a peer, lies in one of *networks*."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped:
        # How a socket for both families names an IPv4 peer (RFC 4291 2.5.5.2).
        found = found.ipv4_mapped
    return any(found in network for network in networks)


def is_public(text: str) -> bool:
    """Whether an address is global unicast. IPv6 forms that carry an IPv4 address (NAT64, mapped, ...) are not."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    if not address.is_global or address.is_multicast or address.is_reserved:
        return False
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in network for network in _NOT_GLOBAL)
    if address not in _UNICAST or any(address in network for network in _EMBEDDING):
        return False
    return (int(address) >> 32) & 0xFFFFFFFF not in _ISATAP
