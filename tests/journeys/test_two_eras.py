"""Clients of both eras at once, each with its own answers."""

import asyncio
from typing import Any

from mcp import Client
from mcp.types import CallToolResult

from tests.clients import ERAS, Wire
from tests.servers import Stack, ValkeyServer

KINDS = ("metrics", "stock_prices", "sensor_data", "custom")


async def test_two_clients_with_ten_calls_each_get_their_own_answers(stack: Stack):
    """Ours: twenty concurrent runs, two eras, nobody sees another's data."""

    async def one(client: Client, number: int) -> None:
        steps: list[tuple[float, str]] = []

        async def on_progress(progress: float, total: float | None, message: str | None) -> None:
            steps.append((progress, message or ""))

        kind, count = KINDS[number % 4], 3 + number % 3
        arguments = {"dataType": kind, "count": count, "intervalMs": 200}
        result: CallToolResult = await client.call_tool("streaming", arguments, progress_callback=on_progress)
        structured: dict[str, Any] = result.structured_content or {}
        assert (structured["dataType"], structured["count"]) == (kind, count)
        assert [progress for progress, _ in steps] == [float(step) for step in range(1, count + 1)]
        assert all(message.startswith(f"{kind} point") for _, message in steps)

    async def client(mode: str) -> None:
        async with Client(stack.mcp_url, mode=mode) as connected:
            await asyncio.gather(*(one(connected, number) for number in range(10)))

    async with asyncio.timeout(60):
        await asyncio.gather(*(client(mode) for mode in ERAS.values()))


async def test_many_clients_may_initialize_at_once(stack: Stack):
    """The predecessor answered the second client's initialize with 500."""

    async def visit(mode: str) -> int:
        async with Client(stack.mcp_url, mode=mode) as client:
            return len((await client.list_tools()).tools)

    counts = await asyncio.gather(*(visit(mode) for mode in [*ERAS.values()] * 5))

    assert len(set(counts)) == 1


def test_a_session_is_named_however_long_it_takes_to_open(stack: Stack, valkey: ValkeyServer):
    """Ours: the name is in the head of the answer, so no stream may begin before there is one."""
    with valkey.client(0) as admin:
        admin.execute_command("CLIENT", "PAUSE", "1600", "WRITE")

    session = Wire.handshake(stack.mcp_url)

    assert session.session
    assert session.send("tools/list").result["tools"]
