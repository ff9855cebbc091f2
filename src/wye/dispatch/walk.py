"""Walks a plan: the next attempt where one fails before anything was said, never after.

The commit point of a stream is its first chunk with content. Chunks without any (a role, an id) wait for it, so that
nothing of an attempt that failed reaches the caller.
"""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from functools import partial
from typing import Any, Final, TypeVar

from wye.core.errors import (
    DeadlineExceededError,
    OverloadedError,
    ProviderAuthenticationError,
    ProviderError,
    RateLimitError,
    WyeError,
)
from wye.core.exchange import Exchange
from wye.core.operations import OperationAnswer
from wye.core.plan import Attempt, Outcome
from wye.core.response import ModelResponse, StreamChunk
from wye.core.secret import Secret
from wye.core.usage import Usage
from wye.dispatch.sink import Sink
from wye.dispatch.upstream import Upstream
from wye.health import Health, Permit

_Answer = TypeVar("_Answer", ModelResponse, OperationAnswer)
_HELD_AT_MOST: Final = 64
"""Chunks without content that wait for the commit point; more of them commit the stream."""


async def complete(
    exchange: Exchange, upstreams: Mapping[str, Upstream], health: Health | None = None
) -> ModelResponse:
    """Return the first attempt's answer that is one; raise the last error where none is."""

    def ask(attempt: Attempt, left: float, key: Secret | None) -> Awaitable[ModelResponse]:
        return upstreams[attempt.provider].complete(exchange, attempt, left, key)

    return await _first(exchange, health or Health(), ask)


async def perform(
    exchange: Exchange, upstreams: Mapping[str, Upstream], health: Health | None = None
) -> OperationAnswer:
    """Do the same for what is not chat."""

    def ask(attempt: Attempt, left: float, key: Secret | None) -> Awaitable[OperationAnswer]:
        return upstreams[attempt.provider].perform(exchange, attempt, left, key)

    return await _first(exchange, health or Health(), ask)


async def _first(
    exchange: Exchange, health: Health, ask: Callable[[Attempt, float, Secret | None], Awaitable[_Answer]]
) -> _Answer:
    failure: WyeError | None = None
    for attempt in _attempts(exchange):
        permit = health.acquire(attempt)
        if permit is None:
            continue
        exchange.attempt = attempt
        running = _Running(attempt)
        try:
            response = await ask(attempt, _seconds_left(exchange), permit.key)
        except WyeError as error:
            _note(exchange, health, permit, running.failed(error))
            failure = _raise_unless_another(exchange, error)
        except asyncio.CancelledError:
            _note(exchange, health, permit, running.outcome(cancelled=True))
            raise
        else:
            running.usage = response.usage
            if isinstance(response, ModelResponse):
                running.finish_reason = response.finish_reason
            _note(exchange, health, permit, running.outcome())
            return response
        finally:
            health.release(permit)
    raise failure or _nobody(exchange, health)


async def stream(
    exchange: Exchange, upstreams: Mapping[str, Upstream], sink: Sink, health: Health | None = None
) -> None:
    """Put the first attempt's chunks that has any into `sink`; raise the last error where none has, or it breaks off.

    The deadline holds until the commit point: a stream that goes on speaking is not cut off.
    """
    health = health or Health()
    failure: WyeError | None = None
    for attempt in _attempts(exchange):
        permit = health.acquire(attempt)
        if permit is None:
            continue
        exchange.attempt = attempt
        running = _Running(attempt, partial(health.answered, permit) if permit.is_probe else None)
        gate = _Gate(running, sink)
        try:
            _seconds_left(exchange)
            work = upstreams[attempt.provider].stream(exchange, attempt, gate, permit.key)
            await _by(exchange.deadline, gate, work)
        except WyeError as error:
            _note(exchange, health, permit, running.failed(error))
            if running.committed:
                raise
            failure = _raise_unless_another(exchange, error)
        except asyncio.CancelledError:
            _note(exchange, health, permit, running.outcome(cancelled=True))
            raise
        else:
            _note(exchange, health, permit, running.outcome())
            if gate.held and (wait := sink.put(gate.held)) is not None:
                await wait
            return
        finally:
            health.release(permit)
    raise failure or _nobody(exchange, health)


def _note(exchange: Exchange, health: Health, permit: Permit, outcome: Outcome) -> None:
    """Write down what became of an attempt, for the books and for whoever asks next."""
    exchange.outcomes.append(outcome)
    health.observe(permit, outcome)


def _nobody(exchange: Exchange, health: Health) -> WyeError:
    """Return the error of a request whose every attempt is left alone for now."""
    attempts = _attempts(exchange)
    if not attempts:
        return ProviderError("the plan holds no attempt")
    names = ", ".join(dict.fromkeys(attempt.full_id for attempt in attempts))
    seconds = min(health.ready_in(attempt) for attempt in attempts)
    if seconds == math.inf:
        return ProviderAuthenticationError(
            f"every key for {names} was refused by its provider; put valid ones into the configuration",
            provider=attempts[0].provider,
        )
    view = health.view()
    found = [view.blocked(attempt.provider, attempt.full_id) for attempt in attempts]
    reasons = "; ".join(dict.fromkeys(mark.reason for mark in found if mark is not None)) or "it is being tried again"
    limited = all(mark is not None and mark.code == "cooling_down" for mark in found)
    error = (RateLimitError if limited else OverloadedError)(
        f"{names} cannot be asked for now ({reasons}); try again in {max(math.ceil(seconds), 1)} s",
        retry_after=max(seconds, 1.0),
    )
    return error.at(attempts[0].provider)


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


def _raise_unless_another(exchange: Exchange, error: WyeError) -> WyeError:
    """Return an error after which the next attempt may do better; raise any other."""
    if exchange.deadline <= asyncio.get_running_loop().time() and not isinstance(error, DeadlineExceededError):
        raise _too_late() from error
    if not error.fails_over:
        raise error
    return error


class _Running:
    """An attempt under way."""

    __slots__ = ("_answered", "_attempt", "_began", "_first_token", "_started", "committed", "finish_reason", "usage")

    def __init__(self, attempt: Attempt, answered: Callable[[], None] | None = None) -> None:
        self._attempt = attempt
        self._answered = answered
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
        if self._answered is not None:
            self._answered()

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
