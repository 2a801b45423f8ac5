"""The MCP server: which handler answers which method."""

from importlib.metadata import version
from typing import Any, Final

from mcp.server import CacheHint, Server
from mcp.server.apps import EXTENSION_ID as APPS
from mcp.server.request_state import RequestStateBoundary, RequestStateCodec, RequestStateSecurity
from mcp.types import (
    CallToolRequestParams,
    EmptyResult,
    SetLevelRequestParams,
    SubscribeRequestParams,
    UnsubscribeRequestParams,
)

from api.mcp.caller import Context, caller
from api.mcp.calls import Calls
from api.mcp.durable import EXTENSION, TaskParams
from api.mcp.listen import Listen
from api.mcp.prompts import Prompts
from api.mcp.resources import Resources
from storage.sessions import SessionStore

NAME: Final = "mcp-server-playground"
INSTRUCTIONS: Final = (
    "Long tools run on a worker and report progress as they go: send a progress token to watch them. "
    "A call that takes too long is answered with a jobId, and its work goes on: wait for it with `job_result`. "
    "Try `streaming` for a demonstration and `echo` to test the connection."
)
STATE_TTL: Final = 3600.0
"""Seconds a client may take to answer what a result asked; the task that waits gives up earlier."""
_UNCHANGING: Final = CacheHint(ttl_ms=60_000, scope="private")
"""Lists change with a deploy; they may differ by authorization, hence private."""


def build(
    calls: Calls,
    prompts: Prompts,
    resources: Resources,
    sessions: SessionStore,
    listen: Listen,
    *,
    state: RequestStateCodec,
) -> Server[Any]:
    """The server. What *state* seals on one replica opens on all of them."""
    server: Server[Any] = Server(
        NAME,
        version=version(NAME),
        title="MCP Server Playground",
        description="Streams long-running tools from a worker pool to any MCP client",
        instructions=INSTRUCTIONS,
        cache_hints={
            "server/discover": _UNCHANGING,
            "tools/list": _UNCHANGING,
            "prompts/list": _UNCHANGING,
            "resources/list": _UNCHANGING,
            "resources/templates/list": _UNCHANGING,
            "resources/read": CacheHint(ttl_ms=0, scope="private"),
        },
        get_tool_input_schema=calls.input_schema,
        on_list_tools=calls.list_tools,
        on_list_resources=resources.list_resources,
        on_list_resource_templates=resources.list_templates,
        on_read_resource=resources.read,
        on_list_prompts=prompts.list_prompts,
        on_get_prompt=prompts.get_prompt,
        on_completion=prompts.complete,
        on_subscriptions_listen=listen,
    )
    # The SDK's own spans: they follow whatever a client sends, tell of errors what clients are not told, and cost each
    # request a tenth when nobody wants them. Ours are in api/mcp/traced.py.
    server.middleware.clear()
    security = RequestStateSecurity(codec=state, ttl=STATE_TTL, bind_principal=lambda ctx: caller(ctx).principal.key)
    server.middleware.append(RequestStateBoundary(security, default_audience=NAME))

    async def set_level(ctx: Context, params: SetLevelRequestParams) -> EmptyResult:
        """The level lives with the session, so every replica filters by it."""
        if (session := caller(ctx).session) is not None:
            await sessions.set_level(session, params.level)
        return EmptyResult()

    server.add_request_handler("tools/call", CallToolRequestParams, calls.call_tool)
    server.add_request_handler("logging/setLevel", SetLevelRequestParams, set_level)
    server.add_request_handler("resources/subscribe", SubscribeRequestParams, resources.subscribe)
    server.add_request_handler("resources/unsubscribe", UnsubscribeRequestParams, resources.unsubscribe)
    server.extensions[EXTENSION] = {}
    # The handshake eras know no extensions of servers: their hosts go by the tools' `_meta`.
    server.extensions[APPS] = {}
    server.add_request_handler("tasks/get", TaskParams, calls.durable.get)
    server.add_request_handler("tasks/update", TaskParams, calls.durable.update)
    server.add_request_handler("tasks/cancel", TaskParams, calls.durable.cancel)
    return server
