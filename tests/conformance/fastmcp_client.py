"""FastMCP's client, in an interpreter of its own: a task to its end, a question inside one, a cancellation."""

import asyncio
import json
import sys
from typing import Any

import fastmcp_tasks.client as tasks
from fastmcp import Client


async def answer(*_: Any) -> dict[str, str]:
    return {"name": "Ada"}


async def main(url: str, folder: str) -> dict[str, str]:
    made: Any = Client(url, elicitation_handler=answer)
    async with made as client:
        ended = await client.call_tool("steps", {"file": f"{folder}/steps", "count": 6})
        asked = await client.call_tool("always_a_task", {})
        task: Any = await tasks.call_tool_task(client, "tick", {"file": f"{folder}/ticks"})
        await task.cancel()
        async with asyncio.timeout(10):
            while (status := (await task.status()).status) == "working":
                await asyncio.sleep(0.1)
        return {"ended": ended.content[0].text, "asked": asked.content[0].text, "cancelled": status}


json.dump(asyncio.run(main(*sys.argv[1:])), sys.stdout)
