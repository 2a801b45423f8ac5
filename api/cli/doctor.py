"""`mcp-playground doctor`: what is right, what is not, and what to do about it."""

import asyncio
import sys
from collections.abc import Iterable
from typing import Final

import click
from pydantic import SecretStr
from rich.console import Console
from rich.text import Text

from api.settings import Settings, read_settings
from auth.providers.known import remote
from auth.providers.provider import ProviderFailed
from storage.checks import Check, check_door, check_redis, check_workers
from storage.connection import connect
from storage.embedded import running
from storage.errors import SettingsError
from storage.settings import StorageSettings
from tasks.aws.checks import check_aws
from tasks.catalog import load

MARKS: Final = {"ok": ("ok  ", "green"), "warn": ("warn", "yellow"), "fail": ("fail", "red")}

out = Console(highlight=False, soft_wrap=True)


@click.command()
def doctor() -> None:
    """Check settings, Redis, workers, AWS, Bedrock and the identity provider.

    One line each, with the remedy where something is not right. Ends with status 1 if anything fails; a warning does
    not keep the server from running.
    """
    checks = list(_checks())
    for check in checks:
        _print(check)
    sys.exit(1 if any(check.verdict == "fail" for check in checks) else 0)


def _checks() -> Iterable[Check]:
    try:
        settings = read_settings()
        queues = load(settings.worker.tool_modules).queues()
    except SettingsError as error:
        yield Check("Settings", "fail", str(error))
        return
    yield Check("Settings", "ok", "every MCP_* variable is understood")
    yield _keys(settings)
    yield from _redis(settings, queues)
    yield from check_aws(settings.tools)
    yield from asyncio.run(_providers(settings))


async def _providers(settings: Settings) -> list[Check]:
    """Whether each provider can be asked who it is."""
    if not settings.auth.is_on():
        found = "MCP_AUTH is off: right for this machine alone, or behind a door of your own"
        return [Check("Identity provider", "ok", found)]
    try:
        settings.auth.check()
    except SettingsError as error:
        return [Check("Identity provider", "fail", str(error))]
    return [await _provider(name, settings) for name in settings.auth.auth]


async def _provider(name: str, settings: Settings) -> Check:
    what = f"Identity provider {name}"
    if name == "local":
        return Check(what, "ok", "sign-in codes are printed by the web process, for this machine alone")
    remedy = f"it must know the redirect URI {settings.origin}{settings.auth.callback_path(name)}"
    try:
        return Check(what, "ok", await remote(name, settings.auth).look(), remedy)
    except ProviderFailed as error:
        return Check(what, "fail", str(error), f"check the MCP_{name.upper()}_* variables")


def _keys(settings: Settings) -> Check:
    if settings.storage.secret_keys:
        return Check("Secret keys", "ok", f"{len(settings.storage.secret_keys)} in MCP_SECRET_KEYS")
    if settings.storage.secret_keys_file:
        try:
            held = len(settings.storage.key_file().read())
        except SettingsError as error:
            return Check("Secret keys", "fail", str(error))
        return Check("Secret keys", "ok", f"{held} in {settings.storage.secret_keys_file}")
    found = f"none set; {settings.storage.data_dir / 'secret.key'} serves this machine"
    if settings.web.is_loopback() and settings.storage.is_local():
        return Check("Secret keys", "ok", found)
    return Check(
        "Secret keys",
        "fail",
        "none set, and this server is not for this machine alone",
        "set the same MCP_SECRET_KEYS for all processes: openssl rand -base64 32",
    )


def _redis(settings: Settings, queues: list[str]) -> list[Check]:
    storage = settings.storage
    if storage.redis_url is None:
        embedded = running(storage.data_dir)
        if embedded is None:
            remedy = "`mcp-playground up` starts a server of its own; or set MCP_REDIS_URL"
            return [Check("Redis", "fail", f"MCP_REDIS_URL is not set, and none runs on {storage.data_dir}", remedy)]
        storage = StorageSettings(redis_url=SecretStr(embedded.url))
    return asyncio.run(_ask_redis(storage, queues))


async def _ask_redis(storage: StorageSettings, queues: list[str]) -> list[Check]:
    redis = connect(storage)
    try:
        found = await check_redis(redis)
        if found[0].name == "Redis":
            return found
        return [*found, *check_door(storage), *await check_workers(redis, queues)]
    finally:
        await redis.aclose()


def _print(check: Check) -> None:
    mark, colour = MARKS[check.verdict]
    line = Text.assemble((mark, colour), f"  {check.name}: {check.found}")
    if check.remedy:
        line.append(f"  ->  {check.remedy}", style="dim")
    out.print(line)
