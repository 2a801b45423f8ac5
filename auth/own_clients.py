"""Clients that this server has of its own, by its settings: nobody registers or forgets them."""

from typing import Final

from auth.scopes import OPERATOR
from auth.tokens import digest
from storage.clients import Client

FLOWER: Final = "mcp-flower"
"""No registered client has such an id: theirs begin with `mcp_client_`, or are addresses."""


def flower(url: str, secret: str) -> Client:
    """Flower at *url*, which proves itself by *secret* and is good for looking, by operators alone."""
    return Client(
        id=FLOWER,
        name="Flower",
        redirect_uris=(f"{url}/login",),
        auth_method="client_secret_post",
        secret_hash=digest(secret),
        scopes=(OPERATOR,),
        origin="settings",
    )
