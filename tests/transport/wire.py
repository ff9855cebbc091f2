"""A server that says exactly these bytes at exactly this moment: for answers no well-behaved server gives."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeAlias, cast

Talk: TypeAlias = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"


async def request(reader: asyncio.StreamReader) -> bytes:
    """Read one request; `b""` where the peer has left."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return b""
    length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    return head + await reader.readexactly(length)


@contextlib.asynccontextmanager
async def serving(talk: Talk, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """Serve on a free port for the length of the block; `talk` has each connection until it returns."""
    talks: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talks[cast("asyncio.Task[None]", asyncio.current_task())] = writer
        with contextlib.suppress(ConnectionError, asyncio.CancelledError):
            await talk(reader, writer)
        writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls)
    try:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task, writer in talks.items():
            task.cancel()
            writer.transport.abort()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
        await asyncio.gather(*talks, return_exceptions=True)


@contextlib.asynccontextmanager
async def answering(*answers: bytes, stay: bool = True) -> AsyncIterator[str]:
    """Answer the first request with the first of `answers` and so on; then keep the connection open, or close it."""
    left = list(answers)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while left and await request(reader):
            writer.write(left.pop(0))
            await writer.drain()
        if stay:
            await reader.read()

    async with serving(talk) as url:
        yield url
