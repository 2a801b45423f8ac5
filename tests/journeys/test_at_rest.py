"""What is in Redis, and what goes over the wire to it, says nothing of what clients and tools said."""

import threading
from pathlib import Path
from typing import Any, Self

from tests.clients import wire
from tests.journeys.conftest import OWN_TOOLS
from tests.servers import ValkeyServer, running_stack, until
from tests.sse import answer, call, session

CANARY = "canary-7f3a"
"""In every argument, result, answer, resource and key below."""


class Monitor:
    """Everything Redis is told and by that what it answers scripts with, from one connection's MONITOR."""

    def __init__(self, valkey: ValkeyServer, database: int) -> None:
        self._client: Any = valkey.client(database)
        self._over = threading.Event()
        self.lines: list[str] = []
        self._thread = threading.Thread(target=self._read, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        until(lambda: self.lines, "the monitor listening")
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._client.publish("end", "of monitoring")
        self._thread.join(10)
        self._client.close()

    def _read(self) -> None:
        with self._client.monitor() as monitor:
            self.lines.append("listening")
            for command in monitor.listen():
                self.lines.append(str(command["command"]))
                if self._over.is_set():
                    return


def stored(valkey: ValkeyServer, database: int) -> list[bytes]:
    """Every key with all that is under it, as Redis would hand it to whoever can read."""
    with valkey.client(database) as raw:
        found: list[bytes] = []
        for key in raw.scan_iter(count=1000):
            found.append(key + b" " + (raw.dump(key) or b""))
            kind = raw.type(key)
            if kind == b"stream":
                found += [repr(row).encode() for row in raw.xrange(key)]
            elif kind == b"hash":
                found.append(repr(raw.hgetall(key)).encode())
        return found


def use_everything(url: str, *, canary: str = CANARY, token: str | None = None) -> None:
    """Both eras, a question, a job, a checkpoint, a large result, a kept result, a subscription, an idempotency key.

    *token* is what opens the endpoint, where it is guarded.
    """
    door = {"authorization": f"Bearer {token}"} if token else {}
    for era in ("handshake", "stateless"):
        client = wire(url, era, **door)
        client.call("echo", {"message": canary})
        client.call("keeps_a_secret", {"text": canary}, token=canary, headers={"idempotency-key": f"{canary} {era}"})
        client.call("much_of", {"text": canary, "times": 2000})
        client.call("broken_with", {"text": canary})
    asked = session(url, {"elicitation": {}}, **door)
    with call(asked, "ask_name", token=1) as stream:
        answer(asked, stream.message(), name=canary)
        assert canary in stream.message().text
    asked.send("resources/subscribe", {"uri": f"echo://result/{canary}"})
    meta: dict[str, Any] = {
        "io.modelcontextprotocol/clientCapabilities": {"extensions": {"io.modelcontextprotocol/tasks": {}}}
    }
    wire(url, "stateless", **door).call("keeps_a_secret", {"text": canary}, meta=meta)


def test_nothing_in_redis_is_in_clear(valkey: ValkeyServer, tmp_path: Path):
    """Ours: neither in a dump nor on the connection: no argument, result, answer, checkpoint, progress, URI or key."""
    settings = {"MCP_TOOL_MODULES": str(OWN_TOOLS), "MCP_RESULT_INLINE_LIMIT": "2000"}
    with running_stack(valkey.url(17), tmp_path, settings=settings) as stack, Monitor(valkey, 17) as monitor:
        use_everything(stack.mcp_url)
        kept = stored(valkey, 17)
        logs = "".join(program.output() for program in stack.programs)

    told = [line for line in monitor.lines if "canary" in line.lower()]
    assert len(monitor.lines) > 200
    assert len(kept) > 20
    assert told == []
    assert [entry for entry in kept if b"canary" in entry.lower()] == []
    assert CANARY not in logs
