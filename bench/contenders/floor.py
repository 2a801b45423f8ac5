"""Litestar and nothing else: read JSON, answer JSON. What the web stack itself costs."""

from typing import Any

from litestar import Litestar, post


@post("/mcp", status_code=200)
async def answer(data: dict[str, Any]) -> dict[str, Any]:
    said = data["params"].get("arguments", {}).get("message", "")
    return {"jsonrpc": "2.0", "id": data["id"], "result": {"content": [{"type": "text", "text": said}]}}


app = Litestar([answer])
