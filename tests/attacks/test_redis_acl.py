"""Each process has a user of Redis that may do what it must, and nothing else (A62)."""

import json
import subprocess
import sys
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import redis
from redis.exceptions import ResponseError

from storage import keys
from storage.access import ROLES
from tests.attacks.doors import door
from tests.clients import wire
from tests.journeys.conftest import OWN_TOOLS
from tests.journeys.everything import live
from tests.journeys.test_flower import tasks as flower_tasks
from tests.oauth import new_app, tokens
from tests.servers import Stack, ValkeyServer, free_port, until

PASSWORD = "a-password-for-tests"
VIEWER = ("viewer", "another-password")
COMMANDS = {"web": "serve", "worker": "worker", "flower": "flower", "operator": "keys"}


@dataclass
class Fenced:
    """A stack whose processes are users of their own; only the server's log of denials is read as administrator."""

    stack: Stack
    server: ValkeyServer

    def as_role(self, role: str) -> Any:
        """redis-py's sync client is half typed."""
        return redis.Redis(port=self.server.port, username=f"mcp-{role}", password=PASSWORD)

    def denied(self) -> list[str]:
        """What anybody was refused since this was last asked."""
        with self.server.client(0) as admin:
            found = [f"{row['username']}: {row['reason']} {row['object']}" for row in _rows(admin)]
            admin.execute_command("ACL", "LOG", "RESET")
            return found


def _rows(admin: Any) -> list[dict[str, str]]:
    return [{str(name): str(value) for name, value in row.items()} for row in admin.acl_log()]


@pytest.fixture(scope="module")
def fenced(tmp_path_factory: pytest.TempPathFactory) -> Generator[Fenced]:
    """A Redis of its own, whose users are made by what `mcp-playground redis acl` prints."""
    folder = tmp_path_factory.mktemp("fenced")
    (folder / "redis").mkdir()
    with ValkeyServer(folder / "redis") as server:
        with server.client(0) as admin:
            for line in printed():
                admin.execute_command(*line.replace("PASSWORD", PASSWORD).replace("'", "").split())
        urls = {
            command: {"MCP_REDIS_URL": f"redis://mcp-{role}:{PASSWORD}@127.0.0.1:{server.port}/0"}
            for role, command in COMMANDS.items()
        }
        urls["flower"]["FLOWER_BASIC_AUTH"] = ":".join(VIEWER)
        with door(
            server, 0, folder, roles=urls, MCP_TOOL_MODULES=str(OWN_TOOLS), MCP_RESULT_INLINE_LIMIT="2000"
        ) as stack:
            yield Fenced(stack, server)


def printed(*arguments: str) -> list[str]:
    command = [sys.executable, "-m", "api.cli.main", "redis", "acl", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout.splitlines()


def test_everything_works_within_the_fence(fenced: Fenced):
    """A62: sign-in, calls, sessions, questions, results, refresh, cancellation; and nobody asked for more."""
    live(fenced.stack, fenced.server)

    assert fenced.denied() == []


def test_operators_and_flower_work_within_theirs(fenced: Fenced):
    """A62: `keys list`, `keys sweep`, `audit`; Flower hears what ran."""
    stack, port = fenced.stack, free_port()
    flower = f"http://127.0.0.1:{port}"
    stack.start("flower", "--port", str(port))
    token = tokens(stack, new_app(stack))["access_token"]

    def seen() -> bool:
        wire(stack.mcp_url, "stateless", authorization=f"Bearer {token}").call("count_up", {})
        return any(task["state"] == "SUCCESS" for task in flower_tasks(flower, auth=VIEWER).values())

    until(seen, "a finished job in Flower", within=40)
    said = [
        subprocess.run(
            [sys.executable, "-m", "api.cli.main", *words],
            env=stack.environment("keys"),
            cwd=stack.folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        for words in (["keys", "list", "--json"], ["keys", "sweep"], ["audit", "-n", "3"])
    ]

    assert [(done.returncode, done.stderr) for done in said] == [(0, "")] * 3
    assert json.loads(said[0].stdout.splitlines()[0])["it"] == "seals"
    # Like any consumer of kombu's it would put back what others did not acknowledge; that is not for it to do.
    assert set(fenced.denied()) <= {f"mcp-flower: key {keys.BROKER_PREFIX}unacked_mutex"}


FORBIDDEN: dict[str, list[tuple[str, ...]]] = {
    "everybody": [
        ("FLUSHALL",),
        ("FLUSHDB",),
        ("KEYS", "*"),
        ("CONFIG", "GET", "*"),
        ("CONFIG", "SET", "dir", "elsewhere"),
        ("SHUTDOWN",),
        ("SAVE",),
        ("REPLICAOF", "NO", "ONE"),
        ("MODULE", "LIST"),
        ("ACL", "LIST"),
        ("MONITOR",),
        ("CLIENT", "LIST"),
        ("SLOWLOG", "GET"),
        ("RENAME", "mcp:a", "mcp:b"),
        ("MIGRATE", "127.0.0.1", "1", "mcp:a", "0", "1"),
        ("FUNCTION", "LIST"),
        ("DUMP", "mcp:a"),
        ("GET", "another:application"),
        ("SET", "another:application", "x"),
        ("PUBLISH", "another", "x"),
        ("EVAL", "return redis.call('FLUSHALL')", "0"),
        ("EVAL", "return redis.call('GET', 'another:application')", "0"),
    ],
    "web": [("SCAN", "0")],
    "worker": [
        ("SCAN", "0"),
        ("GET", keys.client("c")),
        ("HGETALL", keys.grant("0" * 32)),
        ("GET", keys.access_token("0" * 32, "x")),
        ("HGETALL", keys.session("p", "s")),
        ("XRANGE", keys.AUDIT, "-", "+"),
        ("GET", keys.signin_code("x")),
        ("PUBLISH", keys.CONTROL_CHANNEL, "x"),
        ("EVAL", f"return redis.call('GET', '{keys.state('x')}')", "0"),
    ],
    "flower": [
        ("SCAN", "0"),
        ("LPUSH", keys.broker_queue("default"), "x"),
        ("DEL", keys.broker_queue("default")),
        ("HGETALL", keys.task("a")),
        ("HSET", f"{keys.BROKER_PREFIX}unacked", "a", "b"),
        ("GET", keys.client("c")),
        ("PUBLISH", keys.CANCEL_CHANNEL, "x"),
    ],
    "operator": [("LPUSH", keys.broker_queue("default"), "x")],
}


@pytest.mark.parametrize("role", list(ROLES))
def test_nobody_may_do_more(fenced: Fenced, role: str):
    """A62: not by a script either."""
    allowed: list[tuple[str, ...]] = []
    with fenced.as_role(role) as client:
        assert client.ping()
        for command in FORBIDDEN["everybody"] + FORBIDDEN[role]:
            try:
                client.execute_command(*command)
            except ResponseError as error:
                # A script's refusal is told by another error than a command's own.
                allowed += [] if "permission" in str(error).lower() else [command]
            else:
                allowed.append(command)

    assert allowed == []
    assert fenced.denied() != []


def test_a_line_is_printed_for_each_role_or_for_one():
    """Ours: all is taken away first; nobody is let in without a password."""
    lines = printed()

    assert [line.split()[2] for line in lines] == [f"mcp-{role}" for role in ROLES]
    assert all(line.split()[3:6] == ["reset", "on", "'>PASSWORD'"] for line in lines)
    assert printed("worker", "--prefix", "x-")[0].startswith("ACL SETUSER x-worker reset on")
    assert not [line for line in lines if "nopass" in line or "+@" in line or "~* " in line]


def test_the_password_of_a_role_is_in_no_log(fenced: Fenced, tmp_path: Path):
    """A52: neither as it is nor in an address."""
    assert [program.name for program in fenced.stack.programs if PASSWORD in program.output()] == []
