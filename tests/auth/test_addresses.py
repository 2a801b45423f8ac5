"""A fetch for a stranger stays on the public internet."""

import pytest

from auth.addresses import is_public


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "198.18.0.1",
        "0.0.0.0",  # noqa: S104  # refused
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fc00::1",
        "fe80::1%eth0",
        "::ffff:127.0.0.1",
        "::ffff:8.8.8.8",
        "64:ff9b::7f00:1",
        "64:ff9b:1::1",
        "2002:7f00:1::",
        "2001:0:1:2:3:4:5:6",
        "2001:db8::1",
        "2606:4700::5efe:7f00:1",
        "ff02::1",
        "not an address",
    ],
)
def test_no_private_address_passes_in_any_disguise(address: str):
    """A32: NAT64, 6to4, Teredo, ISATAP and mapped forms carry one."""
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "93.184.215.14", "2606:4700:4700::1111", "2a00:1450:4001::200e"])
def test_public_ones_do(address: str):
    """Ours."""
    assert is_public(address)
