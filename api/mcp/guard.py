"""Who may do what on the MCP endpoint: asked here, once, for every way to reach a tool and what it came to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, cast

from litestar.types import HTTPScope

from api.errors import INSUFFICIENT_SCOPE, UNAUTHORIZED, Refused
from api.mcp.cursor import StreamCursor, parse
from api.mcp.request import headers_of
from api.mcp.resources import run_of
from auth.audit import Audit
from auth.bearer import EVERYTHING, Bearer, Bearers, challenge
from auth.principal import ANONYMOUS
from auth.scopes import BASIC, PROMPTS, RESOURCES, TOOLS
from storage.tasks import TaskStore
from tasks.catalog import Catalog

_OF_METHODS: Final[Mapping[str, tuple[str, ...]]] = {
    "tools": (TOOLS,),
    "tasks": (TOOLS,),
    "prompts": (PROMPTS,),
    "resources": (RESOURCES,),
}
_MOST_TASKS: Final = 100
_ANYBODY: Final = Bearer(principal=ANONYMOUS, scopes=EVERYTHING)


class Guard(Protocol):
    async def identify(self, scope: HTTPScope) -> Bearer:
        """Who sends a request; Refused (401) when nobody says so."""
        ...

    async def authorize(self, bearer: Bearer, method: str, params: Mapping[str, Any] | None) -> None:
        """Refused (403), naming every scope that is needed, unless *bearer* has them."""
        ...

    async def authorize_stream(self, bearer: Bearer, event_id: str | None) -> None:
        """The same for the rest of a stream: it may be that of a tool's call."""
        ...


class OpenDoor:
    """Everybody may do everything: authentication is off."""

    async def identify(self, scope: HTTPScope) -> Bearer:
        return _ANYBODY

    async def authorize(self, bearer: Bearer, method: str, params: Mapping[str, Any] | None) -> None:
        return

    async def authorize_stream(self, bearer: Bearer, event_id: str | None) -> None:
        return


@dataclass(frozen=True, kw_only=True)
class TokenGuard:
    bearers: Bearers
    catalog: Catalog
    tasks: TaskStore
    metadata: str
    """The address of our RFC 9728 document."""
    audit: Audit

    async def identify(self, scope: HTTPScope) -> Bearer:
        headers = dict(headers_of(scope))
        found = await self.bearers.find(headers)
        if found is not None:
            return found
        given = "authorization" in headers
        needed = self._of_name(headers.get("mcp-method", ""), headers.get("mcp-name", "")) or BASIC
        # RFC 6750 3.1: who sent no token is told where to get one, not that theirs is wrong.
        said = ("invalid_token", "The access token is unknown, expired, revoked, or for another resource")
        error, description = said if given else ("", "")
        raise Refused(
            401,
            description or "Sign in: WWW-Authenticate names the authorization server's metadata",
            code=UNAUTHORIZED,
            headers={"www-authenticate": challenge(self.metadata, needed, error=error, description=description)},
        )

    async def authorize(self, bearer: Bearer, method: str, params: Mapping[str, Any] | None) -> None:
        given = params or {}
        needed = [*self._of_name(method, str(given.get("name", ""))), *_of_params(method, given)]
        for task_id in _tasks_named(method, given):
            needed += await self._of_task(task_id, bearer)
        self._check(bearer, needed, f"{method} {given.get('name', '')}".strip())

    async def authorize_stream(self, bearer: Bearer, event_id: str | None) -> None:
        cursor = parse(event_id) if event_id else None
        if isinstance(cursor, StreamCursor):
            self._check(bearer, await self._of_task(cursor.stream, bearer), "resume")

    def _check(self, bearer: Bearer, needed: Sequence[str], method: str) -> None:
        if not bearer.lacks(needed):
            return
        scopes = tuple(dict.fromkeys(needed))
        self.audit.note("scope denied", principal=bearer.principal, method=method, needed=list(scopes))
        description = "The access token lacks a scope that this needs"
        # All that is needed and all there was, so that signing in again loses nothing (MCP, authorization: step-up).
        wanted = dict.fromkeys((*scopes, *sorted(bearer.scopes)))
        raise Refused(
            403,
            f"This needs the scopes {' '.join(scopes)}",
            code=INSUFFICIENT_SCOPE,
            headers={
                "www-authenticate": challenge(
                    self.metadata, wanted, error="insufficient_scope", description=description
                )
            },
        )

    def _of_name(self, method: str, name: str) -> tuple[str, ...]:
        scopes = _OF_METHODS.get(method.partition("/")[0], ())
        tool = self.catalog.find_tool(name) if method == "tools/call" else None
        return (*scopes, *(tool.scopes if tool else ()))

    async def _of_task(self, task_id: str, bearer: Bearer) -> tuple[str, ...]:
        """Nothing for a task of another principal: naming its scopes would tell that it exists."""
        record = await self.tasks.find(task_id)
        if record is None or record.principal != bearer.principal:
            return ()
        tool = self.catalog.find_tool(record.tool)
        return tool.scopes if tool else ()


def _of_params(method: str, params: Mapping[str, Any]) -> tuple[str, ...]:
    """What methods that belong to no one kind of offer need, by what they are about."""
    if method == "completion/complete":
        return (RESOURCES,) if _mapping(params.get("ref")).get("type") == "ref/resource" else (PROMPTS,)
    if method == "subscriptions/listen":
        wanted = _mapping(params.get("notifications"))
        of = {"taskIds": TOOLS, "resourceSubscriptions": RESOURCES}
        return tuple(scope for name, scope in of.items() if wanted.get(name))
    return ()


def _mapping(value: object) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, dict) else {}


def _tasks_named(method: str, params: Mapping[str, Any]) -> list[str]:
    """The tasks that a request wants something of, whichever way it names them."""
    named: list[object] = [params.get("taskId")]
    if method == "tools/call":
        named.append(_mapping(params.get("arguments")).get("jobId"))
    if method.startswith("resources/") and isinstance(uri := params.get("uri"), str):
        named.append(run_of(uri))
    if method == "subscriptions/listen":
        ids = _mapping(params.get("notifications")).get("taskIds")
        named += cast("list[object]", ids)[:_MOST_TASKS] if isinstance(ids, list) else []
    return [each for each in named if isinstance(each, str) and len(each) <= 64]  # noqa: PLR2004  # ids have 32
