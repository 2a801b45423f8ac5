"""The Litestar plugin litestar-mcp."""

from dataclasses import dataclass

from litestar import Litestar, post
from litestar_mcp import LitestarMCP


@dataclass
class Said:
    message: str


@post("/echo", mcp_tool="echo", sync_to_thread=False)
def echo(data: Said) -> str:
    """Repeat the message."""
    return data.message


app = Litestar([echo], plugins=[LitestarMCP()])
