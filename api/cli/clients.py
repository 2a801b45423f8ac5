"""`mcp-playground clients`: which programs may ask people for access, and which may come without a person."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, cast

import click
import msgspec

from api.cli.explained import explained
from api.cli.operator import Store, me, out, show, store, synchronous
from auth import redirects
from auth.registration import Wanted, by_operator
from auth.scopes import Scopes
from storage.clients import Client
from storage.errors import SettingsError
from tasks.catalog import load

MOST_JWKS: Final = 64 * 1024


@click.group()
def clients() -> None:
    """List, add and revoke OAuth clients."""


@clients.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@explained
@synchronous
async def list_clients(*, as_json: bool) -> None:
    """Show every client that is known, the one used last first."""
    async with store() as found:
        rows = [_row(client) for client in await found.clients.known()]
    show(rows, as_json=as_json, nothing="no client has registered")


@clients.command()
@click.option("--name", required=True, help="How people know it.")
@click.option("--redirect-uri", "uris", multiple=True, help="Where people are sent back to; for clients with people.")
@click.option("--scope", "scopes", multiple=True, help="A scope that it may have; without any, all that are public.")
@click.option("--public", is_flag=True, help="It can keep no secret: a program on people's own machines.")
@click.option("--jwks", type=click.Path(exists=True, path_type=Path), help="Its public keys: it signs its requests.")
@explained
@synchronous
async def add(*, name: str, uris: tuple[str, ...], scopes: tuple[str, ...], public: bool, jwks: Path | None) -> None:
    """Add a client yourself, and print what it needs to know. Its secret is shown once.

    Without --redirect-uri it is a program that comes without a person (client_credentials, RFC 6749 4.4).
    """
    async with store() as found:
        known = Scopes(load(found.settings.worker.tool_modules).scopes())
        try:
            client, said = by_operator(
                Wanted(name=name, uris=uris, scopes=scopes, public=public, jwks=_jwks(jwks)),
                known=known.all,
                schemes=found.settings.auth.auth_redirect_schemes,
                now=int(time.time()),
            )
        except (ValueError, redirects.BadRedirect) as error:
            raise SettingsError(str(error)) from None
        await found.clients.add_lasting(client)
        found.trail.note("client added", client=client.id, name=client.name, by=me())
    out.print_json(msgspec.json.encode(said).decode())


@clients.command()
@click.argument("client_id")
@explained
@synchronous
async def revoke(client_id: str) -> None:
    """Forget a client, and end everything that people granted it."""
    async with store() as found:
        # The client first: then nobody gets a token that is not among those that end now.
        known = await found.clients.remove(client_id)
        ended = await _end(found, client_id)
        found.trail.note("client revoked", client=client_id, grants=ended, by=me())
    if not known and not ended:
        raise SettingsError(f"there is no client {client_id}: `mcp-playground clients list` shows those there are")
    out.print(f"revoked, with {ended} grant{'' if ended == 1 else 's'}")


async def _end(found: Store, client_id: str) -> int:
    theirs = [grant async for grant in found.grants.living() if grant.principal.client_id == client_id]
    return sum([await found.revocations.revoke(grant, "an operator revoked its client", by=me()) for grant in theirs])


def _row(client: Client) -> dict[str, object]:
    made = datetime.fromtimestamp(client.created_at, UTC).isoformat(timespec="seconds") if client.created_at else ""
    return {
        "client": client.id,
        "name": client.name,
        "from": client.origin,
        "auth": client.auth_method,
        "redirects": sorted({redirects.shown_host(uri) for uri in client.redirect_uris}),
        "since": made,
    }


def _jwks(path: Path | None) -> dict[str, Any] | None:
    if path is None:
        return None
    try:
        found = msgspec.json.decode(path.read_bytes()[:MOST_JWKS])
    except msgspec.DecodeError:
        found = None
    if not isinstance(found, dict) or not isinstance(cast("dict[str, Any]", found).get("keys"), list):
        raise SettingsError(f"{path} is no JSON Web Key Set: an object with a list of keys (RFC 7517 5)")
    return cast("dict[str, Any]", found)
