"""Walks a plan: calls as its course says until one answers, never another after something was said.

The commit point of a stream is its first chunk with content. Chunks without any (a role, an id) wait for it, so that
nothing of an attempt that failed reaches the caller.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from functools import partial
from typing import Any, Final, TypeAlias, TypeVar

from wye.core.errors import WyeError
from wye.core.exchange import Exchange
from wye.core.operations import OperationAnswer
from wye.core.plan import Attempt, Outcome
from wye.core.response import ModelResponse, StreamChunk
from wye.core.secret import Secret
from wye.core.sink import Sink
from wye.core.usage import Usage
from wye.dispatch.course import Course, too_late
from wye.dispatch.produced import Produced
from wye.dispatch.rules import ONCE_EACH, Rules
from wye.dispatch.upstream import Upstream
from wye.health import Health

_Answer = TypeVar("_Answer", ModelResponse, OperationAnswer)
_HELD_AT_MOST: Final = 64
"""Chunks without content that wait for the commit point; more of them commit the stream."""


def complete(
    exchange: Exchange, upstreams: Mapping[str, Upstream], health: Health | None = None, rules: Rules = ONCE_EACH
) -> Coroutine[Any, Any, ModelResponse]:
    """Return the first attempt's answer that is one; raise the last error where none is."""
    return _first(exchange, upstreams, health or Health(), rules, _complete)


def perform(
    exchange: Exchange, upstreams: Mapping[str, Upstream], health: Health | None = None, rules: Rules = ONCE_EACH
) -> Coroutine[Any, Any, OperationAnswer]:
    """Do the same for what is not chat."""
    return _first(exchange, upstreams, health or Health(), rules, _perform)


_Ask: TypeAlias = Callable[[Upstream, Exchange, Attempt, float, Secret | None], Awaitable[_Answer]]


def _complete(
    upstream: Upstream, exchange: Exchange, attempt: Attempt, seconds: float, key: Secret | None
) -> Awaitable[ModelResponse]:
    return upstream.complete(exchange, attempt, seconds, key)


def _perform(
    upstream: Upstream, exchange: Exchange, attempt: Attempt, seconds: float, key: Secret | None
) -> Awaitable[OperationAnswer]:
    return upstream.perform(exchange, attempt, seconds, key)


async def _first(
    exchange: Exchange, upstreams: Mapping[str, Upstream], health: Health, rules: Rules, ask: _Ask[_Answer]
) -> _Answer:
    course = Course(exchange, health, rules)
    while True:
        attempt, permit = course.at_once() or await course.next()
        running = _Running(attempt)
        try:
            response = await ask(upstreams[attempt.provider], exchange, attempt, course.seconds(attempt), permit.key)
        except WyeError as error:
            course.note(permit, running.failed(error))
            course.failed(permit, error)
        except asyncio.CancelledError:
            course.note(permit, running.outcome(cancelled=True))
            raise
        except Exception as error:
            course.note(permit, running.failed(_bug(error)))
            raise
        else:
            running.answered(response)
            course.note(permit, running.outcome())
            return response
        finally:
            course.left(permit)


async def stream(
    sink: Sink,
    exchange: Exchange,
    upstreams: Mapping[str, Upstream],
    health: Health | None = None,
    rules: Rules = ONCE_EACH,
) -> None:
    """Put the first attempt's chunks that has any into `sink`; raise the last error where none has, or it breaks off.

    The deadline holds until the commit point: a stream that goes on speaking is not cut off.
    """
    health = health or Health()
    course = Course(exchange, health, rules)
    while True:
        attempt, permit = course.at_once() or await course.next()
        running = _Running(attempt, partial(health.answered, permit) if permit.is_probe else None)
        gate = _Gate(running, sink)
        try:
            course.seconds(attempt)
            work = upstreams[attempt.provider].stream(exchange, attempt, gate, permit.key)
            await _by(exchange.deadline, gate, work)
        except WyeError as error:
            course.note(permit, running.failed(error))
            if running.committed:
                raise
            course.failed(permit, error)
        except asyncio.CancelledError:
            course.note(permit, running.outcome(cancelled=True))
            raise
        except Exception as error:
            course.note(permit, running.failed(_bug(error)))
            raise
        else:
            course.note(permit, running.outcome())
            if gate.held and (wait := sink.put(gate.held)) is not None:
                await wait
            return
        finally:
            course.left(permit)


def _bug(error: Exception) -> WyeError:
    """Return what the books say of a mistake in our own program, or in a surface's; whoever asked sees it raised."""
    return WyeError(f"the call failed with {type(error).__name__}")


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
        raise too_late() from None


class _Running:
    """An attempt under way."""

    __slots__ = (
        "_answered",
        "_attempt",
        "_began",
        "_first_token",
        "_produced",
        "_started",
        "committed",
        "finish_reason",
        "usage",
    )

    def __init__(self, attempt: Attempt, answered: Callable[[], None] | None = None) -> None:
        self._attempt = attempt
        self._answered = answered
        self._started = time.time()
        self._began = time.perf_counter()
        self._first_token: float | None = None
        self._produced = Produced()
        self.committed = False
        self.usage: Usage | None = None
        self.finish_reason: str | None = None

    def note(self, batch: Sequence[StreamChunk]) -> None:
        """Remember what the books need of these chunks."""
        for chunk in batch:
            if chunk.usage is not None:
                self.usage = chunk.usage
            if not chunk.choices:
                self._produced.unread(chunk)
                continue
            self._produced.read(chunk)
            if reason := chunk.choices[0].finish_reason:
                self.finish_reason = reason

    def answered(self, answer: ModelResponse | OperationAnswer) -> None:
        """Remember what the books need of a whole answer."""
        self.usage = answer.usage
        if isinstance(answer, ModelResponse):
            self.finish_reason = answer.finish_reason
            if answer.usage is None:
                self._produced.whole(answer)

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
            produced=0 if self.usage is not None and self.finish_reason else self._produced.bytes,
        )
