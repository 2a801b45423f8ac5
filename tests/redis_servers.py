"""The kinds of Redis that people run, on loopback: TLS with users, a cluster, and sentinels."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol, Self, cast

import redis
import trustme

from tests.redis_client import client_of
from tests.servers import DurableValkey, free_port, until

KIND = "TEST_REDIS"
"""Names the kind of Redis that the tests of faults, and those of the store, run on: a name of KINDS."""
PASSWORD = "a-password-for-tests"
ROLES = {"serve": "web", "worker": "worker", "flower": "flower", "keys": "operator"}
"""By command, the user of Redis that it is."""
SLOTS = 16_384


class Durable(Protocol):
    """What a test needs of a Redis that it kills."""

    def __enter__(self) -> Self: ...
    def __exit__(self, *_: object) -> None: ...
    def start(self) -> None: ...
    def kill(self) -> None: ...
    def assert_ours(self) -> object: ...
    def client(self, database: int) -> Any: ...
    def environment(self) -> Mapping[str, str]: ...
    def roles(self) -> Mapping[str, Mapping[str, str]]: ...
    def kill_subscribers(self) -> int: ...
    def limit_memory(self, size: str) -> None: ...


class DurableRedis(DurableValkey):
    """Debian's redis-server, which is 7.0, the oldest that we support."""

    def binary(self) -> str:
        found = shutil.which("redis-server")
        assert found, "redis-server is missing: run .ci/redis"
        return found


class TlsRedis(DurableRedis):
    """Speaks TLS alone, knows its clients by their certificates too, and its users are what `redis acl` prints."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        # Elsewhere: what Redis itself writes is looked through for secrets.
        self._kept = _made(folder.with_name(f"{folder.name}-keys"))
        authority = trustme.CA()
        self.authority = self._keep("ca.pem", authority.cert_pem)
        server, client = authority.issue_cert("127.0.0.1", "localhost"), authority.issue_cert("client@example.com")
        self._server = self._pair("server", server)
        self._client = self._pair("client", client)
        self._users = self._kept / "users.acl"
        # A default user without its commands would cost data: Redis 7.0 replays its append-only file as that user.
        known = ["default off ~* &* +@all", f"admin on >{PASSWORD} ~* &* +@all", *users()]
        self._users.write_text("".join(f"user {each}\n" for each in known))

    def _pair(self, name: str, made: trustme.LeafCert) -> tuple[Path, Path]:
        return self._keep(f"{name}.pem", made.cert_chain_pems[0]), self._keep(f"{name}.key", made.private_key_pem)

    def _keep(self, name: str, blob: trustme.Blob) -> Path:
        path = self._kept / name
        blob.write_to_path(path)
        return path

    def where(self) -> list[str]:
        certificate, key = map(str, self._server)
        own = ["--tls-cert-file", certificate, "--tls-key-file", key, "--tls-ca-cert-file", str(self.authority)]
        return ["--port", "0", "--tls-port", str(self.port), *own, "--aclfile", str(self._users)]

    def url(self, database: int, role: str = "admin") -> str:
        return f"rediss://{role}:{PASSWORD}@127.0.0.1:{self.port}/{database}"

    def environment(self) -> Mapping[str, str]:
        certificate, key = map(str, self._client)
        files = {"CA_FILE": str(self.authority), "CERT_FILE": certificate, "KEY_FILE": key}
        return {"MCP_REDIS_URL": self.url(0), **{f"MCP_REDIS_{name}": value for name, value in files.items()}}

    def roles(self) -> Mapping[str, Mapping[str, str]]:
        return {command: {"MCP_REDIS_URL": self.url(0, f"mcp-{role}")} for command, role in ROLES.items()}

    def port_option(self) -> str:
        return "tls-port"


def users() -> list[str]:
    """What `mcp-playground redis acl` prints, from the name on."""
    command = [sys.executable, "-m", "api.cli.main", "redis", "acl"]
    printed = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    lines = printed.replace("PASSWORD", PASSWORD).replace("'", "").splitlines()
    return [line.removeprefix("ACL SETUSER ") for line in lines]


class ClusterMember(DurableValkey):
    """One of the nodes; what it needs to find the others again is in its folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.bus = free_port()

    def options(self) -> list[str]:
        bus = ["--cluster-enabled", "yes", "--cluster-port", str(self.bus), "--cluster-node-timeout", "2000"]
        return [*super().options(), *bus]

    def command(self, *words: object) -> Any:
        with redis.Redis(port=self.port) as client:
            return cast("Any", client).execute_command(*words)

    def denials(self) -> list[dict[str, Any]]:
        with self.client(0) as client:
            return client.acl_log()

    def is_well(self, of: int) -> bool:
        """Whether it serves, and knows so many nodes."""
        told: dict[str, str] = self.command("CLUSTER INFO")
        return (told["cluster_state"], told["cluster_known_nodes"]) == ("ok", str(of))


class ClusterValkey:
    """Three primaries that share the slots."""

    def __init__(self, folder: Path, *, member: type[ClusterMember] = ClusterMember) -> None:
        self.folder = folder
        self.nodes = [member(_made(folder / str(number))) for number in range(3)]
        self._life = ExitStack()

    def __enter__(self) -> Self:
        for node in self.nodes:
            self._life.enter_context(node)
        first, share = self.nodes[0], SLOTS // len(self.nodes)
        for number, node in enumerate(self.nodes):
            last = SLOTS - 1 if node is self.nodes[-1] else (number + 1) * share - 1
            node.command("CLUSTER", "ADDSLOTSRANGE", number * share, last)
            node.command("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
            if node is not first:
                first.command("CLUSTER", "MEET", "127.0.0.1", node.port, node.bus)
        self.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._life.close()

    def wait(self) -> None:
        until(lambda: all(node.is_well(len(self.nodes)) for node in self.nodes), "the cluster being well", within=30)

    def start(self) -> None:
        """Start again what does not run, and wait for the cluster."""
        for node in self.nodes:
            if node.process is not None and node.process.poll() is not None:
                node.start()
        self.wait()

    def kill(self) -> None:
        for node in self.nodes:
            node.kill()

    def assert_ours(self) -> None:
        for node in self.nodes:
            node.assert_ours()

    def url(self, database: int) -> str:
        assert database == 0, "a cluster has no other"
        return "redis+cluster://" + ",".join(f"127.0.0.1:{node.port}" for node in self.nodes)

    def client(self, database: int) -> Any:
        return client_of({"MCP_REDIS_URL": self.url(database)})

    def environment(self) -> Mapping[str, str]:
        return {"MCP_REDIS_URL": self.url(0)}

    def roles(self) -> Mapping[str, Mapping[str, str]]:
        return {}

    def kill_subscribers(self) -> int:
        return sum(node.kill_subscribers() for node in self.nodes)

    def limit_memory(self, size: str) -> None:
        for node in self.nodes:
            node.limit_memory(size)

    def let_in(self) -> Mapping[str, Mapping[str, str]]:
        """Give the roles their users, on every node, for each knows its own; the settings of each command."""
        for node in self.nodes:
            for line in users():
                node.command("ACL", "SETUSER", *line.split())
        hosts = self.url(0).rpartition("/")[2]
        return {
            command: {"MCP_REDIS_URL": f"redis+cluster://mcp-{role}:{PASSWORD}@{hosts}"}
            for command, role in ROLES.items()
        }

    def denied(self) -> list[str]:
        """What anybody was refused, at any node."""
        rows: list[dict[str, Any]] = [row for node in self.nodes for row in node.denials()]
        return [f"{row['username']}: {row['reason']} {row['object']}" for row in rows]

    def flush(self, database: int) -> None:
        for node in self.nodes:
            node.flush(database)

    def immortal_keys(self, database: int) -> list[str]:
        return [name for node in self.nodes for name in node.immortal_keys(database)]


class Replica(DurableValkey):
    """Copies another server, until a sentinel makes it the primary."""

    def __init__(self, folder: Path, primary: DurableValkey) -> None:
        super().__init__(folder)
        self._primary = primary

    def options(self) -> list[str]:
        return [*super().options(), "--replicaof", f"127.0.0.1 {self._primary.port}"]


class SentinelPair:
    """A primary, its replica, and sentinels that promote it a second after the primary is gone."""

    def __init__(self, folder: Path, *, sentinels: int = 3) -> None:
        self.primary = DurableValkey(_made(folder / "primary"))
        self.replica = Replica(_made(folder / "replica"), self.primary)
        self.ports = [free_port() for _ in range(sentinels)]
        self._folder = folder
        self._sentinels: list[subprocess.Popen[bytes]] = []
        self._life = ExitStack()

    def __enter__(self) -> Self:
        self._life.enter_context(self.primary)
        self._life.enter_context(self.replica)
        until(lambda: _info(self.replica, "master_link_status") == "up", "the replica following")
        for port in self.ports:
            self._start_sentinel(port)
        until(lambda: all(map(self._sees_all, self.ports)), "the sentinels knowing everybody", within=30)
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._sentinels:
            process.terminate()
            process.wait(10)
        self._life.close()

    def _start_sentinel(self, port: int) -> None:
        folder = _made(self._folder / f"sentinel-{port}")
        watch = f"sentinel monitor mymaster 127.0.0.1 {self.primary.port} {len(self.ports) // 2 + 1}"
        quick = ["sentinel down-after-milliseconds mymaster 1000", "sentinel failover-timeout mymaster 5000"]
        config = folder / "sentinel.conf"
        config.write_text("\n".join([f"port {port}", "bind 127.0.0.1", f"dir {folder}", watch, *quick, ""]))
        with (folder / "sentinel.log").open("ab") as log:
            command = [self.primary.binary(), str(config), "--sentinel"]
            self._sentinels.append(subprocess.Popen(command, stdout=log, stderr=log))

    def _sees_all(self, port: int) -> bool:
        try:
            with redis.Redis(port=port) as client:
                told = cast("Any", client).sentinel_master("mymaster")
                return (told["num-slaves"], told["num-other-sentinels"]) == (1, len(self.ports) - 1)
        except redis.RedisError:
            return False

    def wait_for_copies(self) -> None:
        """Until the replica has all that the primary has acknowledged."""
        with self.primary.client(0) as client:
            offset = client.info("replication")["master_repl_offset"]
        until(lambda: int(_info(self.replica, "slave_repl_offset")) >= offset, "the replica having it all")

    def kill(self) -> None:
        self.primary.kill()

    def wait_for_promotion(self) -> None:
        until(lambda: _info(self.replica, "role") == "master", "the replica promoted", within=30)

    def client(self, database: int) -> Any:
        return client_of({"MCP_REDIS_URL": self.url(database)})

    def flush(self, database: int) -> None:
        with self.client(database) as client:
            client.flushdb()

    def immortal_keys(self, database: int) -> list[str]:
        with self.client(database) as client:
            return [name.decode() for name in client.scan_iter(count=1000) if client.ttl(name) == -1]

    def url(self, database: int) -> str:
        hosts = ",".join(f"127.0.0.1:{port}" for port in self.ports)
        return f"redis+sentinel://{hosts}/{database}?service=mymaster"


def _info(server: DurableValkey, name: str) -> Any:
    with server.client(0) as client:
        return client.info("replication").get(name, 0)


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


class ClusterRedisMember(ClusterMember, DurableRedis):
    pass


def cluster_of_redis(folder: Path) -> ClusterValkey:
    """A cluster of Debian's redis-server."""
    return ClusterValkey(folder, member=ClusterRedisMember)


KINDS = {
    "": DurableValkey,
    "valkey": DurableValkey,
    "redis": DurableRedis,
    "tls": TlsRedis,
    "cluster": ClusterValkey,
    "redis-cluster": cluster_of_redis,
}


def chosen(folder: Path) -> Durable:
    """A Redis of the kind that TEST_REDIS names."""
    return KINDS[os.environ.get(KIND, "")](folder)
