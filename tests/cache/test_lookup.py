"""Who waits for whose call, who pays for it, and what becomes of it when somebody leaves."""

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Any

import pytest

from wye.cache import Cache, CacheConfig
from wye.cache.store import MemoryStore
from wye.core.caller import Caller
from wye.core.errors import UpstreamError, WyeError
from wye.core.exchange import Exchange
from wye.core.plan import Attempt, Outcome, Plan
from wye.core.response import Choice, ChoiceDelta, ModelResponse, StreamChunk
from wye.core.reuse import Reuse
from wye.core.sink import Sink
from wye.core.usage import Usage
from wye.surfaces import openai_chat

ANNA, BEN = Caller(user="anna"), Caller(user="ben")
UP = Attempt(provider="up", model="model")
SPARE = Attempt(provider="spare", model="model")
USAGE = Usage(input_tokens=3, output_tokens=2)
HELLO = ModelResponse(id="1", choices=(Choice(content="Hello", finish_reason="stop"),), usage=USAGE)


class Clock:
    """Stands still until it is moved."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


class House:
    """A cache, and the calls that get past it: each waits until it is let go on."""

    def __init__(self, **settings: Any) -> None:
        self.clock = Clock()
        config = CacheConfig(enabled=True, **settings)
        self.cache = Cache(config, MemoryStore(max_bytes=1 << 20, ttl=1e9), self.clock)
        self.calls: list[Exchange] = []
        self.held: list[Exchange] = []
        self.cancelled = 0
        self.go = asyncio.Event()
        self.fails: WyeError | None = None
        self.answers = HELLO
        self.by = UP
        self.began = asyncio.Event()

    def exchange(
        self, caller: Caller = ANNA, *, reuse: Reuse | None = None, stream: bool = False, **more: Any
    ) -> Exchange:
        body = b'{"model": "m", "messages": [{"role": "user", "content": "Hi"}]%b}'
        call = openai_chat.parse_request(body % (b', "stream": true' if stream else b""))
        deadline = asyncio.get_running_loop().time() + more.get("seconds", 60)
        exchange = Exchange(call, id="req", deadline=deadline, caller=caller)
        exchange.plan = Plan(requested="m", attempts=(more.get("attempt", UP),))
        exchange.reuse = reuse
        return exchange

    def hold(self, exchange: Exchange) -> None:
        if not exchange.cached:
            self.held.append(exchange)

    async def ask(self, exchange: Exchange) -> ModelResponse:
        self.calls.append(exchange)
        self.began.set()
        outcome = Outcome(attempt=self.by, started=0.0, duration=0.0)
        exchange.attempt = self.by
        exchange.outcomes.append(outcome)
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            outcome.cancelled = True
            self.cancelled += 1
            raise
        if self.fails is not None:
            outcome.error = self.fails
            raise self.fails
        outcome.usage = USAGE
        return self.answers

    def begin(self, exchange: Exchange) -> "asyncio.Task[ModelResponse]":
        return asyncio.create_task(self.cache.answer(exchange, lambda: self.hold(exchange), self.ask))

    async def answer(self, exchange: Exchange) -> ModelResponse:
        self.go.set()
        return await self.begin(exchange)


async def left(task: "asyncio.Task[Any]") -> None:
    """Let whoever runs in `task` leave."""
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def turns(number: int = 5) -> None:
    """Let everything that can go on do so."""
    for _ in range(number):
        await asyncio.sleep(0)


# --- What is kept ---


async def test_a_kept_answer_says_who_gave_it_how_old_it_is_and_what_it_took() -> None:
    house = House()
    first, second = house.exchange(), house.exchange()
    await house.answer(first)
    house.clock.now += 90.7
    assert await house.answer(second) == HELLO
    assert (first.cache, first.cached, first.age) == ("miss", False, None)
    assert (second.cache, second.cached, second.age) == ("hit", True, 90)
    assert (second.attempt or UP).full_id == UP.full_id
    assert second.spared == USAGE
    assert second.outcomes == []
    assert len(house.calls) == 1
    assert house.held == [first]
    assert house.cache.counts == {"hit": 1, "miss": 1, "bypass": 0}


async def test_an_answer_is_nobody_elses() -> None:
    house = House()
    await house.answer(house.exchange(ANNA))
    others = house.exchange(BEN)
    await house.answer(others)
    assert others.cache == "miss"
    assert len(house.calls) == 2


async def test_who_has_models_of_their_own_shares_nothing_with_a_team() -> None:
    house = House(share="team")
    red = [Caller(user=name, team="red") for name in ("anna", "ben", "carl")]
    house.go.set()
    exchanges = [house.exchange(caller) for caller in red]
    for exchange, own in zip(exchanges, (False, True, False), strict=True):
        await house.cache.answer(exchange, lambda: None, house.ask, own=own)
    assert [exchange.cache for exchange in exchanges] == ["miss", "miss", "hit"]


async def test_a_call_under_way_is_nobody_elses() -> None:
    house = House()
    tasks = [house.begin(house.exchange(caller)) for caller in (ANNA, BEN)]
    await turns()
    house.go.set()
    await asyncio.gather(*tasks)
    assert len(house.calls) == 2


async def test_an_answer_is_kept_as_that_of_whoever_gave_it() -> None:
    house = House()
    house.by = SPARE
    await house.answer(house.exchange(attempt=UP))
    again, of_spare = house.exchange(attempt=UP), house.exchange(attempt=SPARE)
    await house.answer(of_spare)
    assert of_spare.cache == "hit"
    house.by = UP
    await house.answer(again)
    assert again.cache == "miss"


async def test_an_answer_ends_with_its_time() -> None:
    house = House(ttl=60.0)
    await house.answer(house.exchange())
    house.clock.now += 60.5
    late = house.exchange()
    await house.answer(late)
    assert late.cache == "miss"


@pytest.mark.parametrize(
    ("reuse", "then", "calls"),
    [
        (Reuse(read=False, store=False), ("bypass", "hit"), 2),
        (Reuse(read=False), ("bypass", "hit"), 2),
        (Reuse(max_age=5), ("miss", "hit"), 2),
        (Reuse(max_age=60), ("hit", "hit"), 1),
    ],
)
async def test_a_caller_may_want_a_new_answer(reuse: Reuse, then: tuple[str, str], calls: int) -> None:
    house = House()
    await house.answer(house.exchange())
    house.clock.now += 10
    wants, last = house.exchange(reuse=reuse), house.exchange()
    await house.answer(wants)
    await house.answer(last)
    assert (wants.cache, last.cache) == then
    assert len(house.calls) == calls
    assert last.age == (0 if reuse.store and calls == 2 else 10)


async def test_nothing_is_kept_for_who_does_not_want_it() -> None:
    house = House()
    await house.answer(house.exchange(reuse=Reuse(read=False, store=False)))
    after = house.exchange()
    await house.answer(after)
    assert after.cache == "miss"


@pytest.mark.parametrize(
    "answers",
    [
        ModelResponse(choices=(Choice(content="Hel", finish_reason="length"),)),
        ModelResponse(choices=(Choice(content="", finish_reason="content_filter"),)),
        ModelResponse(choices=(Choice(content="x" * 2000, finish_reason="stop"),)),
    ],
    ids=["cut off", "refused", "too large"],
)
async def test_what_is_not_worth_keeping_is_not_kept(answers: ModelResponse) -> None:
    house = House(max_entry_bytes=1024)
    house.answers = answers
    await house.answer(house.exchange())
    again = house.exchange()
    await house.answer(again)
    assert again.cache == "miss"


# --- One call for many ---


async def test_fifty_at_once_are_one_call_and_one_pays() -> None:
    house = House()
    exchanges = [house.exchange() for _ in range(50)]
    tasks = [house.begin(exchange) for exchange in exchanges]
    await turns()
    house.go.set()
    assert await asyncio.gather(*tasks) == [HELLO] * 50
    assert len(house.calls) == 1
    assert house.held == exchanges[:1]
    assert [bool(exchange.outcomes) for exchange in exchanges] == [True] + [False] * 49
    assert [exchange.cached for exchange in exchanges] == [False] + [True] * 49
    assert {exchange.spared for exchange in exchanges[1:]} == {USAGE}


async def test_all_hear_of_a_failure_and_nothing_of_it_is_kept() -> None:
    house = House()
    house.fails = UpstreamError("broken")
    tasks = [house.begin(house.exchange()) for _ in range(5)]
    await turns()
    house.go.set()
    assert await asyncio.gather(*tasks, return_exceptions=True) == [house.fails] * 5
    house.fails = None
    after = house.exchange()
    assert await house.answer(after) == HELLO
    assert after.cache == "miss"


async def test_whoever_began_may_leave_and_the_next_one_pays() -> None:
    house = House()
    first, second, third = (house.exchange() for _ in range(3))
    tasks = [house.begin(exchange) for exchange in (first, second, third)]
    await turns()
    await left(tasks[0])
    assert house.cancelled == 0
    assert (first.outcomes, first.cached) == ([], True)
    house.go.set()
    assert await asyncio.gather(*tasks[1:]) == [HELLO, HELLO]
    assert second.usage == USAGE
    assert (second.cached, third.cached) == (False, True)
    assert len(house.calls) == 1


async def test_the_last_to_leave_ends_the_call_and_has_it_on_the_books() -> None:
    house = House()
    exchanges = [house.exchange() for _ in range(3)]
    tasks = [house.begin(exchange) for exchange in exchanges]
    await turns()
    await left(tasks[2])
    await left(tasks[0])
    assert house.cancelled == 0
    await left(tasks[1])
    assert house.cancelled == 1
    assert [[outcome.cancelled for outcome in exchange.outcomes] for exchange in exchanges] == [[], [True], []]


async def test_a_request_that_comes_while_a_call_is_being_given_up_makes_one_of_its_own() -> None:
    house = House()
    task = house.begin(house.exchange())
    await turns()
    task.cancel()
    await asyncio.sleep(0)
    late = house.begin(house.exchange())
    with pytest.raises(asyncio.CancelledError):
        await task
    house.go.set()
    assert await late == HELLO
    assert len(house.calls) == 2


async def test_who_may_wait_longer_does_not_share_a_short_deadline() -> None:
    house = House()
    hurried, patient = house.exchange(seconds=1), house.exchange(seconds=60)
    tasks = [house.begin(exchange) for exchange in (hurried, patient)]
    await turns()
    house.go.set()
    await asyncio.gather(*tasks)
    assert [hurried.cache, patient.cache] == ["miss", "miss"]
    assert len(house.calls) == 2


async def test_who_wants_a_new_answer_does_not_wait_for_another_call() -> None:
    house = House()
    tasks = [house.begin(house.exchange(reuse=reuse)) for reuse in (None, Reuse(read=False))]
    await turns()
    house.go.set()
    await asyncio.gather(*tasks)
    assert len(house.calls) == 2


async def test_a_hold_that_is_refused_is_the_askers_own_affair() -> None:
    house = House()

    def refuse() -> None:
        raise UpstreamError("no budget")

    with pytest.raises(UpstreamError):
        await house.cache.answer(house.exchange(), refuse, house.ask)
    assert not house.calls
    assert await house.answer(house.exchange()) == HELLO


class Purse:
    """An allowance that writes down what was set aside late."""

    def __init__(self) -> None:
        self.afforded: list[Attempt] = []

    def afford(self, _: Exchange, attempt: Attempt) -> None:
        self.afforded.append(attempt)


async def begin_late(house: House, exchange: Exchange) -> tuple["asyncio.Task[ModelResponse]", asyncio.Event]:
    """Begin while another one's call is under way; the books let it in once the event is set."""
    first, let_in = house.begin(house.exchange()), asyncio.Event()
    await house.began.wait()

    async def hold() -> None:
        house.hold(exchange)
        await let_in.wait()

    exchange.allowance = Purse()
    late = asyncio.create_task(house.cache.answer(exchange, hold, house.ask))
    await turns()
    house.go.set()
    await asyncio.wait([first])
    first.exception()
    return late, let_in


async def test_whoever_is_let_in_after_the_call_to_wait_for_has_failed_pays_for_one() -> None:
    house = House()
    house.fails = UpstreamError("broken")
    exchange = house.exchange()
    late, let_in = await begin_late(house, exchange)
    house.fails = None
    let_in.set()
    assert await late == HELLO
    assert (exchange.cache, exchange.cached, exchange.age) == ("miss", False, None)
    assert exchange.allowance.afforded == [UP]
    assert house.cache.counts == {"hit": 0, "miss": 2, "bypass": 0}


async def test_whoever_is_let_in_after_the_call_to_wait_for_has_ended_well_has_its_answer() -> None:
    house = House()
    exchange = house.exchange()
    late, let_in = await begin_late(house, exchange)
    let_in.set()
    assert await late == HELLO
    assert (exchange.cache, exchange.cached, exchange.spared) == ("hit", True, USAGE)
    assert exchange.allowance.afforded == []
    assert house.cache.counts == {"hit": 1, "miss": 1, "bypass": 0}
    assert len(house.calls) == 1


# --- Streams ---


def chunk(text: str, finish_reason: str | None = None) -> StreamChunk:
    return StreamChunk(choices=(ChoiceDelta(content=text, finish_reason=finish_reason),))


class Reader:
    """Takes chunks at once, or while it is `slow` when it is told to."""

    def __init__(self, *, slow: bool = False) -> None:
        self.text = ""
        self.puts = 0
        self.room = asyncio.Event()
        self.waiting = False
        if not slow:
            self.room.set()

    def put(self, chunks: Sequence[StreamChunk]) -> Awaitable[None] | None:
        assert not self.waiting, "told more while it was busy"
        self.puts += 1
        self.text += "".join(piece.content for piece in chunks)
        return None if self.room.is_set() else self._wait()

    async def _wait(self) -> None:
        self.waiting = True
        await self.room.wait()
        self.waiting = False


class Streams(House):
    """Says what it is told to say, word by word."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.words: asyncio.Queue[StreamChunk | None] = asyncio.Queue()
        self.said = 0

    async def pour(self, exchange: Exchange, sink: Sink) -> None:
        self.calls.append(exchange)
        outcome = Outcome(attempt=UP, started=0.0, duration=0.0)
        exchange.attempt = UP
        exchange.outcomes.append(outcome)
        try:
            while (word := await self.words.get()) is not None:
                if (wait := sink.put([word])) is not None:
                    await wait
                self.said += 1
        except asyncio.CancelledError:
            outcome.cancelled = True
            self.cancelled += 1
            raise
        if self.fails is not None:
            raise self.fails
        outcome.usage = USAGE

    def say(self, *words: StreamChunk | None) -> None:
        for word in words:
            self.words.put_nowait(word)

    def open(self, reader: Reader, exchange: Exchange | None = None) -> "asyncio.Task[None]":
        one = exchange or self.exchange(stream=True)
        return asyncio.create_task(self.cache.stream(one, reader, lambda: self.hold(one), self.pour))


END = (chunk("", "stop"), None)


async def test_a_kept_stream_is_told_again() -> None:
    house = Streams()
    first, second = Reader(), Reader()
    house.say(chunk("Hel"), chunk("lo"), *END)
    await house.open(first)
    again = house.exchange(stream=True)
    await house.open(second, again)
    assert (first.text, second.text) == ("Hello", "Hello")
    assert again.cache == "hit"
    assert again.spared == USAGE
    assert len(house.calls) == 1


async def test_a_whole_answer_and_a_stream_are_kept_apart() -> None:
    house = Streams()
    house.say(chunk("Hello"), *END)
    await house.open(Reader())
    whole = house.exchange()
    await house.answer(whole)
    assert whole.cache == "miss"


async def test_who_comes_late_hears_all_of_it_as_it_comes() -> None:
    house = Streams()
    first, late = Reader(), Reader()
    tasks = [house.open(first)]
    house.say(chunk("one "), chunk("two "))
    await turns()
    assert first.text == "one two "
    joined = house.exchange(stream=True)
    tasks.append(house.open(late, joined))
    await turns()
    assert late.text == "one two "
    assert (joined.cache, joined.attempt) == ("hit", UP)
    house.say(chunk("three"))
    await turns()
    assert (first.text, late.text) == ("one two three",) * 2
    house.say(*END)
    await asyncio.gather(*tasks)
    assert len(house.calls) == 1


async def test_a_slow_reader_holds_nobody_up_while_the_stream_is_recorded() -> None:
    house = Streams()
    fast, slow = Reader(), Reader(slow=True)
    tasks = [house.open(fast), house.open(slow)]
    await turns()
    house.say(*(chunk(f"{number} ") for number in range(20)), *END)
    await tasks[0]
    assert fast.text.split() == [str(number) for number in range(20)]
    assert slow.text == "0 "
    slow.room.set()
    await tasks[1]
    assert slow.text == fast.text


async def test_a_stream_that_gets_too_large_goes_on_at_the_pace_of_the_slowest_and_is_not_kept() -> None:
    house = Streams(max_entry_bytes=1024)
    fast, slow = Reader(), Reader(slow=True)
    tasks = [house.open(fast), house.open(slow)]
    await turns()
    house.say(*(chunk(str(number % 10) * 200) for number in range(50)), *END)
    await turns(300)
    assert house.said < 10
    assert len(slow.text) == 200
    slow.room.set()
    await asyncio.gather(*tasks)
    assert fast.text == slow.text == "".join(str(number % 10) * 200 for number in range(50))
    house.say(chunk("again"), *END)
    after = house.exchange(stream=True)
    await house.open(Reader(), after)
    assert after.cache == "miss"


async def test_nobody_joins_a_stream_whose_beginning_is_not_there_any_more() -> None:
    house = Streams(max_entry_bytes=1024)
    task = house.open(Reader())
    house.say(chunk("x" * 2000))
    await turns()
    late = house.exchange(stream=True)
    other = house.open(Reader(), late)
    await turns()
    assert late.cache == "miss"
    assert len(house.calls) == 2
    house.say(*END, *END)
    await asyncio.gather(task, other)


async def test_a_reader_that_leaves_in_its_pause_does_not_stop_the_others() -> None:
    house = Streams(max_entry_bytes=1024)
    fast, gone = Reader(), Reader(slow=True)
    tasks = [house.open(fast), house.open(gone)]
    await turns()
    house.say(*(chunk("x" * 500) for _ in range(10)), *END)
    await turns(100)
    assert len(fast.text) < 5000
    await left(tasks[1])
    await tasks[0]
    assert len(fast.text) == 5000


async def test_the_first_reader_may_leave_a_stream() -> None:
    house = Streams()
    began, stays = house.exchange(stream=True), house.exchange(stream=True)
    reader = Reader()
    tasks = [house.open(Reader(), began), house.open(reader, stays)]
    house.say(chunk("Hel"))
    await turns()
    await left(tasks[0])
    house.say(chunk("lo"), *END)
    await tasks[1]
    assert reader.text == "Hello"
    assert (began.outcomes, stays.usage) == ([], USAGE)


async def test_the_last_reader_to_leave_ends_a_stream() -> None:
    house = Streams()
    tasks = [house.open(Reader()) for _ in range(3)]
    house.say(chunk("Hel"))
    await turns()
    for task in tasks[:2]:
        await left(task)
    assert house.cancelled == 0
    await left(tasks[2])
    assert house.cancelled == 1
    late = house.exchange(stream=True)
    house.say(chunk("x"), *END)
    await house.open(Reader(), late)
    assert late.cache == "miss"


async def test_a_stream_that_breaks_off_breaks_off_for_all_after_what_was_said() -> None:
    house = Streams()
    house.fails = UpstreamError("broken")
    fast, slow = Reader(), Reader(slow=True)
    tasks = [house.open(reader) for reader in (fast, slow)]
    await turns()
    house.say(chunk("Hel"), chunk("lo"), None)
    await turns(20)
    slow.room.set()
    assert await asyncio.gather(*tasks, return_exceptions=True) == [house.fails] * 2
    assert (fast.text, slow.text) == ("Hello", "Hello")
    house.fails = None
    house.say(chunk("again"), *END)
    after = house.exchange(stream=True)
    await house.open(Reader(), after)
    assert after.cache == "miss"


async def test_a_stream_without_a_good_end_is_not_kept() -> None:
    house = Streams()
    house.say(chunk("Hel"), chunk("", "length"), None)
    await house.open(Reader())
    house.say(chunk("Hello"), *END)
    after = house.exchange(stream=True)
    await house.open(Reader(), after)
    assert after.cache == "miss"
