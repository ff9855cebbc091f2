"""Where the chunks of a streamed answer go: pushed as they come, without a task waking up for each.

A provider's connection hands its bytes down a chain of plain calls (framing, adapter, commit point, surface) that ends
in the caller's connection. Only where a reader is slower than the provider does anybody wait.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import Any, Final

from wye.core.response import StreamChunk
from wye.core.sink import Sink

_WAITING_AT_MOST: Final = 64
"""Batches that wait for their reader before the provider is told to wait."""


async def pieces(pour: Callable[[Sink], Awaitable[None]]) -> AsyncGenerator[Sequence[StreamChunk]]:
    """Yield what `pour` puts into the sink it is given, for readers who pull; closing the generator cancels `pour`."""
    pipe = _Pipe()
    work: asyncio.Future[None] = asyncio.ensure_future(_run(pour, pipe))
    work.add_done_callback(pipe.end)
    try:
        while (batch := await pipe.take()) is not None:
            yield batch
        await work
    finally:
        if not work.done():
            work.cancel()
            await asyncio.wait([work])


async def _run(pour: Callable[[Sink], Awaitable[None]], sink: Sink) -> None:
    await pour(sink)


class _Pipe:
    """A sink at one end, a reader at the other."""

    def __init__(self) -> None:
        self._batches: deque[Sequence[StreamChunk]] = deque()
        self._news = asyncio.Event()
        self._room = asyncio.Event()
        self._ended = False

    def put(self, chunks: Sequence[StreamChunk]) -> Awaitable[Any] | None:
        self._batches.append(chunks)
        self._news.set()
        if len(self._batches) < _WAITING_AT_MOST:
            return None
        self._room.clear()
        return self._room.wait()

    def end(self, _work: object) -> None:
        self._ended = True
        self._news.set()

    async def take(self) -> Sequence[StreamChunk] | None:
        while not self._batches:
            if self._ended:
                return None
            self._news.clear()
            await self._news.wait()
        batch = self._batches.popleft()
        self._room.set()
        return batch
