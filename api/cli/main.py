"""`mcp-playground`: one command, one role each, and a client for people."""

import os
from importlib import import_module
from importlib.metadata import version
from typing import Final

import click
from dotenv import load_dotenv

from api.cli.explained import explained

DISTRIBUTION: Final = "mcp-server-playground"
LAZY: Final = {
    "call": "api.cli.call",
    "tools": "api.cli.call",
    "up": "api.cli.up",
    "doctor": "api.cli.doctor",
    "clients": "api.cli.clients",
    "grants": "api.cli.grants",
    "keys": "api.cli.keys",
    "audit": "api.cli.audit",
    "redis": "api.cli.redis",
    "aws": "api.cli.aws",
}
"""Commands in modules of their own, imported when they are asked for, so that the others start quickly."""


class Lazy(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        roles = ["up", "serve", "worker", "flower"]
        return [*roles, "doctor", "call", "tools", "clients", "grants", "keys", "audit", "redis", "aws"]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in LAZY:
            return getattr(import_module(LAZY[cmd_name]), cmd_name)
        return super().get_command(ctx, cmd_name)


@click.group(cls=Lazy, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(version(DISTRIBUTION), prog_name="mcp-playground")
def main() -> None:
    """A self-hosted MCP server that streams long-running tools to any MCP client.

    \b
    On one machine:    mcp-playground up
    In production:     mcp-playground serve | worker | flower, one role per process,
                       with MCP_REDIS_URL and MCP_SECRET_KEYS set for all of them
    To try it:         mcp-playground call streaming count=10 intervalMs=500
    When in trouble:   mcp-playground doctor
    Who may come in:   mcp-playground clients | grants | keys | audit
    Who may do what in Redis:  mcp-playground redis acl
    And in AWS:        mcp-playground aws policy | whoami

    Settings are MCP_* environment variables, also read from .env; .env.example lists them all.
    """  # noqa: D301  # click reads the control character
    # Also for boto3 and Flower, which know nothing of our settings; what the environment has wins.
    load_dotenv(".env")


@main.command()
@click.option("--host", metavar="ADDRESS", help="Address to listen on.  [MCP_HOST; default 127.0.0.1]")
@click.option("--port", type=click.IntRange(0, 65_535), help="Port to listen on.  [MCP_PORT; default 3000]")
@explained
def serve(host: str | None, port: int | None) -> None:
    """Run one web process: the MCP endpoint at /mcp and the health checks.

    Needs MCP_REDIS_URL. Any number of these may run behind any load balancer. SIGTERM drains: running calls
    get MCP_DRAIN_TIMEOUT seconds to end.
    """
    from api.cli.parent import watch_parent
    from api.serve import run
    from api.settings import read_settings

    watch_parent()
    run(read_settings(host=host, port=port))


@main.command()
@click.option("--concurrency", type=click.IntRange(1, 1000), help="Jobs at once.  [MCP_WORKER_CONCURRENCY; default 20]")
@click.option("--queues", metavar="A,B", help="Queues to serve.  [MCP_WORKER_QUEUES; default default]")
@explained
def worker(concurrency: int | None, queues: str | None) -> None:
    """Run one worker process: it takes jobs from its queues and runs their tools.

    Needs MCP_REDIS_URL, and the same MCP_SECRET_KEYS and MCP_TOOL_MODULES as the web processes. SIGTERM drains.
    """
    from api.cli.parent import watch_parent
    from tasks.worker import run

    watch_parent()
    run(concurrency=concurrency, queues=queues)


@main.command()
@click.option("--port", type=click.IntRange(1, 65_535), default=5555, show_default=True, help="Port to listen on.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@explained
def flower(host: str, port: int) -> None:
    """Run Flower, read-only: which jobs ran, for whom, how long.

    With MCP_AUTH on, operators sign in at the web processes (MCP_FLOWER_SECRET, MCP_AUTH_OPERATORS) or at a proxy
    (MCP_FLOWER_PROXY_HEADER). FLOWER_BASIC_AUTH=user:password lets in whoever knows it. Without any of these it runs
    while authentication is off, for this machine alone.
    """
    from api.cli.parent import watch_parent
    from api.settings import WebSettings
    from storage.settings import read
    from tasks.flower.program import FlowerProcess, run

    watch_parent()
    web = read(WebSettings)
    passwords = os.environ.get("FLOWER_BASIC_AUTH", "").split(",")
    run(
        FlowerProcess(
            host=host,
            port=port,
            issuer=web.origin,
            trusted=web.trusted_proxies,
            passwords=[each for each in passwords if each],
        )
    )


if __name__ == "__main__":
    main(prog_name="mcp-playground")
