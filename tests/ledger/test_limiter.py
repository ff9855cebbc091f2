"""Requests are held to what their caller may ask and spend, and are let in for as long as it is there."""

import asyncio
import bisect
import contextlib
import itertools
import random
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from msgspec import structs

from wye.catalog import Catalog
from wye.catalog.schema import ModelInfo, Price, Provider
from wye.core.caller import Caller
from wye.core.errors import BudgetExceededError, LimitExceededError, StateUnavailableError
from wye.core.exchange import Exchange
from wye.core.leases import Ask, Grant, divided
from wye.core.limits import Budget, Limit, Limits, LimitScope
from wye.core.plan import Attempt, Plan
from wye.core.record import PICO_PER_USD, AttemptRecord, UsageRecord
from wye.ledger.limiter import Limiter
from wye.ledger.refill import Refill
from wye.surfaces.openai_chat import parse_request

ANN = Caller(user="ann", key="k1", team="t1")
NOON = 1_795_262_400_000_000
SECOND = 1_000_000
MINUTE = 60 * SECOND
USD = PICO_PER_USD


def priced(name: str, usd_per_million: int) -> ModelInfo:
    price = Price(input=0, output=usd_per_million)  # type: ignore[arg-type]
    return ModelInfo(id=name, provider="p", context_window=100_000, max_output_tokens=8000, price=price)


CATALOG = Catalog(
    [Provider(id="p", name="P", adapter="openai_chat")], [priced("dear", 1000), priced("cheap", 10), priced("free", 0)]
)


def exchange(caller: Caller = ANN, *models: str, at: int = NOON, most: int = 100, text: str = "hi") -> Exchange:
    body = f'{{"model":"m","max_tokens":{most},"messages":[{{"role":"user","content":"{text}"}}]}}'
    made = Exchange(parse_request(body.encode()), id="req", deadline=60.0, caller=caller)
    made.at = at
    attempts = tuple(Attempt(provider="p", model=name) for name in models or ("dear",))
    made.plan = Plan(requested="m", attempts=attempts)
    return made


def record(asked: Exchange, *, output: int = 0, cost: int | None = 0, **more: Any) -> UsageRecord:
    caller = asked.caller
    return UsageRecord(
        id=asked.id, at=asked.at, user=caller.user, key=caller.key, team=caller.team, status="ok", provider="p",
        model="dear", input_tokens=10, output_tokens=output, cost=cost, hold=asked.hold, **more,
    )  # fmt: skip


async def let_in(limiter: Limiter, asked: Exchange) -> Exchange:
    """Take a request as far as its call."""
    try:
        if (wait := limiter.admit(asked)) is not None:
            await wait
        if (wait := limiter.hold(asked, CATALOG)) is not None:
            await wait
    except BaseException:
        limiter.settle(asked, None)
        raise
    return asked


async def answered(limiter: Limiter, asked: Exchange, *, cost: int = 0, output: int = 0) -> None:
    await let_in(limiter, asked)
    limiter.settle(asked, record(asked, cost=cost, output=output))


def held_to(
    *limits: Limit,
    budgets: Sequence[Budget] = (),
    rates: Refill | None = None,
    wall: Callable[[], int] = lambda: NOON + 10**6 * MINUTE,  # later than anything that is asked
) -> Limiter:
    limiter = Limiter(rates=rates, wall=wall)
    limiter.use(limits, budgets)
    return limiter


def limit(scope: LimitScope = "key", target: str = "k1", **limits: int) -> Limit:
    return Limit(scope=scope, target=target, limits=Limits(**limits))


def most_within(moments: Sequence[int], length: int) -> int:
    """Return how many of these, in order, come within so long of each other at most."""
    return max(bisect.bisect_left(moments, first + length) - place for place, first in enumerate(moments))


def budget(usd: float, **facts: Any) -> Budget:
    return Budget(
        **{"id": "b", "scope": "global", "amount": round(usd * USD), "period": "total", "warn_at": (), **facts}
    )


# How often.


async def test_requests_are_let_in_as_often_as_a_limit_says_and_no_more() -> None:
    limiter = held_to(limit(requests_per_minute=2))
    for _ in range(2):
        await answered(limiter, exchange())
    with pytest.raises(LimitExceededError, match="the key 'k1' may have 2 requests a minute") as caught:
        await let_in(limiter, exchange(at=NOON + 20_000_000))
    assert caught.value.retry_after == 41


async def test_what_was_asked_a_minute_ago_is_there_again_within_a_second() -> None:
    limiter = held_to(limit(requests_per_minute=1))
    await answered(limiter, exchange())
    with pytest.raises(LimitExceededError, match="try again in 1 s"):
        await let_in(limiter, exchange(at=NOON + MINUTE))
    await answered(limiter, exchange(at=NOON + MINUTE + SECOND))


async def test_a_new_day_is_another_one() -> None:
    limiter = held_to(limit(requests_per_day=1))
    await answered(limiter, exchange())
    with pytest.raises(LimitExceededError):
        await let_in(limiter, exchange(at=NOON + 12 * 60 * MINUTE - 1))
    await answered(limiter, exchange(at=NOON + 12 * 60 * MINUTE))


@pytest.mark.parametrize("seed", range(5))
async def test_no_minute_has_more_requests_than_its_limit_wherever_it_begins(seed: int) -> None:
    dice, limiter = random.Random(seed), held_to(limit(requests_per_minute=20))
    let, at, under_way, refused = [], NOON, [], []
    for _ in range(1500):
        at += round(dice.expovariate(dice.choice((0.1, 1, 20))) * SECOND)
        asked = exchange(at=at)
        try:
            await let_in(limiter, asked)
        except LimitExceededError as error:
            refused.append(error.retry_after or 0)
            continue
        let.append(at)
        under_way.append(asked)
        while under_way and dice.random() < 0.6:  # some end long after, and count where they began
            done = under_way.pop(dice.randrange(len(under_way)))
            limiter.settle(done, record(done))
    assert most_within(let, MINUTE) == 20, "and it is used to the full"
    assert 1 <= min(refused) < max(refused) <= 61


async def test_a_limit_that_is_asked_for_all_the_time_gives_all_of_it_every_minute_and_a_second() -> None:
    limiter = held_to(limit(requests_per_minute=30))
    let = []
    for tick in range(4 * 61 * 10):
        with contextlib.suppress(LimitExceededError):
            at = NOON + tick * SECOND // 10
            await answered(limiter, exchange(at=at))
            let.append(at)
    assert len(let) == 4 * 30


async def test_tokens_count_in_the_second_they_were_let_in_however_late_they_are_told() -> None:
    limiter = held_to(limit(output_tokens_per_minute=100))
    slow = await let_in(limiter, exchange(most=60))
    limiter.settle(slow, record(slow, output=10))
    at = NOON + 5 * SECOND
    assert (await let_in(limiter, exchange(at=at, most=60))).allowance.items, "what was not used is there again"
    with pytest.raises(LimitExceededError):
        await let_in(limiter, exchange(at=at + SECOND, most=60))


async def test_a_refused_request_does_not_count() -> None:
    limiter = held_to(limit(requests_per_minute=2, concurrent_requests=1))
    under_way = await let_in(limiter, exchange())
    for _ in range(5):
        with pytest.raises(LimitExceededError, match="1 requests at a time"):
            await let_in(limiter, exchange())
    limiter.settle(under_way, record(under_way))
    await answered(limiter, exchange())


async def test_a_request_without_a_plan_does_not_count() -> None:
    limiter = held_to(limit(requests_per_minute=1))
    asked = exchange()
    limiter.admit(asked)
    limiter.settle(asked, None)
    await answered(limiter, exchange())


@pytest.mark.parametrize(
    ("scope", "target", "refused"),
    [
        ("key", "k1", True),
        ("key", "k2", False),
        ("user", "ann", True),
        ("team", "t1", True),
        ("global", "", True),
        ("model", "p/dear", True),
        ("model", "p/cheap", False),
        ("key", "*", True),
        ("model", "*", True),
    ],
)
async def test_a_limit_holds_for_whom_it_says(scope: LimitScope, target: str, *, refused: bool) -> None:
    limiter = held_to(limit(scope, target, requests_per_minute=1))
    await answered(limiter, exchange())
    if refused:
        with pytest.raises(LimitExceededError):
            await let_in(limiter, exchange())
    else:
        await answered(limiter, exchange())


async def test_a_limit_of_each_key_is_each_ones_own() -> None:
    limiter = held_to(limit("key", "*", requests_per_minute=1))
    await answered(limiter, exchange())
    await answered(limiter, exchange(structs.replace(ANN, key="k2")))


async def test_tokens_count_as_they_were_used_not_as_they_were_expected() -> None:
    limiter = held_to(limit(output_tokens_per_minute=1000))
    for _ in range(10):
        await answered(limiter, exchange(most=500), output=100)
    with pytest.raises(LimitExceededError, match="1,000 tokens of output a minute"):
        await let_in(limiter, exchange(most=500))


async def test_a_request_that_is_longer_than_the_limit_is_told_so() -> None:
    limiter = held_to(limit(input_tokens_per_minute=100))
    with pytest.raises(LimitExceededError, match="make it smaller"):
        await let_in(limiter, exchange(text="x" * 1000))


async def test_a_changed_limit_keeps_what_was_counted() -> None:
    limiter = held_to(limit(requests_per_minute=2))
    await answered(limiter, exchange())
    limiter.use([limit(requests_per_minute=3)], [])
    for _ in range(2):
        await answered(limiter, exchange())
    with pytest.raises(LimitExceededError):
        await let_in(limiter, exchange())


# How much money.


async def test_a_budget_is_spent_and_then_refuses() -> None:
    limiter = held_to(budgets=[budget(1)])
    for _ in range(10):
        await answered(limiter, exchange(), cost=USD // 10)
    with pytest.raises(BudgetExceededError, match=r"the total budget of this gateway has \$0.00 of \$1.00 left"):
        await let_in(limiter, exchange())


async def test_what_becomes_known_later_is_spent_as_well() -> None:
    limiter = held_to(budgets=[budget(1)])
    asked = exchange()
    await answered(limiter, asked, cost=0)
    limiter.charge(record(asked, cost=USD))
    with pytest.raises(BudgetExceededError):
        await let_in(limiter, exchange())


async def test_what_is_set_aside_is_there_again_for_what_it_did_not_cost() -> None:
    limiter = held_to(budgets=[budget(0.105)])  # one request's hold is 0.1: 100 tokens at $1,000 a million
    for _ in range(5):
        await answered(limiter, exchange(), cost=USD // 1000)
    under_way = await let_in(limiter, exchange())
    assert under_way.hold == USD // 10
    with pytest.raises(BudgetExceededError, match="is set aside for requests under way"):
        await let_in(limiter, exchange())


async def test_what_costs_more_than_was_held_is_a_debt_that_bars_the_next() -> None:
    limiter = held_to(budgets=[budget(0.2)])
    await answered(limiter, exchange(), cost=USD // 2)
    with pytest.raises(BudgetExceededError):
        await let_in(limiter, exchange(ANN, "cheap"))


async def test_a_request_of_unknown_cost_is_charged_with_what_was_held() -> None:
    limiter = held_to(budgets=[budget(0.15)])
    asked = await let_in(limiter, exchange())
    limiter.settle(asked, record(asked, cost=None))
    with pytest.raises(BudgetExceededError, match=r"has \$0.05"):
        await let_in(limiter, exchange())


async def test_attempts_that_cannot_be_afforded_are_left_out_with_a_reason() -> None:
    limiter = held_to(budgets=[budget(0.05)])
    asked = await let_in(limiter, exchange(ANN, "dear", "cheap"))
    assert asked.plan is not None
    assert [attempt.model for attempt in asked.plan.attempts] == ["cheap"]
    [dropped] = asked.plan.dropped
    assert (dropped.model, dropped.code) == ("dear", "over_budget")
    assert "$0.10" in dropped.reason
    assert asked.hold == USD // 1000


async def test_a_dearer_failover_is_held_for_and_refused_where_it_is_not_left() -> None:
    limiter = held_to(budgets=[budget(0.05)])
    asked = await let_in(limiter, exchange(ANN, "cheap"))
    with pytest.raises(BudgetExceededError):
        asked.allowance.afford(asked, Attempt(provider="p", model="dear"))
    limiter.use([], [budget(0.15)])
    asked.allowance.afford(asked, Attempt(provider="p", model="dear"))
    assert asked.hold == USD // 10
    limiter.settle(asked, record(asked, cost=USD // 10))
    with pytest.raises(BudgetExceededError):
        await let_in(limiter, exchange(ANN, "dear"))


async def test_each_model_pays_for_its_own_attempt() -> None:
    there = [budget(0.15, id=name, scope="model", target=f"p/{name}") for name in ("dear", "cheap")]
    limiter = held_to(budgets=there)
    asked = await let_in(limiter, exchange(ANN, "dear", "cheap"))
    tried = tuple(
        AttemptRecord(provider="p", model=name, at=NOON, duration=1, cost=USD // 10) for name in ("dear", "cheap")
    )
    limiter.settle(asked, record(asked, cost=USD // 5, attempts=tried))
    for name in ("dear", "cheap"):
        left = limiter.lines_of(ANN)
        assert left == []
        [line] = [line for line, *_ in (await let_in(limiter, exchange(ANN, name, most=10))).allowance.items]
        assert line.allowance.spent == USD // 10


async def test_answers_from_the_cache_need_no_money() -> None:
    limiter = held_to(budgets=[budget(0)])
    asked = exchange()
    limiter.admit(asked)
    asked.cached = True
    assert limiter.hold(asked, CATALOG) is None
    assert asked.hold == 0


async def test_answers_from_the_cache_are_there_when_a_budget_is_overdrawn() -> None:
    limiter = held_to(budgets=[budget(0.15)])
    limiter.settle(dear := await let_in(limiter, exchange()), record(dear, cost=USD))
    asked = exchange()
    limiter.admit(asked)
    asked.cached = True
    assert limiter.hold(asked, CATALOG) is None


async def test_who_is_left_with_anothers_call_is_charged_for_it() -> None:
    limiter = held_to(budgets=[budget(1)])
    asked = exchange()
    limiter.admit(asked)
    asked.cached = True
    limiter.hold(asked, CATALOG)
    asked.cached = False
    limiter.settle(asked, record(asked, cost=USD // 10))
    [line] = limiter.budgets_in_use
    assert (line.allowance.spent, line.allowance.held) == (USD // 10, 0)


async def test_holds_follow_the_lengths_of_answers() -> None:
    limiter = held_to(budgets=[budget(100)])
    for _ in range(20):
        await answered(limiter, exchange(most=8000), output=50)
    assert (await let_in(limiter, exchange(most=8000))).hold == 50 * USD // 1000


async def test_a_soft_budget_warns_and_refuses_nobody() -> None:
    limiter = held_to(budgets=[budget(0.2, hard=False, warn_at=(0.5,))])
    told: list[str] = []
    limiter.noticed = lambda line: told.append(line.subject)
    warned = []
    for _ in range(4):
        asked = await let_in(limiter, exchange())
        warned.append(len(asked.allowance.warnings))
        limiter.settle(asked, record(asked, cost=USD // 10))
    assert warned == [0, 1, 1, 1]
    assert told == ["b", "b"], "once for the half, once for all of it"


async def test_what_costs_nothing_is_let_in_by_a_budget_that_is_overdrawn() -> None:
    limiter = held_to(budgets=[budget(0.01)])
    await answered(limiter, exchange(ANN, "cheap"), cost=USD)
    with pytest.raises(BudgetExceededError):
        await let_in(limiter, exchange(ANN, "cheap"))
    await let_in(limiter, exchange(ANN, "free"))
    stood_in = await let_in(limiter, exchange(ANN, "dear", "free"))
    assert stood_in.plan is not None
    assert [one.model for one in stood_in.plan.attempts] == ["free"]
    own = exchange(ANN, "dear")
    own.uncharged = True
    await let_in(limiter, own)


# Other models, tried later.


async def test_a_model_that_is_tried_later_is_held_to_its_own_limits() -> None:
    limiter = held_to(limit("model", "p/cheap", requests_per_minute=1))
    first = await let_in(limiter, exchange(ANN, "dear", "cheap"))
    first.allowance.afford(first, Attempt(provider="p", model="cheap"))
    second = await let_in(limiter, exchange(ANN, "dear", "cheap"))
    with pytest.raises(LimitExceededError, match="the model 'p/cheap' may have 1 requests a minute"):
        second.allowance.afford(second, Attempt(provider="p", model="cheap"))


async def test_tokens_count_at_the_model_that_answered_and_a_request_at_each_that_was_asked() -> None:
    limiter = held_to(
        limit("model", "p/dear", requests_per_minute=5, input_tokens_per_minute=1000, concurrent_requests=1),
        limit("model", "p/cheap", requests_per_minute=5, input_tokens_per_minute=1000),
    )
    asked = await let_in(limiter, exchange(ANN, "dear", "cheap"))
    asked.allowance.afford(asked, Attempt(provider="p", model="cheap"))
    await let_in(limiter, exchange())  # the one place at the first model is free again
    limiter.settle(asked, record(asked))
    left = {name: line.allowance.spent for name, line in limiter.rulings.lines.items()}
    assert left["requests_per_minute:model:p/dear"] == left["requests_per_minute:model:p/cheap"] == 1
    assert left["input_tokens_per_minute:model:p/dear"] == 0
    assert left["input_tokens_per_minute:model:p/cheap"] == 10


async def test_a_large_limit_of_a_model_tried_later_need_not_be_in_hand() -> None:
    keeper = Keeper()
    limiter = held_to(limit("model", "p/cheap", requests_per_minute=1000), rates=keeper.of("a"))
    asked = await let_in(limiter, exchange(ANN, "dear", "cheap"))
    asked.allowance.afford(asked, Attempt(provider="p", model="cheap"))
    limiter.settle(asked, record(asked))
    await limiter.release()


async def test_who_pays_a_provider_alone_is_not_held_to_a_budget_at_another_attempt_either() -> None:
    limiter = held_to(budgets=[budget(0.0)])
    asked = exchange(ANN, "cheap", "dear")
    asked.uncharged = True
    await let_in(limiter, asked)
    asked.allowance.afford(asked, Attempt(provider="p", model="dear"))


# Among several processes.


class Keeper:
    """Divides one amount among limiters in this process, and goes away when told to."""

    def __init__(self) -> None:
        self.told: dict[tuple[str, int, str], tuple[int, int, int]] = {}
        self.away = False
        self.asked = 0

    def of(self, name: str) -> Refill:
        return Refill(_Way(self, name), lasting=10, clock=lambda: self.now, wall=lambda: self.wall)

    @property
    def granted(self) -> list[int]:
        return [granted for granted, _, _ in self.told.values()]

    @property
    def at(self) -> int:
        return NOON + round(self.now * SECOND)

    @property
    def wall(self) -> int:
        return self.at - self.set_back

    now = 0.0
    set_back = 0
    """By how much the processes' wall clocks were set back, in microseconds."""


class _Way:
    def __init__(self, keeper: Keeper, name: str) -> None:
        self.keeper, self.name = keeper, name

    async def exchange(self, asks: Sequence[Ask]) -> list[Grant]:
        self.keeper.asked += 1
        await asyncio.sleep(0)
        if self.keeper.away:
            raise StateUnavailableError("away")
        return [self._one(ask) for ask in asks]

    def _one(self, ask: Ask) -> Grant:
        key, at = (ask.subject, ask.starts_at), self.keeper.at
        others = sum(
            granted
            if at < till
            else booked
            if ask.counts_for is None or at < till - 10 * SECOND + ask.counts_for
            else 0
            for (*where, name), (granted, booked, till) in self.keeper.told.items()
            if (*where,) == key and name != self.name
        )
        grant = divided(ask, ask.amount - others, spent=0, holders=2, booked=ask.booked)
        self.keeper.told[(*key, self.name)] = (grant.granted, ask.booked, at + 10 * SECOND)
        return grant

    async def aclose(self) -> None:
        pass


async def count(limiter: Limiter, times: int) -> int:
    let = 0
    for _ in range(times):
        try:
            await answered(limiter, exchange())
        except LimitExceededError:
            continue
        let += 1
    return let


async def test_two_processes_let_in_exactly_what_the_limit_says() -> None:
    keeper = Keeper()
    two = [held_to(limit(requests_per_minute=50), rates=keeper.of(name)) for name in "ab"]
    let = await asyncio.gather(*(count(limiter, 60) for limiter in two))
    assert sum(let) == 50
    await asyncio.gather(*(limiter.release() for limiter in two))


async def test_a_large_limit_is_taken_from_slices_without_asking_for_each() -> None:
    keeper = Keeper()
    limiter = held_to(limit(requests_per_minute=100_000), rates=keeper.of("a"))
    assert await count(limiter, 2000) == 2000
    assert keeper.asked < 20
    await limiter.release()


async def test_who_is_refused_is_not_asked_for_again_and_again() -> None:
    keeper = Keeper()
    limiter = held_to(limit(requests_per_minute=1), rates=keeper.of("a"))
    assert await count(limiter, 100) == 1
    assert keeper.asked < 5
    await limiter.release()


async def passing(keeper: Keeper, seconds: float, *limiters: Limiter) -> None:
    """Let time pass, in which each process looks after its slices once a second."""
    while seconds > 0:
        keeper.now += min(seconds, 1)
        seconds -= 1
        for limiter in limiters:
            assert limiter.rates is not None
            await limiter.rates.turn()


@pytest.mark.parametrize("seed", range(5))
async def test_no_minute_of_two_processes_has_more_than_the_limit(seed: int) -> None:
    dice, keeper = random.Random(seed), Keeper()
    two = [held_to(limit(requests_per_minute=40), rates=keeper.of(name)) for name in "ab"]
    let, ideal, alone = [], 0, held_to(limit(requests_per_minute=40))
    busy = 0
    for _ in range(1200):
        await passing(keeper, dice.expovariate(dice.choice((0.2, 2, 50))), *two)
        busy = busy if dice.random() < 0.95 else 1 - busy  # load goes from one to the other
        limiter = two[busy]
        asked = exchange(at=keeper.at)
        with contextlib.suppress(LimitExceededError):
            await answered(limiter, asked)
            let.append(asked.at)
        with contextlib.suppress(LimitExceededError):
            await answered(alone, exchange(at=keeper.at))
            ideal += 1
    assert most_within(let, MINUTE) <= 40
    assert len(let) >= 0.8 * ideal, "what lies idle with one goes to the other"
    await asyncio.gather(*(limiter.release() for limiter in two))


async def test_alone_a_process_has_its_share_of_any_minute() -> None:
    keeper = Keeper()
    keeper.away = True
    limiter, let = held_to(limit(requests_per_minute=20), rates=keeper.of("a")), []
    for _ in range(400):
        keeper.now += 0.5
        with contextlib.suppress(LimitExceededError):
            await answered(limiter, exchange(at=keeper.at))
            let.append(keeper.at)
    assert most_within(let, MINUTE) == 10
    assert len(let) >= 30
    await limiter.release()


async def test_without_anybody_to_ask_a_process_goes_on_with_its_share() -> None:
    keeper = Keeper()
    keeper.away = True
    limiter = held_to(limit(requests_per_minute=20), rates=keeper.of("a"))
    assert await count(limiter, 30) == 10
    assert limiter.rates is not None
    assert limiter.rates.condition == "degraded"
    await limiter.release()


async def test_what_was_taken_alone_is_told_as_soon_as_somebody_answers() -> None:
    keeper = Keeper()
    keeper.away = True
    alone = held_to(limit(requests_per_minute=20), rates=keeper.of("a"))
    assert await count(alone, 10) == 10
    keeper.away = False
    assert alone.rates is not None
    await alone.rates.turn()
    other = held_to(limit(requests_per_minute=20), rates=keeper.of("b"))
    assert await count(other, 20) == 10
    await asyncio.gather(alone.release(), other.release())


async def test_what_lies_idle_goes_back_for_others() -> None:
    keeper = Keeper()
    one = held_to(limit(requests_per_minute=10_000), rates=keeper.of("a"))
    assert await count(one, 1) == 1
    assert sum(keeper.granted) > 1
    assert one.rates is not None
    for _ in range(3):
        keeper.now += 1.5
        await one.rates.turn()
    assert sum(keeper.granted) == 1
    await one.release()


async def test_who_leaves_tells_all_that_was_spent_and_keeps_nothing() -> None:
    keeper = Keeper()
    one = held_to(limit(requests_per_minute=1000), rates=keeper.of("a"))
    assert await count(one, 30) == 30
    await passing(keeper, 1, one)
    assert await count(one, 7) == 7
    await one.release()
    assert [(granted, booked) for granted, booked, _ in keeper.told.values()] == [(37, 37)]


@pytest.mark.parametrize("shared", [False, True], ids=["alone", "shared"])
async def test_a_clock_that_is_set_back_holds_up_a_minutes_limit_for_no_more_than_a_minute(*, shared: bool) -> None:
    keeper = Keeper()
    rates = keeper.of("a") if shared else None
    limiter = held_to(limit(requests_per_minute=20), rates=rates, wall=lambda: keeper.wall)
    let: list[float] = []
    for half_seconds in range(400):
        if half_seconds == 50:
            keeper.set_back = 60 * MINUTE
        keeper.now = half_seconds / 2
        if rates is not None and half_seconds % 2:
            await rates.turn()
        with contextlib.suppress(LimitExceededError):
            await answered(limiter, exchange(at=keeper.wall))
            let.append(keeper.now)
    assert most_within([round(now * SECOND) for now in let], MINUTE) == 20
    assert all(later - before <= 61 for before, later in itertools.pairwise([*let, 200.0]))
    await limiter.release()
