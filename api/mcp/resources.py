"""The resources: echo's documentation, and the results that tools were asked to keep."""

from dataclasses import dataclass
from typing import Final

import msgspec
from mcp import MCPError
from mcp.types import (
    INVALID_PARAMS,
    ListResourcesResult,
    ListResourceTemplatesResult,
    PaginatedRequestParams,
    ReadResourceRequestParams,
    ReadResourceResult,
    Resource,
    ResourceTemplate,
    TextResourceContents,
)
from mcp.types.version import MODERN_PROTOCOL_VERSIONS

from api.mcp.caller import Context, caller
from storage.errors import NotFound
from storage.results import ResultStore
from tasks.tools.echo import DOCUMENTATION_URI, result_uri

LEGACY_NOT_FOUND: Final = -32002
"""What the handshake eras call a missing resource; the stateless era forbids the code and uses -32602."""

DOCUMENTATION: Final = """\
# echo

Returns a message, repeated and in capitals if wished.

| argument | type | default | meaning |
|---|---|---|---|
| `message` | string, 1 to 1000 characters | | what to say |
| `repeat` | integer, 1 to 10 | 1 | how many times, separated by one space |
| `uppercase` | boolean | false | say it in capitals |

The result names `echo://result/{resultId}`, where it can be read again for an hour by whoever made it.
"""

_RESULTS: Final = result_uri("")


@dataclass(frozen=True)
class Resources:
    results: ResultStore

    async def list_resources(self, ctx: Context, params: PaginatedRequestParams | None) -> ListResourcesResult:
        _one_page(params)
        documentation = Resource(
            uri=DOCUMENTATION_URI,
            name="echo documentation",
            title="How to use echo",
            description="The arguments and the result of the echo tool.",
            mime_type="text/markdown",
        )
        return ListResourcesResult(resources=[documentation])

    async def list_templates(self, ctx: Context, params: PaginatedRequestParams | None) -> ListResourceTemplatesResult:
        _one_page(params)
        result = ResourceTemplate(
            uri_template=result_uri("{resultId}"),
            name="echo result",
            title="A result of echo",
            description="What a call of the echo tool returned; for an hour, for whoever made the call.",
            mime_type="application/json",
        )
        return ListResourceTemplatesResult(resource_templates=[result])

    async def read(self, ctx: Context, params: ReadResourceRequestParams) -> ReadResourceResult:
        uri = str(params.uri)
        if uri == DOCUMENTATION_URI:
            contents = TextResourceContents(uri=uri, mime_type="text/markdown", text=DOCUMENTATION)
        elif uri.startswith(_RESULTS):
            text = await self._kept(ctx, uri)
            contents = TextResourceContents(uri=uri, mime_type="application/json", text=text)
        else:
            raise _not_found(ctx, uri)
        return ReadResourceResult(contents=[contents])

    async def _kept(self, ctx: Context, uri: str) -> str:
        try:
            stored = await self.results.get(uri.removeprefix(_RESULTS), caller(ctx).principal)
        except NotFound:
            raise _not_found(ctx, uri) from None
        return msgspec.json.encode(msgspec.json.decode(stored)["structured"]).decode()


def _not_found(ctx: Context, uri: str) -> MCPError:
    modern = ctx.protocol_version in MODERN_PROTOCOL_VERSIONS
    return MCPError(INVALID_PARAMS if modern else LEGACY_NOT_FOUND, "Resource not found", {"uri": uri})


def _one_page(params: PaginatedRequestParams | None) -> None:
    if params and params.cursor is not None:
        raise MCPError(INVALID_PARAMS, "Unknown cursor: this list has one page")
