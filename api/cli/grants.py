"""`mcp-playground grants`: who let which client do what, and the end of it."""

from datetime import UTC, datetime
from typing import Final

import click

from api.cli.explained import explained
from api.cli.operator import Store, me, out, show, store, synchronous
from storage.errors import SettingsError
from storage.grants import Grant

BY_HAND: Final = "an operator revoked it"


@click.group()
def grants() -> None:
    """List and revoke what people have granted."""


@grants.command("list")
@click.option("--subject", help="Only of this person: the subject, or the name that the list shows.")
@click.option("--client", help="Only of this client.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@explained
@synchronous
async def list_grants(*, subject: str | None, client: str | None, as_json: bool) -> None:
    """Show every grant that can still be used, the newest first."""
    async with store() as found:
        rows = [_row(grant) async for grant in found.grants.living() if _matches(grant, subject, client)]
    show(rows, as_json=as_json, nothing="nobody has granted anything")


@grants.command()
@click.argument("grant_ids", nargs=-1, metavar="[GRANT]...")
@click.option("--subject", help="Every grant of this person: signs them out everywhere.")
@click.option("--client", help="Every grant to this client.")
@explained
@synchronous
async def revoke(grant_ids: tuple[str, ...], *, subject: str | None, client: str | None) -> None:
    """End grants: their tokens stop at the next request on every replica, and open streams are closed."""
    if not (grant_ids or subject or client):
        raise SettingsError("name grants, or --subject, or --client: `mcp-playground grants list` shows them")
    async with store() as found:
        if grant_ids:
            # By its id, index or not: and one that cannot be read can be ended, too.
            gone = [each for each in grant_ids if not await _end(found, each)]
            ended = len(grant_ids) - len(gone)
        else:
            named = [grant async for grant in found.grants.living() if _matches(grant, subject, client)]
            done = [await found.revocations.revoke(grant, BY_HAND, by=me()) for grant in named]
            gone, ended = [], sum(done)
    if gone:
        raise SettingsError(f"there is no grant {', '.join(gone)}; {ended} revoked")
    out.print(f"{ended} revoked")


async def _end(found: Store, grant_id: str) -> bool:
    grant = await found.grants.find(grant_id)
    if grant is not None:
        return await found.revocations.revoke(grant, BY_HAND, by=me())
    ended = await found.grants.revoke(grant_id, BY_HAND)
    if ended:
        found.trail.note("revoked", grant=grant_id, why=BY_HAND, by=me())
    return ended


def _matches(grant: Grant, subject: str | None, client: str | None) -> bool:
    right_person = subject is None or subject in (grant.principal.subject, grant.name)
    return right_person and client in (None, grant.principal.client_id)


def _row(grant: Grant) -> dict[str, object]:
    return {
        "grant": grant.id,
        "who": grant.name,
        "subject": grant.principal.subject,
        "through": grant.provider or "its own secret",
        "client": grant.principal.client_id,
        "scopes": list(grant.scopes),
        "until": datetime.fromtimestamp(grant.expires_at / 1000, UTC).isoformat(timespec="minutes"),
    }
