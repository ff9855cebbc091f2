"""Walks a plan: the next attempt where one fails before anything was said, never after.

The commit point of a stream is its first chunk with content. Chunks without any (a role, an id) wait for it, so that
nothing of an attempt that failed reaches the caller.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any, Final, TypeVar

from wye.core.errors import DeadlineExceededError, ProviderError, WyeError
from wye.core.exchange import Exchange
from wye.core.operations import OperationAnswer
from wye.core.plan import Attempt, Outcome
from wye.core.response import ModelResponse, StreamChunk
from wye.core.usage import Usage
from wye.dispatch.sink import Sink
from wye.dispatch.upstream import Upstream

_Answer = TypeVar("_Answer", ModelResponse, OperationAnswer)
_HELD_AT_MOST: Final = 64
"""Chunks without content that wait for the commit point; more of them commit the stream."""


async def complete(exchange: Exchange, upstreams: Mapping[str, Upstream]) -> ModelResponse:
    """Return the first attempt's answer that is one; raise the last error where none is."""
    return await _first(exchange, lambda attempt, left: upstreams[attempt.provider].complete(exchange, attempt, left))


async def perform(exchange: Exchange, upstreams: Mapping[str, Upstream]) -> OperationAnswer:
    """Do the same for what is not chat."""
    return await _first(exchange, lambda attempt, left: upstreams[attempt.provider].perform(exchange, attempt, left))


async def _first(exchange: Exchange, ask: Callable[[Attempt, float], Awaitable[_Answer]]) -> _Answer:
    attempts = _attempts(exchange)
    for attempt in attempts:
        exchange.attempt = attempt
        running = _Running(attempt)
        try:
            response = await ask(attempt, _seconds_left(exchange))
        except WyeError as error:
            exchange.outcomes.append(running.failed(error))
            _raise_unless_another(exchange, error, last=attempt is attempts[-1])
        except asyncio.CancelledError:
            exchange.outcomes.append(running.outcome(cancelled=True))
            raise
        else:
            running.usage = response.usage
            if isinstance(response, ModelResponse):
                running.finish_reason = response.finish_reason
            exchange.outcomes.append(running.outcome())
            return response
    raise ProviderError("the plan holds no attempt")


async def stream(exchange: Exchange, upstreams: Mapping[str, Upstream], sink: Sink) -> None:
    """Put the first attempt's chunks that has any into `sink`; raise the last error where none has, or it breaks off.

    The deadline holds until the commit point: a stream that goes on speaking is not cut off.
    """
    attempts = _attempts(exchange)
    for attempt in attempts:
        exchange.attempt = attempt
        running = _Running(attempt)
        gate = _Gate(running, sink)
        try:
            _seconds_left(exchange)
            await _by(exchange.deadline, gate, upstreams[attempt.provider].stream(exchange, attempt, gate))
        except WyeError as error:
            exchange.outcomes.append(running.failed(error))
            if running.committed:
                raise
            _raise_unless_another(exchange, error, last=attempt is attempts[-1])
        except asyncio.CancelledError:
            exchange.outcomes.append(running.outcome(cancelled=True))
            raise
        else:
            exchange.outcomes.append(running.outcome())
            if gate.held and (wait := sink.put(gate.held)) is not None:
                await wait
            return


class _Gate:
    """Keeps chunks back until one has content, which commits the attempt; then lets everything through."""

    def __init__(self, running: "_Running", sink: Sink) -> None:
        self._running = running
        self._sink = sink
        self.held: list[StreamChunk] = []
        self.limit: asyncio.Timeout | None = None

    def put(self, chunks: Sequence[StreamChunk]) -> Awaitable[None] | None:
        """Keep or pass on."""
        running = self._running
        running.note(chunks)
        if running.committed:
            return self._sink.put(chunks)
        self.held += chunks
        if len(self.held) <= _HELD_AT_MOST and not any(chunk.is_content for chunk in chunks):
            return None
        running.commit()
        if self.limit is not None and not self.limit.expired():
            self.limit.reschedule(None)
        held, self.held = self.held, []
        return self._sink.put(held)


async def _by(deadline: float, gate: _Gate, work: Coroutine[Any, Any, None]) -> None:
    """Run `work`, which must have passed the gate by the deadline."""
    try:
        async with asyncio.timeout_at(deadline) as gate.limit:
            await work
    except TimeoutError:
        raise _too_late() from None


def _attempts(exchange: Exchange) -> Sequence[Attempt]:
    return exchange.plan.attempts if exchange.plan else ()


def _seconds_left(exchange: Exchange) -> float:
    left = exchange.deadline - asyncio.get_running_loop().time()
    if left <= 0:
        raise _too_late()
    return left


def _too_late() -> DeadlineExceededError:
    return DeadlineExceededError("the time for this request is over; 'x-wye-timeout' or [routing] deadline set it")


def _raise_unless_another(exchange: Exchange, error: WyeError, *, last: bool) -> None:
    if exchange.deadline <= asyncio.get_running_loop().time() and not isinstance(error, DeadlineExceededError):
        raise _too_late() from error
    if last or not error.fails_over:
        raise error


class _Running:
    """An attempt under way."""

    __slots__ = ("_attempt", "_began", "_first_token", "_started", "committed", "finish_reason", "usage")

    def __init__(self, attempt: Attempt) -> None:
        self._attempt = attempt
        self._started = time.time()
        self._began = time.perf_counter()
        self._first_token: float | None = None
        self.committed = False
        self.usage: Usage | None = None
        self.finish_reason: str | None = None

    def note(self, batch: Sequence[StreamChunk]) -> None:
        """Remember what the books need of these chunks."""
        for chunk in batch:
            if chunk.usage is not None:
                self.usage = chunk.usage
            if chunk.choices and (reason := chunk.choices[0].finish_reason):
                self.finish_reason = reason

    def commit(self) -> None:
        """Mark the moment of the first content."""
        self.committed = True
        self._first_token = time.perf_counter() - self._began

    def failed(self, error: WyeError) -> Outcome:
        """Return the outcome of an attempt that ended in `error`."""
        self.usage = self.usage or error.usage
        return self.outcome(error=error.at(self._attempt.provider))

    def outcome(self, *, error: WyeError | None = None, cancelled: bool = False) -> Outcome:
        """Return what became of the attempt."""
        return Outcome(
            attempt=self._attempt,
            started=self._started,
            duration=time.perf_counter() - self._began,
            first_token=self._first_token,
            usage=self.usage,
            finish_reason=self.finish_reason,
            error=error,
            cancelled=cancelled,
        )
