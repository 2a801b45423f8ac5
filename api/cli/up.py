"""`mcp-playground up`: the whole server on one machine."""

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import Mapping
from datetime import timedelta
from typing import Final

import click
import httpx2
from rich.console import Console
from rich.text import Text

from api.cli.explained import explained
from api.settings import Settings, read_settings
from api.supervisor import Child, Supervisor
from storage.embedded import EmbeddedRedis
from storage.errors import SettingsError

READY_WITHIN: Final = 60.0
MARGIN: Final = timedelta(seconds=10)
"""What a process gets to end beyond the drain period of its calls and jobs."""
REDIS_LOOKED_AT: Final = 0.5
FLOWER_PORT: Final = 5555
COLOURS: Final = {"web": "cyan", "worker": "green", "flower": "magenta", "redis": "yellow", "up": "bold"}
WIDTH: Final = max(map(len, COLOURS))

out = Console(highlight=False, soft_wrap=True)


@click.command()
@click.option("--host", metavar="ADDRESS", help="Address to listen on.  [MCP_HOST; default 127.0.0.1]")
@click.option("--port", type=click.IntRange(1, 65_535), help="Port to listen on.  [MCP_PORT; default 3000]")
@click.option("--flower", is_flag=True, help=f"Also run Flower, at http://127.0.0.1:{FLOWER_PORT}.")
@explained
def up(host: str | None, port: int | None, *, flower: bool) -> None:
    """Start everything on this machine: Redis, a web process and a worker.

    Redis is the server MCP_REDIS_URL names, or else one of our own (Valkey from the package, or valkey-server or
    redis-server on PATH), which keeps its data in MCP_DATA_DIR and is found again after a crash. Ctrl-C or SIGTERM
    stops all of it in order and lets running calls end; a second one stops at once.
    """
    settings = read_settings(host=host, port=port)
    _check_port(settings)
    redis = None if settings.storage.redis_url else EmbeddedRedis(settings.storage.data_dir).start()
    if redis:
        _say("redis", f"{'found again' if redis.reused else 'started'} on a port of its own")
    try:
        status = asyncio.run(_run(settings, redis, flower=flower))
    finally:
        if redis:
            redis.stop()
            _say("redis", "stopped")
    sys.exit(status)


def _check_port(settings: Settings) -> None:
    host, port = settings.web.host, settings.web.port
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise SettingsError(
                f"MCP_PORT is {port}, which cannot be used on {host} ({error.strerror}): "
                "stop what uses it, or set MCP_PORT to another."
            ) from None


async def _run(settings: Settings, redis: EmbeddedRedis | None, *, flower: bool) -> int:
    """Keep the programs running until a signal or until one cannot be kept; the exit status."""
    supervisor = Supervisor(_children(settings, redis, flower=flower), _say)
    stop, kill = asyncio.Event(), asyncio.Event()

    def on_signal() -> None:
        (kill if stop.is_set() else stop).set()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, on_signal)
    supervisor.start()
    announcing = asyncio.create_task(_announce(settings, flower=flower))
    failing = asyncio.create_task(supervisor.failed())
    stopping = asyncio.create_task(stop.wait())
    reviving = asyncio.create_task(_keep_redis(redis))
    await asyncio.wait([failing, stopping, reviving], return_when=asyncio.FIRST_COMPLETED)
    announcing.cancel()
    status = failing.result() if failing.done() else int(reviving.done())
    _say("up", "stopping; running calls get their time, Ctrl-C again stops at once")
    killing = asyncio.create_task(_kill(supervisor, kill))
    await supervisor.stop()
    for task in (killing, failing, stopping, reviving):
        task.cancel()
    return status


async def _keep_redis(redis: EmbeddedRedis | None) -> None:
    """Start our Redis again when it dies, on the same data and port; returns when that fails."""
    while True:
        await asyncio.sleep(REDIS_LOOKED_AT)
        try:
            if redis and await asyncio.to_thread(redis.revive):
                _say("redis", "ended, started again on its data")
        except SettingsError as error:
            _say("redis", str(error))
            return


async def _kill(supervisor: Supervisor, kill: asyncio.Event) -> None:
    await kill.wait()
    _say("up", "stopping now")
    supervisor.kill()


def _children(settings: Settings, redis: EmbeddedRedis | None, *, flower: bool) -> list[Child]:
    """Web first: it stops first, while the worker still finishes what the calls wait for."""
    env = {**_environment(settings, redis), **(_flower_environment(settings) if flower else {})}
    patience = settings.worker.drain_timeout + MARGIN
    roles = {
        "web": ["serve", "--host", settings.web.host, "--port", str(settings.web.port)],
        "worker": ["worker"],
        **({"flower": ["flower", "--port", str(FLOWER_PORT)]} if flower else {}),
    }
    return [
        Child(
            name=name,
            command=[sys.executable, "-m", "api.cli.main", *role],
            env={**env, "MCP_METRICS_PORT": str(_metrics_port(settings, name))},
            patience=patience,
        )
        for name, role in roles.items()
    ]


def _metrics_port(settings: Settings, role: str) -> int:
    """Each process has one of its own: the worker's is the next one."""
    port = settings.metrics.port
    return port + 1 if port and role == "worker" else port


def _environment(settings: Settings, redis: EmbeddedRedis | None) -> Mapping[str, str]:
    storage = settings.storage
    own = {
        "MCP_REDIS_URL": redis.url if redis else storage.url(),
        "MCP_DATA_DIR": str(storage.data_dir.resolve()),
    }
    if not storage.secret_keys:
        own["MCP_SECRET_KEYS_FILE"] = str(storage.key_file().path.resolve())
    if out.is_terminal and settings.log.format == "auto":
        own["MCP_LOG_FORMAT"] = "console"
    return os.environ | own


def _flower_environment(settings: Settings) -> Mapping[str, str]:
    """What lets operators sign in to Flower; the processes that we start agree on the secret by our key ring."""
    own = settings.flower
    if not settings.auth.is_on() or own.secret:
        return {}
    secret = settings.storage.key_ring().secret("Flower as a client").hex()
    return {"MCP_FLOWER_SECRET": secret, "MCP_FLOWER_URL": own.url or f"http://127.0.0.1:{FLOWER_PORT}"}


async def _announce(settings: Settings, *, flower: bool) -> None:
    """Say when the server is ready, and how to use it."""
    origin = f"http://{_reachable(settings.web.host)}:{settings.web.port}"
    problem = await _wait_ready(f"{origin}/health/ready")
    if problem:
        _say("up", f"not ready after {READY_WITHIN:g} s: {problem}")
        return
    url = f"{settings.web.public_url or origin}/mcp"
    client = json.dumps({"mcpServers": {"playground": {"type": "http", "url": url}}})
    _say("up", f"ready: MCP at {url}")
    _say("up", f"  client configuration  {client}")
    _say("up", "  try it                mcp-playground call streaming count=10 intervalMs=500")
    if flower:
        _say("up", f"  Flower                {settings.flower.url or f'http://127.0.0.1:{FLOWER_PORT}'}")
        if settings.auth.is_on() and not settings.auth.auth_operators:
            _say("up", "                        MCP_AUTH_OPERATORS lists nobody: nobody may look into it")
    if settings.metrics.port:
        ports = " and ".join(str(_metrics_port(settings, role)) for role in ("web", "worker"))
        _say("up", f"  metrics               /metrics on {settings.metrics.host}, ports {ports}")
    _say("up", f"  data                  {settings.storage.data_dir}   (Ctrl-C stops everything)")


async def _wait_ready(url: str) -> str | None:
    """None once the server is ready; else what it last said."""
    said = "the web process does not answer"
    async with httpx2.AsyncClient(timeout=5) as http:
        deadline = asyncio.get_running_loop().time() + READY_WITHIN
        while asyncio.get_running_loop().time() < deadline:
            try:
                answer = await http.get(url)
            except httpx2.HTTPError:
                pass
            else:
                if answer.is_success:
                    return None
                said = answer.text
            await asyncio.sleep(0.1)
    return said


def _reachable(host: str) -> str:
    """An address to try: the wildcard ones cannot be called."""
    known = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104  # compared with, not bound to
    return known.get(host, f"[{host}]" if ":" in host else host)


def _say(name: str, line: str) -> None:
    """One line of output with the name of who said it; colours only on a terminal."""
    prefix = Text(f"{name:<{WIDTH}} | ", style=COLOURS.get(name, ""))
    out.print(prefix + Text.from_ansi(line))
