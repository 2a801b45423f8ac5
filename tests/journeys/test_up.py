"""`up`: one command starts everything, and everything ends with it."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import psutil
import pytest
import redis

from storage.embedded import EmbeddedRedis, running
from storage.settings import StorageSettings
from tests.clients import Arrived, listen, wire
from tests.scraped import scrape
from tests.servers import Program, Stack, free_ports_in_a_row, until


@contextmanager
def up(folder: Path, *options: str, **settings: str) -> Generator[tuple[Stack, Program]]:
    """A running `up` on a free port, ready."""
    stack = Stack("", folder, {"MCP_DRAIN_TIMEOUT": "2", **settings})
    program = stack.start("up", "--port", str(stack.port), *options)
    try:
        until(lambda: "ready: MCP at" in program.output() or program.process.poll() is not None, "the ready line", 60)
        assert program.process.poll() is None, program.output()
        yield stack, program
    finally:
        program.stop()
        if (left := running(folder)) is not None:
            os.kill(left.pid, signal.SIGKILL)


def family(program: Program) -> list[psutil.Process]:
    """The launcher and all it started."""
    launcher = psutil.Process(program.process.pid)
    return [launcher, *launcher.children(recursive=True)]


def gone(processes: list[psutil.Process]) -> bool:
    return not any(map(_runs, processes))


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def child(program: Program, role: str) -> psutil.Process:
    return next(each for each in family(program) if _runs(each) and role in each.cmdline())


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Generator[tuple[Stack, Program]]:
    with up(tmp_path_factory.mktemp("up")) as made:
        yield made


def test_the_ready_block_has_what_a_client_needs(shared: tuple[Stack, Program]):
    """Ours: the URL, a configuration to paste, and a command to try."""
    stack, program = shared

    output = program.output()

    assert f"ready: MCP at {stack.mcp_url}" in output
    pasted = json.loads(re.findall(r"client configuration\s+(\{.*\})", output)[0])
    assert pasted["mcpServers"]["playground"]["url"] == stack.mcp_url
    assert "mcp-playground call streaming" in output
    assert all(line.split(" | ")[0].strip() in {"web", "worker", "redis", "up"} for line in output.splitlines())


def test_web_and_worker_show_their_metrics_on_ports_of_their_own(tmp_path: Path):
    """Ours: one setting for both, the worker's port is the next, and the ready block says so."""
    port = free_ports_in_a_row()
    with up(tmp_path, MCP_METRICS_PORT=str(port)) as (_, program):
        assert f"ports {port} and {port + 1}" in program.output()
        assert [scrape(each).value("mcp_redis_up") for each in (port, port + 1)] == [1, 1]


def test_the_command_line_client_shows_each_step(shared: tuple[Stack, Program]):
    """Ours: `call` finds the server by its port, tells each step, prints the result, and ends with 0."""
    stack, _ = shared
    command = ["mcp-playground", "call", "streaming", "count=3", "intervalMs=200"]
    environment = {**stack.environment(), "MCP_PORT": str(stack.port)}

    done = subprocess.run(
        [Path(sys.executable).parent / command[0], *command[1:]],
        capture_output=True,
        text=True,
        timeout=60,
        env=environment,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert [line[:4] for line in done.stderr.splitlines()] == ["1/3 ", "2/3 ", "3/3 "]
    assert json.loads(done.stdout)["count"] == 3


def test_no_password_or_key_is_on_a_command_line(shared: tuple[Stack, Program]):
    """Ours: everyone on the machine may read command lines."""
    stack, program = shared
    state = running(stack.folder)
    assert state is not None
    secrets = [state.password, (stack.folder / "secret.key").read_text()]

    lines = [" ".join(each.cmdline()) for each in [*family(program), psutil.Process(state.pid)]]

    assert not any(secret in line for secret in secrets for line in lines)
    modes = {path.name: path.stat().st_mode & 0o777 for path in (stack.folder / "redis").glob("*.*") if path.is_file()}
    assert modes["state.json"] == modes["redis.conf"] == 0o600
    assert (stack.folder / "secret.key").stat().st_mode & 0o777 == 0o600


def test_a_second_launcher_is_turned_away(shared: tuple[Stack, Program]):
    """Ours: one launcher for one data directory; another port is not enough, and the sentence says what is."""
    stack, _ = shared
    other = Stack("", stack.folder, {})
    program = other.start("up", "--port", str(other.port))

    until(lambda: program.process.poll() is not None, "its end")

    assert program.process.returncode == 2
    assert "MCP_DATA_DIR" in program.output()


def test_a_port_in_use_is_named(shared: tuple[Stack, Program], tmp_path: Path):
    """Ours: said before anything is started."""
    stack, _ = shared
    other = Stack("", tmp_path, {})
    program = other.start("up", "--port", str(stack.port))

    until(lambda: program.process.poll() is not None, "its end")

    assert program.process.returncode == 2
    assert f"MCP_PORT is {stack.port}" in program.output()


def test_a_child_that_dies_is_started_again(shared: tuple[Stack, Program]):
    """Ours: kill -9 of the worker and of the web process, and the server is back."""
    stack, program = shared
    for role in ("worker", "serve"):
        victim = child(program, role)
        victim.kill()
        until(lambda victim=victim, role=role: gone([victim]) and _has(program, role), f"a new {role}", 30)
        stack.wait_ready()

    assert wire(stack.mcp_url, "stateless").call("streaming", {"count": 1}).result["structuredContent"]["count"] == 1
    assert "signal SIGKILL" in program.output()


def test_a_redis_that_dies_comes_back_with_what_it_held(shared: tuple[Stack, Program]):
    """Ours: kill -9 of Redis in the middle of a run; the client gets every later event and the result, once."""
    stack, program = shared
    state = running(stack.folder)
    assert state is not None
    asked = wire(stack.mcp_url, "stateless")
    arguments = {"count": 8, "intervalMs": 400}
    with asked.open("tools/call", {"name": "streaming", "arguments": arguments}, meta={"progressToken": 1}) as response:
        events = (each for each in listen(response) if isinstance(each, Arrived))
        seen = [next(events), next(events)]
        os.kill(state.pid, signal.SIGKILL)
        seen += list(events)

    values = [each.message["params"]["progress"] for each in seen[:-1]]
    assert values == sorted(set(values))
    assert values[-1] == 8.0
    assert seen[-1].message["result"]["structuredContent"]["count"] == 8
    assert "started again on its data" in program.output()


def _has(program: Program, role: str) -> bool:
    try:
        return child(program, role).is_running()
    except StopIteration:
        return False


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_nothing_is_left_behind_and_no_job_half_recorded(tmp_path: Path, number: signal.Signals):
    """Ours: a stop in the middle of a run ends every process; what may run twice waits for its client to call again."""
    with up(tmp_path, "--flower") as (stack, program):
        everyone = family(program)
        state = running(tmp_path)
        assert state is not None
        everyone.append(psutil.Process(state.pid))
        until(lambda: _has(program, "flower"), "Flower")
        asked = wire(stack.mcp_url, "stateless")
        call = {"name": "streaming", "arguments": {"count": 50, "intervalMs": 500}}
        with asked.open("tools/call", call, meta={"progressToken": 1}) as response:
            events = (each for each in listen(response) if isinstance(each, Arrived))
            next(events)
            os.kill(program.process.pid, number)
            last = [*events][-1]
        status = program.process.wait(40)

    assert status == 0, program.output()[-3000:]
    until(lambda: gone(everyone), "the end of all processes")
    assert last.message["error"]["code"] == -31001
    assert set(_statuses(tmp_path)) == {"queued"}


def _statuses(folder: Path) -> list[str]:
    """The status of every task in the data directory, read by a server started on it again."""
    again = EmbeddedRedis(folder).start()
    try:
        client = cast("Any", redis.Redis).from_url(again.url, decode_responses=True)
        return [client.hget(name, "status") for name in client.scan_iter("mcp:*task:*")]
    finally:
        again.stop()


def test_a_killed_launcher_takes_its_programs_along_and_its_redis_is_found_again(tmp_path: Path):
    """Ours: kill -9 of `up`: web and worker end by themselves, the data stay, the next `up` goes on with them."""
    with up(tmp_path) as (_, program):
        programs = [child(program, "serve"), child(program, "worker")]
        before = running(tmp_path)
        program.process.kill()
        program.process.wait(10)
        until(lambda: gone(programs), "the end of web and worker", 30)

        with up(tmp_path) as (stack, again):
            after = running(tmp_path)
            answered = wire(stack.mcp_url, "stateless").call("streaming", {"count": 1})

    assert before is not None
    assert after == before
    assert "found again" in again.output()
    assert answered.result["structuredContent"]["count"] == 1


def test_a_second_signal_stops_at_once(tmp_path: Path):
    """Ours: whoever cannot wait for the drain does not have to; Redis still writes everything."""
    with up(tmp_path, MCP_DRAIN_TIMEOUT="60") as (stack, program):
        everyone = family(program)
        asked = wire(stack.mcp_url, "handshake")
        with asked.open("tools/call", {"name": "streaming", "arguments": {"count": 50, "intervalMs": 1000}}):
            program.process.terminate()
            until(lambda: "Ctrl-C again" in program.output(), "the drain")
            program.process.terminate()
            program.process.wait(15)

    until(lambda: gone(everyone), "the end of all processes")
    assert StorageSettings(data_dir=tmp_path).data_dir.joinpath("redis", "appendonlydir").is_dir()
