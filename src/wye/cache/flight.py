"""One call to a provider that several exchanges with the same request wait for.

The call runs in a task of its own, so that whoever began it may leave; it is cancelled when the last one leaves. It is
on the books of the first who is still there: `payer`. The others have their answer from the cache.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, Generic, TypeVar

from wye.cache.recording import Recording
from wye.core.exchange import Exchange
from wye.core.response import StreamChunk
from wye.core.sink import Sink

_T = TypeVar("_T")


class Flight(Generic[_T]):
    """A call under way; `exchange` is what it fills in, with a plan and outcomes of its own."""

    def __init__(self, exchange: Exchange, work: Callable[["Flight[_T]"], Coroutine[Any, Any, _T]]) -> None:
        """Begin to do `work` for `exchange`, which is to `wait` for it."""
        self.exchange = exchange.twin()
        self.abandoned = False
        self._waiting: dict[Exchange, None] = {}
        self._task = asyncio.get_running_loop().create_task(work(self))

    def serves(self, exchange: Exchange) -> bool:
        """Tell whether an exchange may wait for this instead of calling by itself: for about as long as it would."""
        left = exchange.deadline - asyncio.get_running_loop().time()
        return not self.abandoned and self.exchange.deadline >= exchange.deadline - left / 10

    async def wait(self, exchange: Exchange) -> _T:
        """Return what comes of it, or raise it."""
        await self._landing(exchange)
        return self._task.result()

    async def _landing(self, exchange: Exchange) -> None:
        exchange.cached = bool(self._waiting)
        if not exchange.cached:
            exchange.outcomes = self.exchange.outcomes
        self._waiting[exchange] = None
        try:
            await asyncio.wait([self._task])
        except asyncio.CancelledError:
            await self._leave(exchange)
            raise
        self.tell(exchange)

    async def _leave(self, exchange: Exchange) -> None:
        """Let an exchange go: with the call, if it is the last, else without it."""
        pays = next(iter(self._waiting)) is exchange
        del self._waiting[exchange]
        if not self._waiting:
            self.abandoned = True
            self._task.cancel()
            await asyncio.wait([self._task])
            if not self._task.cancelled():
                self._task.exception()  # nobody is left to hear of it but the books, which have it
        elif pays and not self._task.done():
            exchange.outcomes, exchange.cached = [], True
            heir = next(iter(self._waiting))
            heir.outcomes, heir.cached = self.exchange.outcomes, False
            self.exchange.allowance, self.exchange.hold = heir.allowance, heir.hold
        self.tell(exchange)

    def tell(self, exchange: Exchange) -> None:
        """Let an exchange know who answers."""
        exchange.attempt = self.exchange.attempt
        exchange.dropped, exchange.emulated = self.exchange.dropped, self.exchange.emulated
        if exchange.cached:
            exchange.spared = self.exchange.usage
        else:
            exchange.hold = self.exchange.hold


class StreamFlight(Flight[None]):
    """A streamed call: a sink that hands everything on to each one's, also to those who come late.

    While there is room in the recording, each reads as fast as it can. After that nobody can join, and the slowest
    decides.
    """

    def __init__(
        self, exchange: Exchange, recording: Recording, work: Callable[["StreamFlight"], Coroutine[Any, Any, None]]
    ) -> None:
        """Begin to do `work`, which is to `put` chunks here."""
        self.recording = recording
        self._readers: list[_Reader] = []
        super().__init__(exchange, lambda _: work(self))

    def serves(self, exchange: Exchange) -> bool:
        """Tell whether an exchange may join: everything so far must be there still."""
        return not self.recording.full and super().serves(exchange)

    async def read(self, exchange: Exchange, sink: Sink) -> None:
        """Put everything into `sink`; raise what the call raises."""
        reader = _Reader(self, exchange, sink)
        self._readers.append(reader)
        reader.begin()
        try:
            await self._landing(exchange)
            await reader.caught_up()
        finally:
            self._readers.remove(reader)
            reader.close()
        self._task.result()

    def put(self, chunks: Sequence[StreamChunk]) -> Awaitable[Any] | None:
        """Record chunks and hand them on."""
        recorded = self.recording.take(chunks)
        busy = [task for reader in self._readers if (task := reader.put(chunks, recorded=recorded)) is not None]
        return None if recorded or not busy else asyncio.wait(busy)


class _Reader:
    """One exchange's place in the stream. While its sink is `busy`, what comes is read from the recording later."""

    def __init__(self, flight: StreamFlight, exchange: Exchange, sink: Sink) -> None:
        self._flight = flight
        self._exchange = exchange
        self._sink = sink
        self._offset = 0
        self._busy: asyncio.Task[None] | None = None
        self._begun = False

    def begin(self) -> None:
        """Hand on what came before, where there is something."""
        if self._flight.recording.data:
            self._begun = True
            self._flight.tell(self._exchange)
            self._be_busy(self._catch_up(None))

    def put(self, chunks: Sequence[StreamChunk], *, recorded: bool) -> "asyncio.Task[None] | None":
        """Hand chunks on, now or later; what comes back is busy with it, until the exchange leaves."""
        if self._busy is not None and not self._busy.done():
            return self._busy if recorded else self._be_busy(self._after(self._busy, chunks))
        if not self._begun:
            self._begun = True
            self._flight.tell(self._exchange)
        self._offset = len(self._flight.recording.data)
        wait = self._sink.put(chunks)
        return None if wait is None else self._be_busy(self._catch_up(wait))

    def _be_busy(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        self._busy = asyncio.get_running_loop().create_task(work)
        return self._busy

    async def _after(self, before: "asyncio.Task[None]", chunks: Sequence[StreamChunk]) -> None:
        await before
        if (wait := self._sink.put(chunks)) is not None:
            await wait

    async def _catch_up(self, wait: Awaitable[None] | None) -> None:
        if wait is not None:
            await wait
        recording = self._flight.recording
        while self._offset < len(recording.data):
            chunks = recording.since(self._offset)
            self._offset = len(recording.data)
            if (wait := self._sink.put(chunks)) is not None:
                await wait

    async def caught_up(self) -> None:
        """Wait until everything was handed on."""
        if self._busy is not None:
            await self._busy

    def close(self) -> None:
        """Hand on nothing more."""
        if self._busy is not None:
            self._busy.cancel()
