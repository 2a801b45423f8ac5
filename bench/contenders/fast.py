"""FastMCP."""

from fastmcp import FastMCP

server = FastMCP("fastmcp")


@server.tool
def echo(message: str) -> str:
    """Repeat the message."""
    return message


app = server.http_app()
