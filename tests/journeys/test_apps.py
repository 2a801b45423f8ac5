"""MCP Apps (`io.modelcontextprotocol/ui`), in both eras: a page where pages are shown, a picture elsewhere."""

import asyncio
import base64
import io
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest
from mcp import Client
from mcp.client import advertise
from mcp.server.apps import APP_MIME_TYPE, EXTENSION_ID
from mcp.types import CallToolResult, ImageContent, TextContent, TextResourceContents
from PIL import Image

from tasks.tools.ecs.page import PAGE_URI, investigation_page
from tests.clients import ACCEPT, ERAS, HANDSHAKE, MODERN, Wire, request, wire
from tests.servers import Stack

PAGES: dict[str, Any] = {"mimeTypes": [APP_MIME_TYPE]}


@asynccontextmanager
async def connected(stack: Stack, era: str, settings: dict[str, Any] | None) -> AsyncGenerator[Client]:
    """The SDK's client, which says of itself that it shows pages with these *settings*; None for one that does not."""
    extensions = None if settings is None else [advertise(EXTENSION_ID, settings)]
    async with asyncio.timeout(60), Client(stack.mcp_url, mode=ERAS[era], extensions=extensions) as client:
        yield client


@pytest.mark.parametrize("era", ERAS)
async def test_a_tool_names_its_page_and_the_page_can_be_read(own: Stack, era: str):
    """MCP Apps, resource discovery: what tools/list names, resources/list has and resources/read gives."""
    async with connected(own, era, PAGES) as client:
        tools = {tool.name: tool.meta for tool in (await client.list_tools()).tools}
        listed = {str(each.uri): each for each in (await client.list_resources()).resources}
        read = (await client.read_resource(PAGE_URI)).contents[0]

    assert tools["charted"] == {"ui": {"resourceUri": PAGE_URI}, "ui/resourceUri": PAGE_URI}
    assert tools["echo"] is None
    assert listed[PAGE_URI].mime_type == read.mime_type == APP_MIME_TYPE
    assert listed[PAGE_URI].meta == read.meta == {"ui": {"prefersBorder": True}}
    assert isinstance(read, TextResourceContents)
    assert read.text == investigation_page.function()


@pytest.mark.parametrize("era", ERAS)
async def test_a_client_that_shows_pages_gets_no_picture(own: Stack, era: str):
    """Ours: the worker knows what the web process heard, and draws nothing that nobody looks at."""
    async with connected(own, era, PAGES) as client:
        result = await client.call_tool("charted", {})
        inline = await client.call_tool("charted_inline", {})

    assert [type(block) for block in result.content] == [TextContent]
    assert structured(result)["pages"] is True
    assert structured(result)["chart"]["markers"][0]["label"] == "checkout:42 deployed"
    assert inline.content == [TextContent(text="pages")]


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("settings", [None, {}, {"mimeTypes": []}, {"mimeTypes": ["text/html"]}])
async def test_any_other_client_gets_the_picture(own: Stack, era: str, settings: dict[str, Any] | None):
    """MCP Apps, graceful degradation: also for one that shows pages of another type."""
    async with connected(own, era, settings) as client:
        result = await client.call_tool("charted", {})
        inline = await client.call_tool("charted_inline", {})

    words, image = result.content
    assert isinstance(words, TextContent)
    assert isinstance(image, ImageContent)
    assert image.mime_type == "image/png"
    with Image.open(io.BytesIO(base64.b64decode(image.data))) as picture:
        assert picture.size == (1200, 640)
    assert structured(result)["pages"] is False
    assert inline.content == [TextContent(text="no pages")]


def test_the_extension_is_announced_where_extensions_are(own: Stack):
    """MCP 2026-07-28, server/discover; the handshake eras have no place for it, and their hosts go by the tools."""
    told = Wire(own.mcp_url, version=MODERN).send("server/discover").result["capabilities"]["extensions"]

    assert EXTENSION_ID in told


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("nonsense", [7, [], "yes", {"mimeTypes": 7}, {"mimeTypes": {"a": 1}}, {"mimeTypes": [None]}])
def test_nonsense_about_pages_is_no_page(own: Stack, era: str, nonsense: Any):
    """Ours: it is refused, or taken as a client without pages; never an error of ours."""
    said: dict[str, Any] = {"extensions": {EXTENSION_ID: nonsense}}
    if era == "handshake":
        params = {"protocolVersion": HANDSHAKE, "capabilities": said, "clientInfo": {"name": "x", "version": "1"}}
        client = Wire(own.mcp_url, version=HANDSHAKE)
        answer = client.http.post(own.mcp_url, json=request("initialize", params), headers=ACCEPT)
        client.session = answer.headers.get("mcp-session-id")
        message = client.call("charted_inline", {}).messages[-1].message if client.session else answer.json()
    else:
        meta = {"io.modelcontextprotocol/clientCapabilities": said}
        message = wire(own.mcp_url, era).call("charted_inline", {}, meta=meta).messages[-1].message

    assert message.get("error", {}).get("code") == -32602 or message["result"]["content"][0]["text"] == "no pages"


def structured(result: CallToolResult) -> dict[str, Any]:
    assert not result.is_error
    return cast("dict[str, Any]", result.structured_content)
