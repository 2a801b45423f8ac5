"""What the front knows about a request and the handlers may use."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mcp.server import ServerRequestContext
from mcp.types import ProgressToken

from storage.records import Principal, Session
from storage.states import Level


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Reaches a handler as `ctx.request`."""

    principal: Principal
    session: Session | None
    """None in the stateless era."""
    progress_token: ProgressToken | None
    log_level: Level | None
    """The lowest level of log messages the client wants on this request's stream; None for none at all."""
    headers: Mapping[str, str]


Context = ServerRequestContext[Any, Caller]


def caller(ctx: Context) -> Caller:
    if ctx.request is None:
        raise TypeError("this server's handlers need the front's Caller")
    return ctx.request
