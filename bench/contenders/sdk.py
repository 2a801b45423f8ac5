"""The MCP SDK's own server class."""

from mcp.server import MCPServer

server = MCPServer("sdk")


@server.tool()
def echo(message: str) -> str:
    """Repeat the message."""
    return message


app = server.streamable_http_app()
