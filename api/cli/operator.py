"""What an operator's commands share: the store, opened for one command, and how its answers are printed."""

import asyncio
import getpass
import socket
import sys
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import wraps
from typing import Any, cast

import msgspec
from pydantic import SecretStr
from rich.console import Console
from rich.table import Table

from api.settings import Settings, read_settings
from auth.audit import Audit
from auth.providers.known import remote
from auth.revocation import Revocations
from auth.upstream import Upstream
from storage.audit import AuditLog
from storage.clients import ClientStore
from storage.connection import Redis, Unavailable, connect
from storage.embedded import running
from storage.errors import SettingsError
from storage.grants import GrantStore
from storage.seal import KeyRing
from storage.signins import SignInStore
from storage.tasks import TaskStore
from tasks.logs import configure

# Into a file or a pipe goes all there is.
out = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 400)
err = Console(stderr=True, highlight=False, soft_wrap=True)


@dataclass(frozen=True, kw_only=True)
class Store:
    """The parts of the store that operators look into."""

    settings: Settings
    redis: Redis
    ring: KeyRing
    clients: ClientStore
    grants: GrantStore
    revocations: Revocations
    audit: AuditLog
    trail: Audit


@asynccontextmanager
async def store() -> AsyncGenerator[Store]:
    """The server's own store: Redis where the settings say, or the one that `up` has started here."""
    settings = read_settings()
    # What a command does is what it prints; the audit trail goes into the store.
    configure(settings.log.model_copy(update={"level": "warning"}))
    found = settings.storage
    if found.redis_url is None:
        embedded = running(found.data_dir)
        if embedded is None:
            raise SettingsError(f"MCP_REDIS_URL is not set, and no server of `up` runs on {found.data_dir}")
        found = found.model_copy(update={"redis_url": SecretStr(embedded.url)})
    ring, redis = found.key_ring(exposed=not settings.web.is_loopback()), connect(found)
    auth, kept = settings.auth, AuditLog(redis, ring)
    trail = Audit(kept)
    grants = GrantStore(redis, ring, refresh_ttl=auth.auth_refresh_ttl, grace=auth.auth_refresh_grace)
    names = [name for name in auth.auth if auth.is_on() and name != "local"]
    upstream = Upstream(grants=grants, providers={name: remote(name, auth) for name in names})
    try:
        yield Store(
            settings=settings,
            redis=redis,
            ring=ring,
            clients=ClientStore(redis),
            grants=grants,
            revocations=Revocations(
                grants=grants,
                signins=SignInStore(redis, ring),
                tasks=TaskStore(redis, ring, result_ttl=timedelta(seconds=found.result_ttl), on_end=trail.tool_ended),
                audit=trail,
                upstream=upstream,
                cancels=auth.auth_revoked_jobs == "cancel",
            ),
            audit=kept,
            trail=trail,
        )
        await upstream.flush()
        await trail.flush()
    finally:
        await redis.aclose()


def me() -> str:
    """Who types, for the audit trail."""
    return f"operator {getpass.getuser()} on {socket.gethostname()}"


def synchronous(command: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run the coroutine; a store that cannot be reached becomes one sentence."""

    @wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:  # noqa: ANN401  # click passes the options of whichever command
        try:
            asyncio.run(command(*args, **kwargs))
        except Unavailable as error:
            err.print(f"mcp-playground: Redis cannot be reached: {error}", markup=False)
            sys.exit(1)

    return run


def show(rows: Iterable[Mapping[str, object]], *, as_json: bool, nothing: str) -> None:
    """As a table for people, or one JSON object a line for programs."""
    listed = list(rows)
    if as_json:
        for row in listed:
            sys.stdout.write(msgspec.json.encode(row).decode() + "\n")
        return
    if not listed:
        out.print(nothing)
        return
    table = Table(*listed[0], box=None, pad_edge=False)
    for row in listed:
        table.add_row(*(_plain(value) for value in row.values()))
    out.print(table)


def _plain(value: object) -> str:
    """Names come from strangers: no control characters, no markup."""
    text = " ".join(cast("list[str]", value)) if isinstance(value, list) else str(value)
    return "".join(char if char.isprintable() else " " for char in text).replace("[", "\\[")
