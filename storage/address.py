"""Where Redis is: one server, the nodes of a cluster, or the sentinels that know who the primary is."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit

SCHEMES: Final = (
    "redis://",
    "rediss://",
    "unix://",
    "redis+cluster://",
    "rediss+cluster://",
    "redis+sentinel://",
    "rediss+sentinel://",
)
SERVICE: Final = "mymaster"
"""What Sentinel's own documentation calls the primary it watches."""

Node = tuple[str, int]
"""Host and port."""


class Kind(StrEnum):
    SERVER = "server"
    CLUSTER = "cluster"
    SENTINEL = "sentinel"


_PORTS: Final = {Kind.SERVER: 6379, Kind.CLUSTER: 6379, Kind.SENTINEL: 26379}


@dataclass(frozen=True, kw_only=True)
class Address:
    """The parts of MCP_REDIS_URL."""

    kind: Kind
    nodes: tuple[Node, ...]
    """The server, some nodes of the cluster, or the sentinels; none for a socket in the file system."""
    is_tls: bool
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    database: int = 0
    service: str = SERVICE

    @classmethod
    def parse(cls, url: str) -> "Address":
        """The parts of *url*; ValueError with a sentence that shows none of it."""
        if not url.startswith(SCHEMES):
            raise ValueError(f"the address must begin with {', '.join(SCHEMES)}")
        scheme, _, rest = url.partition("://")
        protocol, _, named = scheme.partition("+")
        parts = urlsplit(f"//{rest}")
        query = parse_qs(parts.query)
        _check_query(query)
        if protocol == "unix":
            return cls(kind=Kind.SERVER, nodes=(), is_tls=False)
        kind = Kind(named) if named else Kind.SERVER
        door, _, hosts = parts.netloc.rpartition("@")
        user, _, password = door.partition(":")
        return cls(
            kind=kind,
            nodes=tuple(_node(host, _PORTS[kind]) for host in hosts.split(",")),
            is_tls=protocol == "rediss",
            user=unquote(user) or None,
            password=unquote(password) or None,
            database=_database(kind, parts.path, query),
            service=query.get("service", [SERVICE])[0],
        )


def _check_query(query: dict[str, list[str]]) -> None:
    # redis-py and kombu take `?ssl_cert_reqs=none` from an address, and then believe every certificate.
    if any(name.startswith("ssl") for name in query):
        raise ValueError(
            "TLS is set by MCP_REDIS_CA_FILE, MCP_REDIS_CERT_FILE and MCP_REDIS_KEY_FILE, not in the address"
        )


def _node(text: str, default: int) -> Node:
    try:
        parts = urlsplit(f"//{text}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host or port == 0:
        raise ValueError("every server in the address must be host or host:port")
    return host, port or default


def _database(kind: Kind, path: str, query: dict[str, list[str]]) -> int:
    text = path.strip("/") or query.get("db", ["0"])[0]
    if not text.isdecimal():
        raise ValueError("the path of the address must be the number of a database")
    if kind is Kind.CLUSTER and int(text):
        raise ValueError("a Redis Cluster has database 0 alone")
    return int(text)
