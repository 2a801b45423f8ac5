"""`mcp-playground redis`: what an operator sets up in Redis."""

import shlex

import click

from storage.access import ROLES


@click.group()
def redis() -> None:
    """Set up Redis for processes that may do no more than they need."""


@redis.command()
@click.argument("roles", nargs=-1, type=click.Choice(list(ROLES)))
@click.option("--prefix", default="mcp-", show_default=True, help="What the names of the users begin with.")
@click.option("--database", default=0, show_default=True, help="The number of the database in MCP_REDIS_URL.")
def acl(roles: tuple[str, ...], prefix: str, database: int) -> None:
    """Print an ACL SETUSER line for each role, to be given to redis-cli or valkey-cli.

    Put a password of its own in the place of PASSWORD in each, and name user and password in the MCP_REDIS_URL of the
    processes: redis://mcp-web:...@host:6379/0 for `serve`, mcp-worker for `worker`, mcp-flower for `flower`,
    mcp-operator for the commands `keys`, `grants`, `clients` and `audit`.

    Every node of a cluster, and every replica, needs them. Then switch the default user off, but leave it its commands:
    Redis 7.0 replays its append-only file with that user's rights.
    """
    for role in roles or ROLES:
        words = ROLES[role].rules(f"{prefix}{role}", password="PASSWORD", database=database)  # noqa: S106
        click.echo("ACL SETUSER " + shlex.join(words))
