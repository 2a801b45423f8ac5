"""Who writes to the broker or to the store: what a worker makes of it (A59-A61)."""

import base64
import json
import os
import pickle
import uuid
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from storage import keys
from storage.records import Principal, TaskRecord
from storage.seal import KeyRing, decode_key, new_key
from storage.task_seal import of_arguments
from tasks.broker import RUN_TOOL
from tests.attacks.doors import door
from tests.attacks.test_swapped import post
from tests.clients import Wire
from tests.journeys.conftest import OWN_TOOLS
from tests.journeys.test_task_extension import DECLARED
from tests.oauth import new_app, tokens
from tests.servers import Stack, ValkeyServer, running_stack, until

QUEUE = keys.broker_queue("default")
EMBED: dict[str, None] = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}
HUGE = 8 * 1024 * 1024


@pytest.fixture(scope="module")
def mill(valkey: ValkeyServer, tmp_path_factory: pytest.TempPathFactory) -> Generator[Stack]:
    """One worker, which has to live through all of it."""
    with running_stack(valkey.url(50), tmp_path_factory.mktemp("mill"), MCP_TOOL_MODULES=str(OWN_TOOLS)) as running:
        yield running
        assert running.programs[0].process.poll() is None


class Exploit:
    """Leaves a file when it is unpickled."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[Any, ...]:
        return (os.mknod, (str(self.file),))


def message(*, args: Any = ("0" * 32,), body: bytes | None = None, without: str = "", **changes: Any) -> str:
    """As kombu puts one into the queue: *changes* are to its headers or, where it has such a field, to itself."""
    plain = json.dumps([args, {}, EMBED]).encode() if body is None else body
    tag = uuid.uuid4().hex
    properties = {
        "correlation_id": tag,
        "delivery_mode": 2,
        "delivery_info": {"exchange": "", "routing_key": "default"},
        "priority": 0,
        "body_encoding": "base64",
        "delivery_tag": tag,
    }
    whole: dict[str, Any] = {
        "body": base64.b64encode(plain).decode(),
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": {"lang": "py", "task": RUN_TOOL, "id": tag, "eta": None, "expires": None},
        "properties": properties,
    }
    for name, value in changes.items():
        field = name.replace("_", "-")
        target = whole if field in whole else whole["headers"]
        target[field if field in whole else name] = value
    return json.dumps({name: value for name, value in whole.items() if name != without})


def pickled(file: Path, **changes: Any) -> str:
    return message(body=pickle.dumps([[Exploit(file)], {}, EMBED]), **changes)


PICKLES = {
    "as it is": {"content_type": "application/x-python-serialize", "content_encoding": "binary"},
    "as another spelling": {"content_type": "application/x-pickle", "content_encoding": "binary"},
    "said to be JSON": {},
    "said to be YAML": {"content_type": "application/x-yaml"},
    "said to be nothing": {"content_type": None},
}
MALFORMED = {
    "not JSON": "\x00\xff{not json",
    "a JSON list": json.dumps(["a", {"list": 1}]),
    "a body that is not base64": message().replace('"body": "', '"body": "!!!'),
    "no headers": message(without="headers"),
    "no properties": message(without="properties"),
    "an unknown task": message(task="os.system"),
    "a wrong content type": message(content_type="text/x-shellscript"),
    "an encoding that nobody knows": message(content_encoding="rot13-of-nothing"),
    "a huge body": message(args=["x" * HUGE]),
    "a task id of the wrong type": message(args=[{"$ne": None}]),
    "a task id that is a number": message(args=[7]),
    "an eta in another age": message(eta="9999-12-31T23:59:59+00:00"),
    "an eta that is no time": message(eta="soon"),
    "a negative expiry": message(expires=-1),
    "an absurd expiry": message(expires=1e300),
    "retries beyond count": message(retries=10**9),
    "a reply to somewhere": message(reply_to="mcp:audit"),
}


def serves(stack: Stack) -> bool:
    """Whether a real call gets its answer within ten seconds."""
    wire = Wire(stack.mcp_url)
    wire.http.timeout = 10
    return wire.call("count_up", {}).result["structuredContent"] == {"attempt": 1}


@pytest.mark.parametrize("how", list(PICKLES))
def test_a_pickle_is_not_opened(valkey: ValkeyServer, mill: Stack, tmp_path: Path, how: str):
    """A59, CVE-2021-23727: whatever it says it is; the worker goes on."""
    exploited = tmp_path / "exploited"
    with valkey.client(50) as raw:
        raw.lpush(QUEUE, pickled(exploited, **PICKLES[how]))
        until(lambda: raw.llen(QUEUE) == 0, "the message taken")

    assert serves(mill)
    assert not exploited.exists()


def test_the_pickle_would_do_it(tmp_path: Path):
    """A59's oracle: the payload works where somebody opens it."""
    pickle.loads(base64.b64decode(json.loads(pickled(tmp_path / "exploited"))["body"]))  # noqa: S301  # that is the point

    assert (tmp_path / "exploited").exists()


@pytest.mark.parametrize("what", list(MALFORMED))
def test_a_malformed_message_ends_nothing_and_does_not_come_back(valkey: ValkeyServer, mill: Stack, what: str):
    """A60: the worker serves a real call within ten seconds, and nothing of the message is kept for another time."""
    with valkey.client(50) as raw:
        raw.lpush(QUEUE, MALFORMED[what])
        until(lambda: raw.llen(QUEUE) == 0, "the message taken")

        assert serves(mill)
        # What is put back would come again; a message with an eta Celery holds for its time.
        until(lambda: _held(raw) <= {"9999-12-31"} and raw.llen(QUEUE) == 0, "every message acknowledged")
    assert mill.programs[0].process.poll() is None


def _held(raw: Any) -> set[str]:
    """What is delivered and not acknowledged: each by its eta, or as it is."""
    held = [each.decode() for each in raw.hvals(f"{keys.BROKER_PREFIX}unacked")]
    return {"9999-12-31" if "9999-12-31" in each else each for each in held}


@dataclass
class Queued:
    """A task that waits, because the worker is not there yet."""

    id: str
    token: str
    key: str


@pytest.fixture
def yard(valkey: ValkeyServer, tmp_path: Path) -> Generator[Stack]:
    """Web alone: a test starts the worker when it has done its mischief."""
    with door(
        valkey, 51, tmp_path, replicas=1, worker=False, MCP_TOOL_MODULES=str(OWN_TOOLS), MCP_TASK_AFTER="0.1"
    ) as running:
        yield running


def queued(stack: Stack, tool: str, **arguments: Any) -> Queued:
    """A task of somebody of their own."""
    token = tokens(stack, new_app(stack))["access_token"]
    wire = Wire(stack.mcp_url)
    wire.http.headers["authorization"] = f"Bearer {token}"
    handle = wire.call(tool, arguments, meta=DECLARED).result
    return Queued(handle["taskId"], token, keys.task(handle["taskId"]))


def status(stack: Stack, task: Queued) -> dict[str, Any]:
    return post(stack.mcp_url, task.token, "tasks/get", {"taskId": task.id}).json()["result"]


def ended(stack: Stack, task: Queued) -> dict[str, Any]:
    until(lambda: status(stack, task)["status"] not in ("working", "input_required"), "its end", within=40)
    return status(stack, task)


def test_who_edits_tasks_runs_nothing(valkey: ValkeyServer, yard: Stack, tmp_path: Path):
    """A61: another tool, another's arguments, another's id, an invented one: what was not asked for does not run."""
    effects = {name: tmp_path / name for name in ("tool", "mine", "theirs", "flipped", "invented", "again")}
    edited = queued(yard, "keeps_a_secret", text=str(effects["tool"]))
    mine = queued(yard, "steps", file=str(effects["mine"]), count=1)
    theirs = queued(yard, "steps", file=str(effects["theirs"]), count=1)
    flipped = queued(yard, "steps", file=str(effects["flipped"]), count=1)
    honest = queued(yard, "steps", file=str(effects["again"]), count=1)
    with valkey.client(51) as raw:
        _edit(raw, edited, tool="once")
        one, two = raw.hget(mine.key, "arguments"), raw.hget(theirs.key, "arguments")
        raw.hset(mine.key, "arguments", two)
        raw.hset(theirs.key, "arguments", one)
        value = raw.hget(flipped.key, "arguments")
        raw.hset(flipped.key, "arguments", value[:-1] + bytes([value[-1] ^ 1]))
        for task_id in (honest.id, honest.id, uuid.uuid4().hex):
            raw.lpush(QUEUE, message(args=[task_id]))
        yard.start_worker()
        ends = {
            name: ended(yard, task)
            for name, task in (
                ("tool", edited),
                ("mine", mine),
                ("theirs", theirs),
                ("flipped", flipped),
                ("again", honest),
            )
        }
        attempts = {raw.hget(task.key, "attempt") for task in (edited, mine, theirs, flipped, honest)}

    assert {name: end["status"] for name, end in ends.items()} == dict.fromkeys(
        ("tool", "mine", "theirs", "flipped"), "failed"
    ) | {"again": "completed"}
    assert "was not run" in ends["tool"]["statusMessage"]
    assert [name for name, file in effects.items() if file.exists()] == ["again"]
    assert effects["again"].read_text() == "begun\n"
    assert attempts == {b"1"}
    assert yard.programs[-1].output().count("job refused") == 4


def _edit(raw: Any, task: Queued, **changes: Any) -> None:
    record = json.loads(raw.hget(task.key, "record"))
    raw.hset(task.key, "record", json.dumps(record | changes))


def test_arguments_open_for_their_own_tool_alone():
    """A61: nor for another queue, time limit, number of attempts, or a second run where there was to be one."""
    ring = KeyRing([decode_key(new_key())])
    me = Principal(client_id="c", issuer="i", subject="s")
    usual: dict[str, Any] = {"id": "a", "tool": "echo", "queue": "q", "principal": me, "created_at": 0}
    usual |= {"timeout_ms": 1000, "max_attempts": 1, "rerun": False}
    record = TaskRecord(**usual)
    changes: list[dict[str, Any]] = [
        {"tool": "rm"},
        {"queue": "r"},
        {"timeout_ms": 2},
        {"max_attempts": 2},
        {"rerun": True},
    ]

    kinds = {of_arguments(TaskRecord(**usual | change)) for change in changes}

    assert of_arguments(record) not in kinds
    assert len(kinds) == len(changes)
    assert ring.seal(b"x", kind=of_arguments(record), record="a", principal=me.key)
