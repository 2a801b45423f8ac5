"""`mcp-playground keys`: the ring that seals what is stored, turned while everything runs."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Final

import click

from api.cli.explained import explained
from api.cli.operator import me, out, show, store, synchronous
from api.settings import Settings, read_settings
from storage.errors import SettingsError
from storage.keyfile import KeyFile
from storage.seal import new_key
from storage.sweep import Sweeper

DELAY: Final = 120.0
"""Seconds in which every process sees a new key before the first uses it; Kubernetes takes about a minute."""


@click.group()
def keys() -> None:
    """Show, rotate and sweep the keys that seal what is stored."""


@keys.command()
def new() -> None:
    """Print a new key, for MCP_SECRET_KEYS or a file of your own."""
    click.echo(new_key())


@keys.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@explained
@synchronous
async def list_keys(*, as_json: bool) -> None:
    """Show each key of the ring by its id, and what it still seals."""
    async with store() as found:
        held = await Sweeper(found.redis, found.ring).held()
        ring = {key.id.hex(): key for key in found.ring.ring}
        first = found.ring.first.hex()
    rows: list[dict[str, object]] = []
    for key_id in [*ring, *sorted(set(held) - set(ring))]:
        key, values = ring.get(key_id), held.get(key_id)
        since = datetime.fromtimestamp(key.since, UTC).isoformat() if key and key.since else ""
        does = "seals" if key_id == first else "opens" if key else "is missing"
        left = _duration(values.longest if values else 0)
        count = values.values if values else 0
        rows.append({"key": key_id, "it": does, "from": since, "values": count, "the last expires in": left})
    show(rows, as_json=as_json, nothing="")


@keys.command()
@click.option("--after", type=click.FloatRange(0), default=DELAY, show_default=True, help="Seconds until it seals.")
@explained
@synchronous
async def rotate(after: float) -> None:
    """Put a new key in front of the ring's file. Every process takes it up; none has to be restarted."""
    file = _file(read_settings())
    key = file.rotate(after=timedelta(seconds=after))
    with suppress(SettingsError):
        # A ring may be turned where no store is named; then nobody can be told.
        async with store() as found:
            found.trail.note("key added", key=key.id.hex(), by=me())
    moment = datetime.fromtimestamp(key.since, UTC).isoformat()
    click.echo(f"{key.id.hex()} is in {file.path}, and seals from {moment}. Then: mcp-playground keys sweep")


@keys.command()
@explained
@synchronous
async def sweep() -> None:
    """Seal again what older keys sealed, so that they can be dropped."""
    async with store() as found:
        sweeper = Sweeper(found.redis, found.ring)
        done, first = await sweeper.sweep(), found.ring.first.hex()
        held = {key: each for key, each in (await sweeper.held()).items() if key != first}
        found.trail.note("keys swept", key=first, renewed=done.renewed, unreadable=done.unreadable, by=me())
    out.print(f"{done.renewed} sealed again under {first}")
    if done.changed:
        out.print(f"{done.changed} changed meanwhile: sweep again")
    if done.unreadable:
        out.print(f"{done.unreadable} cannot be read: their key is not in the ring, or they are damaged")
    for key, each in held.items():
        out.print(f"{key} still seals {each.values}; the last expires in {_duration(each.longest)}")


@keys.command()
@click.argument("key_id", metavar="KEY")
@click.option("--force", is_flag=True, help="Even if it still seals something, which is lost then.")
@explained
@synchronous
async def drop(key_id: str, *, force: bool) -> None:
    """Take a key out of the ring's file, by its id."""
    async with store() as found:
        file = _file(found.settings)
        held = (await Sweeper(found.redis, found.ring).held()).get(key_id)
        if held and not force:
            left = f"{held.values} values, the last of which expires in {_duration(held.longest)}"
            raise SettingsError(f"{key_id} still seals {left}: sweep first, or wait, or lose them with --force")
        file.drop(key_id)
        found.trail.note("key dropped", key=key_id, lost=held.values if held else 0, by=me())
    click.echo(f"{key_id} is out of {file.path}")


def _file(settings: Settings) -> KeyFile:
    return settings.storage.key_file(exposed=not settings.web.is_loopback())


def _duration(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds))) if seconds else "-"
