"""The loop itself: one exchange a round, tools between them, until the model answers or something says stop."""

import asyncio
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from decimal import Decimal
from typing import Final

from msgspec import structs

from wye.catalog.schema import ToolTraits
from wye.core.content import ToolCall
from wye.core.errors import DeadlineExceededError, InvalidRequestError, WyeError
from wye.core.exchange import Exchange
from wye.core.plan import NO_WISHES, Wishes
from wye.core.request import Call
from wye.core.response import ModelResponse, StreamChunk
from wye.core.usage import Usage
from wye.engine import Engine
from wye.toolloop.gathering import Gathered
from wye.toolloop.instructed import understood
from wye.toolloop.letter import Letter
from wye.toolloop.offered import Tools
from wye.toolloop.values import (
    Answered,
    Ask,
    Cited,
    Done,
    Event,
    Failed,
    ReasoningDelta,
    RefusalDelta,
    Stopped,
    TextDelta,
    ToolAnswered,
    ToolCalled,
    ToolRun,
)
from wye.toolloop.way import choose
from wye.toolloop.working import Failures, unfinished, work

_TOO_DEAR: Final = "max_cost_exceeded"
_ANY: Final = ToolTraits()


async def run(engine: Engine, ask: Ask, tools: Tools) -> Answered:
    """Ask until there is an answer, and return it. Raises a `WyeError`; cancelling ends what is under way."""
    async with aclosing(_Loop(engine, ask, tools, streamed=False).events()) as events:
        async for event in events:
            if isinstance(event, Done):
                return event.answer
    raise RuntimeError("a loop ended without an answer")


async def stream(engine: Engine, ask: Ask, tools: Tools) -> AsyncGenerator[Event]:
    """Do the same, and yield what happens as it comes; the last event is `Done` or `Failed`.

    A `WyeError` before the first event is raised. Closing the generator ends what is under way.
    """
    loop, begun = _Loop(engine, ask, tools, streamed=True), False
    try:
        async with aclosing(loop.events()) as events:
            async for event in events:
                begun = True
                yield event
    except WyeError as error:
        if not begun:
            raise
        yield loop.failed(error)


class _Loop:
    """One run."""

    def __init__(self, engine: Engine, ask: Ask, tools: Tools, *, streamed: bool) -> None:
        self._engine = engine
        self._ask = ask
        self._tools = tools
        self._streamed = streamed
        self._until = None if ask.timeout is None else asyncio.get_running_loop().time() + ask.timeout
        self._letter = Letter(ask.call, tools)
        self._form, self._wishes = choose(engine, ask, self._letter, stream=streamed)
        self._account = _Account()
        self._traits = _ANY
        self._failures = Failures()
        self._runs: list[ToolRun] = []
        self._worked = 0
        self._response = ModelResponse()

    async def events(self) -> AsyncGenerator[Event]:
        """Yield what happens, `Done` at the end."""
        stopped: Stopped | None = None
        pending: tuple[ToolCall, ...] = ()
        while True:
            last = self._worked > 0 and self._worked >= self._rounds()
            if self._worked and self._too_dear(last=last):
                stopped = "cost"
                break
            async with aclosing(self._asked(last=last)) as pieces:
                async for piece in pieces:
                    yield piece
            self._letter.answered(self._response)
            calls = self._response.tool_calls
            pending = calls
            if last:
                stopped = "rounds"
                break
            if not calls:
                break
            own = self._letter.callers_own(calls)
            stopped, pending = self._what_stops(calls, own)
            for call in calls:
                yield ToolCalled(
                    round=self._worked + 1,
                    id=call.id,
                    name=call.name,
                    arguments=call.arguments,
                    pending=call in pending,
                )
            async with aclosing(self._work([call for call in calls if call not in pending])) as runs:
                async for ran in runs:
                    yield ToolAnswered(ran)
            if stopped is not None:
                break
        yield Done(self._answered(stopped, pending))

    def _rounds(self) -> int:
        """Return how often tools may be run, which the provider that answers has a say in."""
        most = self._traits.rounds
        return self._ask.max_rounds if most is None else min(most, self._ask.max_rounds)

    def _what_stops(
        self, calls: tuple[ToolCall, ...], own: tuple[ToolCall, ...]
    ) -> tuple[Stopped | None, tuple[ToolCall, ...]]:
        """Return why the loop ends with these calls, if it does, and those that are then not run."""
        if self._rounds() <= 0:
            return "rounds", calls
        if own:
            return "caller_tools", own
        return ("cost", calls) if self._is_spent() else (None, ())

    def _is_spent(self) -> bool:
        most, spent = self._ask.max_cost, self._account.cost
        return most is not None and (spent is None or spent >= most)

    def _too_dear(self, *, last: bool) -> bool:
        """Tell whether the next round is expected to cost more than what is left."""
        if self._ask.max_cost is None:
            return False
        if self._is_spent():
            return True
        try:
            self._engine.plan_call(self._call(last=last), self._wished(), self._ask.caller)
        except InvalidRequestError as error:
            if error.code != _TOO_DEAR:
                raise
            return True
        return False

    def _call(self, *, last: bool) -> Call:
        return self._letter.call(stream=self._streamed, form=self._form, last=last)

    async def _asked(self, *, last: bool) -> AsyncGenerator[Event]:
        """Make one exchange, and keep its answer."""
        exchange = self._exchange(last=last)
        try:
            if self._streamed:
                gathered = Gathered()
                async with self._engine.pieces(exchange) as batches:
                    async for batch in batches:
                        for chunk in batch:
                            gathered.add(chunk)
                            for event in _told(chunk, text=self._form is None):
                                yield event
                response = gathered.whole()
            else:
                response = await self._engine.complete(exchange)
            usage = response.usage or exchange.usage
            self._account.used(usage)
        finally:
            self._account.add(exchange)
        if self._form is not None:
            response = understood(response)
            for event in _in_words(response):
                yield event
        attempt = exchange.attempt
        who = {"provider": attempt.provider, "model": attempt.model} if attempt else {}
        self._response = self._letter.distinct(structs.replace(response, usage=usage, cost=exchange.cost, **who))
        if attempt is not None:
            row = self._engine.seen_by(self._ask.caller).catalog.providers.get(attempt.provider)
            self._traits = _ANY if row is None else row.tools

    def _exchange(self, *, last: bool) -> Exchange:
        ask, first = self._ask, self._account.first
        exchange = self._engine.begin(
            self._call(last=last),
            timeout=self._left(),
            request_id=ask.request_id if first is None else None,
            caller=ask.caller,
        )
        exchange.wishes = self._wished()
        exchange.parent = ask.parent if first is None else first
        exchange.conversation, exchange.tags = ask.conversation, ask.tags
        exchange.reuse, exchange.traceparent = ask.reuse, ask.traceparent
        return exchange

    def _wished(self) -> Wishes | None:
        """Return what is wished of the next round: that it costs no more than what is left, where that is bounded."""
        most = self._ask.max_cost
        if most is None:
            return self._wishes
        wishes, left = self._wishes or NO_WISHES, most - (self._account.cost or Decimal(0))
        return structs.replace(wishes, max_cost=left if wishes.max_cost is None else min(left, wishes.max_cost))

    def _left(self) -> float | None:
        """Return the seconds that are left."""
        if self._until is None:
            return None
        left = self._until - asyncio.get_running_loop().time()
        if left <= 0:
            raise DeadlineExceededError("the time for this request is over; its timeout holds for all rounds together")
        return left

    async def _work(self, calls: list[ToolCall]) -> AsyncGenerator[ToolRun]:
        if not calls:
            return
        self._worked += 1
        at_once = self._ask.at_once if self._traits.parallel else 1
        runs: dict[int, ToolRun] = {}
        jobs = work(calls, self._tools, self._failures, number=self._worked, at_once=at_once, left=self._left)
        try:
            async with aclosing(jobs) as ended:
                async for at, ran in ended:
                    runs[at] = ran
                    yield ran
        finally:
            # Also where the time is over: what was run was run, and no call may stand without its result.
            self._runs += [runs[at] for at in sorted(runs)]
            self._letter.told(runs.get(at) or unfinished(call, self._worked) for at, call in enumerate(calls))

    def _answered(self, stopped: Stopped | None, pending: tuple[ToolCall, ...]) -> Answered:
        account = self._account
        return Answered(
            response=self._response,
            usage=account.usage,
            cost=account.cost,
            estimated=account.estimated,
            attempts=account.attempts,
            runs=tuple(self._runs),
            pending=pending,
            turns=tuple(self._letter.turns),
            request_ids=tuple(account.ids),
            stopped=stopped,
            emulated=self._form is not None,
            adapted=tuple(dict.fromkeys(account.adapted)),
            dropped=tuple(dict.fromkeys(account.dropped)),
        )

    def failed(self, error: WyeError) -> Failed:
        """Return what the loop had come to when it failed."""
        account = self._account
        return Failed(
            error=error,
            usage=account.usage,
            cost=account.cost,
            attempts=account.attempts,
            runs=tuple(self._runs),
            turns=tuple(self._letter.turns),
            request_ids=tuple(account.ids),
        )


class _Account:
    """What all rounds took together."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.usage: Usage | None = Usage()
        self.cost: Decimal | None = Decimal(0)
        self.estimated = False
        self.attempts = 0
        self.adapted: list[str] = []
        self.dropped: list[str] = []

    @property
    def first(self) -> str | None:
        """The id of the first round."""
        return self.ids[0] if self.ids else None

    def used(self, usage: Usage | None) -> None:
        """Add what an answer took."""
        self.usage = None if usage is None or self.usage is None else self.usage.plus(usage)

    def add(self, exchange: Exchange) -> None:
        """Add an exchange that ended, however it did."""
        self.ids.append(exchange.id)
        self.attempts += len(exchange.outcomes)
        self.estimated = self.estimated or exchange.estimated
        self.adapted += exchange.emulated
        self.dropped += exchange.dropped
        if exchange.outcomes or exchange.cached:
            self.cost = None if exchange.cost is None or self.cost is None else self.cost + exchange.cost


def _in_words(response: ModelResponse) -> Iterable[Event]:
    """Yield what there is to read of an answer that was written as JSON."""
    for choice in response.choices[:1]:
        if choice.content:
            yield TextDelta(choice.content)
        if choice.refusal:
            yield RefusalDelta(choice.refusal)


def _told(chunk: StreamChunk, *, text: bool) -> Iterable[Event]:
    """Yield the events of a chunk; without `text`, those of thoughts alone."""
    for choice in chunk.first:
        if choice.reasoning is not None and choice.reasoning.text:
            yield ReasoningDelta(choice.reasoning.text)
        if text and choice.content:
            yield TextDelta(choice.content)
        if text and choice.refusal:
            yield RefusalDelta(choice.refusal)
        for citation in choice.citations:
            yield Cited(citation)
