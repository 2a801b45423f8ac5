"""`mcp-playground audit`: who did what, from where, and what came of it."""

from datetime import UTC, datetime

import click
import msgspec

from api.cli.explained import explained
from api.cli.operator import show, store, synchronous
from storage.audit import KEPT, Trail


@click.command()
@click.option("--count", "-n", type=click.IntRange(1, 10_000), default=50, show_default=True, help="How many.")
@click.option("--trail", "trails", multiple=True, type=click.Choice(list(KEPT)), help="Only of this trail.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@explained
@synchronous
async def audit(*, count: int, trails: tuple[Trail, ...], as_json: bool) -> None:
    """Show the newest events of the audit trails, the newest first.

    \b
    people      sign-ins, tokens, refusals, revocations, and what operators did
    tools       which tools were called and how their work ended
    strangers   registrations, consent, and what was tried without having signed in
    """  # noqa: D301  # click reads the control character
    async with store() as found:
        events = await found.audit.newest(count, trails or tuple(KEPT))
    if as_json:
        show(events, as_json=True, nothing="")
        return
    rows: list[dict[str, object]] = []
    for event in events:
        moment = datetime.fromtimestamp(event.pop("at"), UTC).isoformat(timespec="seconds")
        row = {"at": moment, "event": event.pop("event"), "who": event.pop("principal", "")}
        rows.append({**row, "more": msgspec.json.encode(event).decode()})
    show(rows, as_json=False, nothing="nothing has happened yet")
