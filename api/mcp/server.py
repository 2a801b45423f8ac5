"""The MCP server: which handler answers which method."""

from importlib.metadata import version
from typing import Any, Final

import msgspec
from mcp.server import CacheHint, Server
from mcp.server.subscriptions import InMemorySubscriptionBus, ListenHandler
from mcp.types import EmptyResult, SetLevelRequestParams

from api.mcp import prompts
from api.mcp.caller import Context, caller
from api.mcp.calls import Calls
from api.mcp.resources import Resources
from storage.sessions import SessionStore

NAME: Final = "mcp-server-playground"
INSTRUCTIONS: Final = (
    "Long tools run on a worker and report progress as they go: send a progress token to watch them. "
    "Try `streaming` for a demonstration and `echo` to test the connection."
)
_UNCHANGING: Final = CacheHint(ttl_ms=60_000, scope="private")
"""Lists change with a deploy; they may differ by authorization, hence private."""


def build(calls: Calls, resources: Resources, sessions: SessionStore) -> tuple[Server[Any], ListenHandler]:
    """The server, and the handler of `subscriptions/listen`, which must be closed when the process drains."""
    listen = ListenHandler(InMemorySubscriptionBus())
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
        on_call_tool=calls.call_tool,
        on_list_resources=resources.list_resources,
        on_list_resource_templates=resources.list_templates,
        on_read_resource=resources.read,
        on_list_prompts=prompts.list_prompts,
        on_get_prompt=prompts.get_prompt,
        on_completion=prompts.complete,
        on_subscriptions_listen=listen,
    )

    async def set_level(ctx: Context, params: SetLevelRequestParams) -> EmptyResult:
        """The level lives in the session's record, so every replica filters by it."""
        if (session := caller(ctx).session) is not None:
            await sessions.update(msgspec.structs.replace(session, log_level=params.level))
        return EmptyResult()

    server.add_request_handler("logging/setLevel", SetLevelRequestParams, set_level)
    return server, listen
