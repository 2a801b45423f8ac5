"""Where Redis is, as people write it."""

import pytest

from storage.address import Address, Kind
from storage.errors import SettingsError
from storage.settings import StorageSettings, read


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("redis://h", Address(kind=Kind.SERVER, nodes=(("h", 6379),), is_tls=False)),
        (
            "rediss://u:p%40ss@[::1]:7000/3",
            Address(kind=Kind.SERVER, nodes=(("::1", 7000),), is_tls=True, user="u", password="p@ss", database=3),
        ),
        ("unix:///run/redis.sock?db=2", Address(kind=Kind.SERVER, nodes=(), is_tls=False)),
        (
            "rediss+cluster://:secret@a:7000,b",
            Address(kind=Kind.CLUSTER, nodes=(("a", 7000), ("b", 6379)), is_tls=True, password="secret"),
        ),
        (
            "redis+sentinel://s1,s2:26380/4?service=store",
            Address(
                kind=Kind.SENTINEL, nodes=(("s1", 26379), ("s2", 26380)), is_tls=False, database=4, service="store"
            ),
        ),
    ],
)
def test_an_address_says_what_kind_of_redis_there_is(url: str, expected: Address):
    """Ours: the forms of docs/redis.md."""
    assert Address.parse(url) == expected


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://h", "must begin with"),
        ("redis+cluster://a,,b", "host or host:port"),
        ("redis+cluster://a:7000/1", "database 0 alone"),
        ("redis://h/first", "number of a database"),
        ("redis://h:port", "host or host:port"),
        ("rediss://h?ssl_cert_reqs=none", "MCP_REDIS_CA_FILE"),
        ("rediss://h?ssl_check_hostname=false", "MCP_REDIS_CA_FILE"),
    ],
)
def test_a_wrong_address_is_told_in_a_sentence(url: str, said: str):
    """Ours: there is no way to write that a certificate is not to be verified."""
    with pytest.raises(SettingsError, match=said) as raised:
        read(StorageSettings, redis_url=url)

    assert url not in str(raised.value)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"redis_url": "redis://h", "redis_ca_file": __file__}, "must begin with rediss"),
        ({"redis_url": "rediss://h", "redis_cert_file": __file__}, "belong together"),
        ({"redis_url": "rediss://h", "redis_ca_file": "/no/such/file"}, "MCP_REDIS_CA_FILE.*cannot be read"),
    ],
)
def test_files_of_tls_that_cannot_be_meant_are_told(settings: dict[str, str], said: str):
    """Ours: before anything starts."""
    with pytest.raises(SettingsError, match=said):
        read(StorageSettings, **settings)
