"""The balancer behind the two-replica tests: were it to keep affinity or hold bytes back, they would prove nothing."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

from tests.servers import free_port
from tests.stand_ins.listener import Listener
from tests.stand_ins.round_robin import RoundRobin, round_robin

Answer = Callable[[bytes, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
OK = b"HTTP/1.1 200 OK\r\nconnection: close\r\n"
GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
WITHIN = 5


@asynccontextmanager
async def backend(answer: Answer) -> AsyncGenerator[int]:
    """A server that reads one head and lets *answer* say the rest; its port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            await answer(await reader.readuntil(b"\r\n\r\n"), reader, writer)

    async with Listener(serve) as listener:
        yield listener.port


def saying(word: bytes) -> Answer:
    async def answer(head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(OK + b"content-length: %d\r\n\r\n" % len(word) + word)
        await writer.drain()

    return answer


async def ask(balancer: RoundRobin, request: bytes = GET) -> bytes:
    """Everything that is said until the connection ends."""
    reader, writer = await asyncio.open_connection("127.0.0.1", balancer.port)
    writer.write(request)
    async with asyncio.timeout(WITHIN):
        said = await reader.read()
    writer.close()
    return said


async def test_requests_alternate_even_on_one_connection_that_asks_to_be_kept():
    """Ours: no affinity; the second request on a kept connection cannot reach the first replica again."""
    async with backend(saying(b"one")) as one, backend(saying(b"two")) as two, RoundRobin([one, two]) as balancer:
        kept = GET.replace(b"\r\n\r\n", b"\r\nConnection: keep-alive\r\n\r\n")
        said = [(await ask(balancer, kept))[-3:] for _ in range(4)]

    assert said == [b"one", b"two", b"one", b"two"]
    assert balancer.requests == [0, 1, 0, 1]


async def test_a_stream_passes_event_by_event():
    """Ours: the second event is not sent before the first was heard, so a balancer that held it back would hang."""
    heard = asyncio.Event()

    async def answer(head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(OK + b"content-type: text/event-stream\r\n\r\ndata: 1\n\n")
        await heard.wait()
        writer.write(b"data: 2\n\n")

    async with backend(answer) as port, RoundRobin([port]) as balancer, asyncio.timeout(WITHIN):
        reader, writer = await asyncio.open_connection("127.0.0.1", balancer.port)
        writer.write(GET)
        await reader.readuntil(b"data: 1\n\n")
        heard.set()
        rest = await reader.read()
        writer.close()

    assert rest == b"data: 2\n\n"


async def test_a_client_that_hangs_up_is_heard_by_the_replica():
    """Ours: a disconnect in the middle of a stream reaches who streams."""
    gone = asyncio.Event()

    async def answer(head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(OK + b"\r\ndata: 1\n\n")
        await reader.read()
        gone.set()

    async with backend(answer) as port, RoundRobin([port]) as balancer, asyncio.timeout(WITHIN):
        reader, writer = await asyncio.open_connection("127.0.0.1", balancer.port)
        writer.write(GET)
        await reader.readuntil(b"data: 1\n\n")
        writer.close()
        await gone.wait()


async def test_a_replica_that_dies_is_heard_by_the_client():
    """Ours: the reverse; the client sees the stream end and can resume elsewhere."""

    async def answer(head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(OK + b"\r\ndata: 1\n\n")
        await writer.drain()
        writer.transport.abort()

    async with backend(answer) as port, RoundRobin([port]) as balancer:
        with contextlib.suppress(ConnectionResetError):
            await ask(balancer)


async def test_a_head_and_body_pass_byte_for_byte_but_for_connection():
    """Ours: edge whitespace in values, repeated names and the body arrive as sent."""
    seen = bytearray()

    async def answer(head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.extend(head + await reader.readexactly(200_000))
        writer.write(OK + b"content-length: 0\r\n\r\n")

    lines = b"POST /mcp?a=%20b HTTP/1.1\r\nHost: localhost\r\nMcp-Name:  \t edge \t \r\nX-A: 1\r\nx-a: 2\r\n"
    body = b"\x00\r\n\r\nConnection: keep-alive\r\n".ljust(200_000, b"z")
    async with backend(answer) as port, RoundRobin([port]) as balancer:
        await ask(balancer, lines + b"Connection: keep-alive\r\nContent-Length: 200000\r\n\r\n" + body)

    assert bytes(seen) == lines + b"Content-Length: 200000\r\nConnection: close\r\n\r\n" + body


async def test_a_dead_replica_is_skipped_and_none_at_all_is_a_502():
    """Ours: a killed replica costs no request while another lives."""
    async with backend(saying(b"two")) as two:
        async with RoundRobin([free_port(), two]) as balancer:
            said = [(await ask(balancer))[-3:] for _ in range(3)]
        async with RoundRobin([free_port(), free_port()]) as nobody:
            refused = await ask(nobody)

    assert said == [b"two"] * 3
    assert balancer.requests == [1, 1, 1]
    assert refused.startswith(b"HTTP/1.1 502 ")


async def test_requests_at_once_are_spread_evenly():
    """Ours: strict alternation over all connections together."""
    async with backend(saying(b"one")) as one, backend(saying(b"two")) as two, RoundRobin([one, two]) as balancer:
        said = await asyncio.gather(*(ask(balancer) for _ in range(40)))

    assert sorted(balancer.requests) == [0] * 20 + [1] * 20
    assert sorted(text[-3:] for text in said) == [b"one"] * 20 + [b"two"] * 20


async def test_a_head_without_an_end_is_not_kept_in_memory():
    """Ours: 64 KiB, then the connection ends."""
    async with backend(saying(b"one")) as one, RoundRobin([one]) as balancer:
        with contextlib.suppress(ConnectionResetError, BrokenPipeError):
            assert await ask(balancer, b"GET / HTTP/1.1\r\nX: " + b"a" * 200_000) == b""

    assert balancer.requests == []


async def test_the_balancer_in_a_thread_ends_while_a_stream_is_open():
    """Ours: a test that fails in the middle of a stream does not hang the suite."""
    never = asyncio.Event()

    async def answer(head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(OK + b"\r\ndata: 1\n\n")
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(never.wait(), 1)

    async with backend(answer) as port, asyncio.timeout(WITHIN):
        with round_robin([port]) as balancer:
            reader, writer = await asyncio.open_connection("127.0.0.1", balancer.port)
            writer.write(GET)
            await reader.readuntil(b"data: 1\n\n")
        writer.close()
