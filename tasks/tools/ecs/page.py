"""The chart as a page, for clients that show pages beside a result (MCP Apps, SEP-1865).

The page is one document that asks for nothing: its style and script stand in it, and its own policy lets no other run,
whatever policy the client gives it. It learns of the result by messages, from the client.
"""

import base64
import hashlib
from functools import cache
from importlib.resources import files
from typing import Final

from tasks.resource import resource

__all__ = ["PAGE_URI", "investigation_page"]

PAGE_URI: Final = "ui://mcp-server-playground/investigation.html"
_SCRIPTS: Final = ("page_data.js", "page_draw.js", "page_tell.js", "page_host.js", "page_main.js")
_FRAME: Final = '"use strict";\n(() => {{\n{}\n}})();\n'


@resource(PAGE_URI, title="Chart of an investigation", meta={"ui": {"prefersBorder": True}})
def investigation_page() -> str:
    """CPU, memory, errors and what happened meanwhile, drawn from the result of an investigation."""
    return _document()


@cache
def _document() -> str:
    folder = files("tasks.tools.ecs")
    style = (folder / "page.css").read_text("utf-8")
    script = _FRAME.format("\n".join((folder / name).read_text("utf-8") for name in _SCRIPTS))
    parts = {"style": style, "script": script, "style-hash": _hash(style), "script-hash": _hash(script)}
    page = (folder / "page.html").read_text("utf-8")
    for name, text in parts.items():
        page = page.replace(f"{{{name}}}", text)
    return page


def _hash(text: str) -> str:
    """As a content security policy names an inline script or style (CSP 3, 2.3.1)."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
