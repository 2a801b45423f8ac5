"""What the front knows about a request and the handlers may use."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from mcp.server import ServerRequestContext
from mcp.server.apps import client_supports_apps
from mcp.shared.dispatcher import CallOptions
from mcp.types import ClientCapabilities

from api.mcp.translate import Audience
from storage.records import Principal, Session


class Line(Protocol):
    """The response of one request, as a handler sees it that tells a task's events there."""

    @property
    def stream(self) -> str:
        """What the stream is called in event ids; the task that answers the request gets this id too."""
        ...

    @property
    def leaves_work(self) -> bool:
        """Whether the response ended and the work goes on: its client comes back for the rest."""
        ...

    @property
    def is_stopping(self) -> bool:
        """Whether this process is being stopped, and the client told to call again."""
        ...

    def back_by_task(self) -> None:
        """Say that a task's log holds all that this stream carries, so that any replica can go on with it."""
        ...

    async def say(self, message: Mapping[str, Any], entry: str | None) -> None:
        """Send a message that stands in the log as *entry*; None for one that is only said here."""
        ...

    async def notify(self, method: str, params: Mapping[str, Any] | None) -> None:
        """Send a notification that stands in no task's log."""
        ...

    def end_at(self, entry: str) -> None:
        """The result that is returned next stands in the log as *entry*."""
        ...

    def hang_up(self) -> None:
        """End the response now if its client knows how to come back."""
        ...

    async def send_raw_request(
        self, method: str, params: Mapping[str, Any] | None, opts: CallOptions | None = None
    ) -> dict[str, Any]:
        """Ask the client and wait for its answer."""
        ...


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Reaches a handler as `ctx.request`."""

    principal: Principal
    session: Session | None
    """None in the stateless era."""
    audience: Audience
    line: Line
    streams: bool
    """Whether the client takes an event stream for this answer."""
    headers: Mapping[str, str]
    grant: str = ""
    """The grant of the access token; empty while authentication is off."""


Context = ServerRequestContext[Any, Caller]


def caller(ctx: Context) -> Caller:
    if ctx.request is None:
        raise TypeError("this server's handlers need the front's Caller")
    return ctx.request


def shows_ui(ctx: Context) -> bool:
    """Whether the client shows pages (MCP Apps): it said so for this request, or when its session began."""
    return client_supports_apps(ctx)


def asks(ctx: Context) -> tuple[str, ...]:
    """The kinds of question the client can be asked on this request."""
    capabilities = ctx.session.client_capabilities or ClientCapabilities()
    if caller(ctx).session is not None and not caller(ctx).streams:
        return ()
    found: list[str] = []
    if (elicitation := capabilities.elicitation) is not None:
        # An empty object means forms, as before URLs were known (2025-11-25, elicitation: capabilities).
        found += ["elicitation"] if elicitation.form is not None or elicitation.url is None else []
        found += ["elicitation.url"] if elicitation.url is not None else []
    found += ["sampling"] if capabilities.sampling is not None else []
    found += ["roots"] if capabilities.roots is not None else []
    return tuple(found)
