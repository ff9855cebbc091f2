"""The order of a request's calls, its one budget and its one deadline, in a time that only these tests move."""

import asyncio
from collections.abc import Sequence
from typing import TypeAlias

import pytest
from msgspec import structs
from tests.dispatch.calls import exchange_to
from tests.health.clocks import Clock

from wye.core.errors import (
    ConnectionFailedError,
    DeadlineExceededError,
    InvalidRequestError,
    MalformedResponseError,
    OverloadedError,
    ProviderAuthenticationError,
    ProviderModelMissingError,
    ProviderPermissionError,
    QuotaExceededError,
    RateLimitError,
    StreamInterruptedError,
    UnsupportedParameterError,
    UpstreamError,
    UpstreamTimeoutError,
    WyeError,
)
from wye.core.plan import Outcome
from wye.core.secret import Secret
from wye.dispatch.course import Course
from wye.dispatch.retry import RetryConfig
from wye.dispatch.rules import Rules
from wye.dispatch.slots import Slots
from wye.health import BreakerConfig, Health, ProviderKeys

Script: TypeAlias = Sequence[WyeError | None]
"""What becomes of one call after another; `None` is an answer."""

UNBREAKABLE = BreakerConfig(failure_threshold=1000)


class World:
    """Providers, their keys, and a clock; what was called and how long was waited."""

    def __init__(self, *providers: str, keys: int = 1, config: BreakerConfig = UNBREAKABLE) -> None:
        self.providers = providers
        self.clock = Clock()
        self.health = Health(config, clock=self.clock)
        secrets = tuple(Secret(f"sk-{number}") for number in range(keys))
        self.health.configure({name: ProviderKeys(keys=secrets) for name in providers}, {})
        self.rules = Rules(retry=RetryConfig(), chance=lambda: 1.0, sleep=self._sleep, clock=self.clock)
        self.calls: list[str] = []
        self.keys: list[str] = []
        self.slept: list[float] = []

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.clock.now += seconds

    def retry(self, **settings: float) -> None:
        self.rules = structs.replace(self.rules, retry=RetryConfig(**settings))  # type: ignore[arg-type]

    def course(self, seconds: float = 1000.0) -> Course:
        exchange = exchange_to(*self.providers)
        exchange.deadline = self.clock.now + seconds
        return Course(exchange, self.health, self.rules)

    async def play(self, script: Script, *, seconds: float = 1000.0, each: float = 0.0) -> str:
        """Make calls that end as the script says, the last line of it again and again, and take `each` seconds.

        Return who answered; raise what the request fails with.
        """
        course = self.course(seconds)
        left = list(script)
        while True:
            attempt, permit = await course.next()
            try:
                course.seconds(attempt)
                self.calls.append(attempt.provider)
                self.keys.append(permit.key.reveal() if permit.key else "")
                self.clock.now += each
                end = left.pop(0) if len(left) > 1 else left[0]
                course.note(permit, Outcome(attempt=attempt, started=0.0, duration=each, error=end))
                if end is None:
                    return attempt.provider
                course.failed(permit, end)
            finally:
                course.left(permit)

    async def fails(self, script: Script, *, seconds: float = 1000.0, each: float = 0.0) -> WyeError:
        with pytest.raises(WyeError) as raised:
            await self.play(script, seconds=seconds, each=each)
        return raised.value

    def calls_under_way(self) -> int:
        return sum(key.in_flight for provider in self.health.providers.values() for key in provider.ring.keys)


def limited(seconds: float | None = None) -> RateLimitError:
    return RateLimitError("slow down", retry_after=seconds, upstream_status=429)


def broken() -> UpstreamError:
    return UpstreamError("no", upstream_status=500)


# --- The budget ---


@pytest.mark.parametrize("most", [0, 1, 2, 3, 7])
@pytest.mark.parametrize("providers", [("a",), ("a", "b"), ("a", "b", "c", "d")], ids=len)
async def test_all_calls_after_the_first_are_within_the_budget(most: int, providers: tuple[str, ...]) -> None:
    world = World(*providers)
    world.retry(max_retries=most)
    last = broken()
    assert await world.fails([*(broken() for _ in range(most)), last]) is last
    assert world.calls == [providers[at % len(providers)] for at in range(1 + most)]
    assert world.calls_under_way() == 0


async def test_other_keys_other_providers_and_the_same_again_share_one_budget() -> None:
    world = World("a", "b", keys=2)
    world.retry(max_retries=5)
    await world.fails([limited(), limited(), broken(), broken()])
    assert world.calls == ["a", "a", "b", "a", "b", "a"]
    assert world.keys[:2] == ["sk-0", "sk-1"]


@pytest.mark.parametrize("refused", [limited(), ProviderAuthenticationError("no", upstream_status=401)], ids=str)
async def test_another_key_is_asked_at_once_and_counts(refused: WyeError) -> None:
    world = World("a", "b", keys=5)
    world.retry(max_retries=2)
    assert await world.fails([refused]) is refused
    assert world.calls == ["a", "a", "a"]
    assert len(set(world.keys)) == 3
    assert world.slept == []


async def test_a_key_that_was_refused_is_not_asked_with_again_even_where_nothing_is_held_against_it() -> None:
    world = World("a", keys=2, config=BreakerConfig(enabled=False))
    await world.fails([ProviderAuthenticationError("no", upstream_status=401)])
    assert sorted(world.keys) == ["sk-0", "sk-1"]


async def test_what_was_refused_before_it_was_sent_is_no_call() -> None:
    world = World("a", "b", "c")
    world.retry(max_retries=0)
    cannot = UnsupportedParameterError("it cannot", param="n")
    assert await world.play([cannot, cannot, None]) == "c"


async def test_what_a_provider_refused_in_the_same_words_is_one() -> None:
    world = World("a", "b", "c")
    world.retry(max_retries=1)
    await world.fails([UnsupportedParameterError("it cannot", param="n", upstream_status=400)])
    assert world.calls == ["a", "b"]


async def test_without_a_policy_every_attempt_is_made_once() -> None:
    world = World("a", "b", "c")
    world.rules = structs.replace(world.rules, retry=None)
    await world.fails([broken()])
    assert (world.calls, world.slept) == (["a", "b", "c"], [])


# --- What is tried again ---


@pytest.mark.parametrize(
    "error",
    [
        broken(),
        limited(),
        OverloadedError("no", upstream_status=503),
        ConnectionFailedError("no"),
        UpstreamTimeoutError("no"),
        MalformedResponseError("no"),
        StreamInterruptedError("no"),
    ],
    ids=lambda error: str(error.code),
)
async def test_what_may_be_over_the_next_time_is_tried_again(error: WyeError) -> None:
    world = World("a")
    assert await world.play([error, None]) == "a"
    assert world.calls == ["a", "a"]
    assert len(world.slept) == 1


FINAL = [
    ProviderAuthenticationError("no", upstream_status=401),
    QuotaExceededError("no", upstream_status=402),
    ProviderPermissionError("no", upstream_status=403),
    ProviderModelMissingError("no", upstream_status=404),
    UnsupportedParameterError("no", upstream_status=400),
]


@pytest.mark.parametrize("error", FINAL, ids=lambda error: str(error.code))
async def test_what_another_time_would_not_mend_is_not_tried_again(error: WyeError) -> None:
    world = World("a")
    assert await world.fails([error]) is error
    assert (world.calls, world.slept) == (["a"], [])


@pytest.mark.parametrize("error", FINAL, ids=lambda error: str(error.code))
async def test_but_another_provider_is_asked_and_asked_again(error: WyeError) -> None:
    world = World("a", "b")
    assert await world.play([error, broken(), None]) == "b"
    assert world.calls == ["a", "b", "b"]


async def test_the_callers_own_mistake_is_the_last_word() -> None:
    world = World("a", "b")
    mistake = InvalidRequestError("no", upstream_status=400)
    assert await world.fails([mistake]) is mistake
    assert world.calls == ["a"]


# --- Pauses ---


async def test_there_is_no_pause_before_the_plan_is_exhausted() -> None:
    world = World("a", "b", "c")
    await world.play([broken(), broken(), None])
    assert world.slept == []


@pytest.mark.parametrize(("chance", "pauses"), [(1.0, [1.0, 2.0, 4.0]), (0.5, [0.5, 1.0, 2.0]), (0.0, [0.0] * 3)])
async def test_pauses_are_drawn_from_a_room_that_grows(chance: float, pauses: list[float]) -> None:
    world = World("a")
    world.rules = structs.replace(world.rules, chance=lambda: chance)
    await world.fails([broken()])
    assert world.slept == pauses


@pytest.mark.parametrize("error", [limited(7.0), OverloadedError("no", retry_after=7.0, upstream_status=503)], ids=str)
@pytest.mark.parametrize("chance", [0.0, 1.0])
async def test_a_provider_that_says_when_to_come_back_is_not_asked_before(error: WyeError, chance: float) -> None:
    world = World("a")
    world.rules = structs.replace(world.rules, chance=lambda: chance)
    assert await world.play([error, None]) == "a"
    (slept,) = world.slept
    assert 7.0 <= slept <= 7.7


@pytest.mark.parametrize("error", [limited(30.0), OverloadedError("no", retry_after=30.0)], ids=str)
async def test_who_would_have_to_wait_past_the_deadline_is_told_so_at_once(error: WyeError) -> None:
    world = World("a")
    told = await world.fails([error], seconds=20.0)
    assert told is error
    assert told.retry_after == 30.0
    assert (world.calls, world.slept) == (["a"], [])


async def test_a_limit_without_a_hint_says_how_long_its_key_is_left_alone() -> None:
    world = World("a")
    told = await world.fails([limited()], seconds=0.5)
    assert told.retry_after == pytest.approx(1.0)
    assert world.slept == []


async def test_a_pause_that_would_end_after_the_deadline_is_not_made() -> None:
    world = World("a")
    last = broken()
    assert await world.fails([broken(), last], seconds=2.5) is last
    assert world.slept == [1.0]  # the next would have lasted until 3.0


async def test_who_wants_to_be_left_alone_for_longer_is_not_asked_after_a_short_pause() -> None:
    world = World("a", "b")
    overloaded = OverloadedError("no", retry_after=10.0, upstream_status=503)
    assert await world.play([overloaded, broken(), None]) == "b"
    assert world.calls == ["a", "b", "b"]
    assert world.slept == [1.0]


async def test_whoever_was_left_alone_is_asked_again_when_its_time_has_come() -> None:
    world = World("a", "b")
    world.retry(max_retries=9)
    overloaded = OverloadedError("no", retry_after=4.0, upstream_status=503)
    assert await world.play([overloaded, broken(), broken(), broken(), None]) == "a"
    assert world.calls == ["a", "b", "b", "b", "a"]
    assert world.clock.now >= 1004.0


async def test_the_key_that_is_free_first_ends_the_wait() -> None:
    world = World("a", keys=2)
    assert await world.play([limited(20.0), limited(3.0), None]) == "a"
    assert world.keys == ["sk-0", "sk-1", "sk-1"]
    assert world.slept == [pytest.approx(3.3, abs=0.31)]


async def test_nobody_waits_for_a_breaker_that_opens() -> None:
    world = World("a", config=BreakerConfig(failure_threshold=2))
    world.retry(max_retries=9)
    await world.fails([broken()])
    assert world.calls == ["a", "a"]


# --- The deadline ---


async def test_a_failure_after_the_deadline_is_the_deadlines() -> None:
    world = World("a", "b")
    told = await world.fails([broken()], seconds=5.0, each=5.0)
    assert isinstance(told, DeadlineExceededError)
    assert isinstance(told.__cause__, UpstreamError)
    assert world.calls == ["a"]


async def test_a_whole_answer_leaves_half_of_the_time_to_those_who_may_be_asked_after_it() -> None:
    world = World("a", "b")
    course = world.course(seconds=40.0)
    attempt, permit = await course.next()
    assert course.seconds(attempt) == 20.0
    course.failed(permit, broken())
    course.left(permit)
    attempt, permit = await course.next()
    assert course.seconds(attempt) == 40.0
    course.left(permit)


async def test_nothing_is_kept_for_those_whom_the_budget_does_not_reach() -> None:
    world = World("a", "b")
    world.retry(max_retries=0)
    course = world.course(seconds=40.0)
    attempt, permit = await course.next()
    assert course.seconds(attempt) == 40.0
    course.left(permit)


async def test_a_provider_may_have_a_number_of_its_own() -> None:
    world = World("a", "b")
    world.rules = structs.replace(world.rules, patience={"a": 30.0})
    course = world.course(seconds=40.0)
    attempt, permit = await course.next()
    assert course.seconds(attempt) == 30.0
    world.clock.now += 20.0
    assert course.seconds(attempt) == 20.0
    world.clock.now += 20.0
    with pytest.raises(DeadlineExceededError):
        course.seconds(attempt)
    course.left(permit)


# --- Nobody to ask ---


async def test_where_all_are_left_alone_the_caller_is_told_for_how_long() -> None:
    world = World("a", config=BreakerConfig(failure_threshold=1, open_seconds=60))
    world.retry(max_retries=0)
    await world.fails([broken()])
    world.clock.now += 10.0
    told = await world.fails([None])
    assert isinstance(told, OverloadedError)
    assert (told.status_code, told.provider) == (503, "a")
    assert told.retry_after == pytest.approx(50.0)
    assert world.calls == ["a"]


async def test_where_all_keys_are_limited_it_is_a_rate_limit() -> None:
    world = World("a", keys=2)
    await world.fails([limited(30.0)], seconds=5.0)
    told = await world.fails([None])
    assert isinstance(told, RateLimitError)
    assert told.retry_after == pytest.approx(30.0)


async def test_where_all_keys_were_refused_the_operator_is_told_what_to_do() -> None:
    world = World("a")
    await world.fails([ProviderAuthenticationError("no", upstream_status=401)])
    told = await world.fails([None])
    assert isinstance(told, ProviderAuthenticationError)
    assert "configuration" in told.message
    assert world.calls == ["a"]


# --- Room at a provider ---


def narrow(world: World, queue: int = 0) -> Slots:
    """Let the first provider take one call at a time, which is under way."""
    slots = Slots(1, queue)
    world.rules = structs.replace(world.rules, limits={world.providers[0]: slots}, clock=None)
    world.clock.now = asyncio.get_running_loop().time()
    slots.busy = 1
    return slots


async def test_a_full_provider_is_told_of_with_a_time_to_come_back() -> None:
    world = World("a")
    narrow(world)
    told = await world.fails([None])
    assert isinstance(told, OverloadedError)
    assert (told.status_code, told.provider, told.retry_after) == (503, "a", 1.0)
    assert (world.calls, world.slept) == ([], [])


async def test_a_full_provider_gives_way_to_the_next() -> None:
    world = World("a", "b")
    slots = narrow(world)
    assert await world.play([None]) == "b"
    assert slots.busy == 1


async def test_a_call_waits_for_room_and_gives_it_back() -> None:
    world = World("a")
    slots = narrow(world, queue=1)
    asked = asyncio.create_task(world.play([None]))
    await asyncio.sleep(0)
    assert (slots.waiting, world.calls) == (1, [])
    slots.leave()
    assert await asked == "a"
    assert (slots.busy, slots.waiting) == (0, 0)


async def test_waiting_for_room_ends_with_the_deadline() -> None:
    world = World("a", "b")
    slots = narrow(world, queue=1)
    told = await world.fails([None], seconds=0.05)
    assert isinstance(told, DeadlineExceededError)
    assert (slots.busy, slots.waiting, world.calls) == (1, 0, [])


async def test_nobody_waits_for_room_at_a_provider_that_is_not_to_be_called() -> None:
    world = World("a", "b", config=BreakerConfig(failure_threshold=1))
    world.rules = structs.replace(world.rules, retry=None)
    slots = narrow(world, queue=5)
    slots.busy = 0
    await world.fails([broken()])
    slots.busy = 1
    assert isinstance(await world.fails([None]), OverloadedError)
    assert (slots.busy, slots.waiting) == (1, 0)


async def test_a_pause_keeps_no_room() -> None:
    world = World("a")
    slots = Slots(1)
    busy: list[int] = []

    async def sleep(_: float) -> None:
        busy.append(slots.busy)

    world.rules = structs.replace(world.rules, limits={"a": slots}, sleep=sleep)
    await world.fails([broken()])
    assert busy == [0, 0, 0]
    assert slots.busy == 0
