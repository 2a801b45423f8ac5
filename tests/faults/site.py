"""A Redis of its own that writes to disk, and web and worker processes that can be killed one by one."""

import os
import signal
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from storage.seal import new_key
from tests.redis_servers import Durable, chosen
from tests.secrets_scan import scan_files, scan_logs
from tests.servers import Program, Stack, until

TOOLS = Path(__file__).parent / "tools.py"


class Site:
    """What a fault is injected into."""

    def __init__(self, valkey: Durable, stack: Stack, effects: Path) -> None:
        self.valkey = valkey
        self.stack = stack
        self.effects = effects
        self.workers: list[Program] = []

    def start_worker(self, *, mutation: str = "", concurrency: int = 20) -> Program:
        worker = self.stack.start("worker", "--concurrency", str(concurrency), mutation=mutation)
        self.workers.append(worker)
        return worker

    def kill(self, program: Program) -> None:
        """SIGKILL to the recorded process and whatever it started."""
        assert psutil.Process(program.process.pid).cmdline()[1:3] == list(program.process.args)[1:3]  # pyright: ignore[reportArgumentType]
        os.killpg(program.process.pid, signal.SIGKILL)
        program.process.wait(10)

    def freeze(self, program: Program) -> None:
        os.killpg(program.process.pid, signal.SIGSTOP)
        until(lambda: psutil.Process(program.process.pid).status() == psutil.STATUS_STOPPED, "the worker frozen")

    def thaw(self, program: Program) -> None:
        os.killpg(program.process.pid, signal.SIGCONT)

    def restart_redis(self) -> None:
        self.valkey.start()

    def wait_for_workers(self, count: int = 1) -> None:
        """Until so many have said that they take jobs."""
        ready = '"event": "worker ready"'
        alive = [worker for worker in self.workers if worker.process.poll() is None]
        assert len(alive) >= count
        until(lambda: sum(ready in worker.output() for worker in alive) >= count, f"{count} workers ready", within=40)
        self.stack.wait_ready()


@contextmanager
def running_site(
    folder: Path, *, workers: int = 1, replicas: int = 1, concurrency: int = 20, mutation: str = "", **settings: str
) -> Generator[Site]:
    """A site that is ready. *mutation* breaks something in every process of it."""
    redis_folder, effects = folder / "redis", folder / "effects"
    redis_folder.mkdir()
    effects.mkdir()
    own = {
        "MCP_SECRET_KEYS": new_key(),
        "MCP_TOOL_MODULES": str(TOOLS),
        "MCP_DRAIN_TIMEOUT": "2",
        "MCP_CALL_DEADLINE": "0",
        "MCP_TASK_LIMIT": "10000",
        "MCP_NO_WORKER_TIMEOUT": "0",
    }
    with chosen(redis_folder) as valkey:
        reached = valkey.environment()
        stack = Stack(
            reached["MCP_REDIS_URL"], folder, {**own, **reached, **settings}, mutation=mutation, is_forked=False
        )
        stack.roles = valkey.roles()
        site = Site(valkey, stack, effects)
        try:
            for _ in range(workers):
                site.start_worker(concurrency=concurrency)
            for _ in range(replicas):
                stack.start_web()
            if workers:
                site.wait_for_workers(workers)
            yield site
        finally:
            for program in stack.programs:
                if program.process.poll() is None:
                    os.killpg(program.process.pid, signal.SIGCONT)
            kill_all(stack)
        # Whatever a fault interrupted: no secret was logged, or written to disk by Redis.
        logs, own_settings = [program.log for program in stack.programs], stack.environment()
        leaks = [*scan_logs(logs, own_settings), *scan_files(redis_folder, own_settings)]
        assert not leaks, leaks


def kill_all(stack: Stack) -> None:
    """The end of a test of faults need not be gentle."""
    for program in stack.programs:
        if program.process.poll() is None:
            os.killpg(program.process.pid, signal.SIGKILL)
        try:
            program.process.wait(10)
        except subprocess.TimeoutExpired as error:
            raise AssertionError(f"{program.name} outlived SIGKILL") from error


def memory(program: Program) -> int:
    """Resident bytes of a process."""
    info: Any = psutil.Process(program.process.pid).memory_info()
    return int(info.rss)
