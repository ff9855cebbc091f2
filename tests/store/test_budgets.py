"""What was spent is added to every budget it counts against, once, in the period it was spent in."""

import datetime

import pytest
from tests.support.books import write

from wye.core.limits import Budget, BudgetScope
from wye.core.record import PICO_PER_USD, AttemptRecord, UsageRecord
from wye.store import budgets
from wye.store.database import Database, now_us

NOON = int(datetime.datetime(2026, 11, 21, 12, tzinfo=datetime.UTC).timestamp()) * 1_000_000


def record(**facts: object) -> UsageRecord:
    given = {"id": "r", "at": NOON, "user": "ann", "key": "k1", "team": "t1", "status": "ok"} | facts
    named = {"provider": "openai", "model": "small", "cost": 700} | given
    return UsageRecord(**named)  # type: ignore[arg-type]


async def spent(database: Database, budget: Budget, at: int = NOON) -> tuple[int, int]:
    async with database.read() as connection:
        standing = (await budgets.standings(connection, [budget], at))[budget.id]
    return standing.spent, standing.reserved


async def put(database: Database, *found: Budget) -> None:
    async with database.begin() as connection:
        for budget in found:
            await budgets.put(connection, budget)


async def charge(database: Database, *records: UsageRecord) -> None:
    async with database.begin() as connection:
        await budgets.charge(connection, records)


async def test_a_budget_is_read_as_it_was_written(database: Database) -> None:
    budget = Budget(id="b", scope="key", target="k1", name="mine", amount=5 * PICO_PER_USD, period="week", hard=False)
    await put(database, budget)
    async with database.read() as connection:
        found = await budgets.get(connection, "b")
        assert found is not None
        assert (found.amount, found.hard, found.warn_at) == (5 * PICO_PER_USD, False, (0.8,))
        assert await budgets.get(connection, "other") is None


@pytest.mark.parametrize(
    ("scope", "target", "counts"),
    [
        ("global", "", True),
        ("key", "k1", True),
        ("key", "k2", False),
        ("user", "ann", True),
        ("user", "bob", False),
        ("team", "t1", True),
        ("provider", "openai", True),
        ("provider", "gemini", False),
        ("model", "openai/small", True),
        ("model", "openai/large", False),
    ],
)
async def test_a_request_counts_against_the_budgets_it_belongs_to(
    database: Database, scope: BudgetScope, target: str, *, counts: bool
) -> None:
    budget = Budget(id="b", scope=scope, target=target, amount=1000, period="month")
    await put(database, budget)
    await charge(database, record(), record(id="s", cost=20))
    assert await spent(database, budget) == ((720, 0) if counts else (0, 0))


async def test_each_provider_is_charged_for_its_own_attempt(database: Database) -> None:
    there = [Budget(id=name, scope="provider", target=name, amount=1000, period="day") for name in ("openai", "gemini")]
    await put(database, *there)
    tried = (
        AttemptRecord(provider="gemini", model="m", at=NOON, duration=1, cost=100, error="upstream_error"),
        AttemptRecord(provider="openai", model="small", at=NOON, duration=1, cost=600),
    )
    await charge(database, record(attempts=tried))
    assert [await spent(database, budget) for budget in there] == [(600, 0), (100, 0)]


async def test_what_a_request_of_unknown_cost_had_set_aside_stays_reserved(database: Database) -> None:
    budget = Budget(id="b", scope="global", amount=1000, period="total")
    await put(database, budget)
    await charge(database, record(cost=None, hold=300, status="lost"))
    assert await spent(database, budget) == (0, 300)


async def test_what_was_spent_counts_in_the_period_of_the_request(database: Database) -> None:
    budget = Budget(id="b", scope="global", amount=1000, period="day")
    await put(database, budget)
    day = 24 * 3_600_000_000
    await charge(database, record(), record(id="s", at=NOON + day, cost=5))
    assert await spent(database, budget) == (700, 0)
    assert await spent(database, budget, NOON + day) == (5, 0)


@pytest.mark.parametrize(
    ("scope", "target"),
    [("global", ""), ("key", "k1"), ("user", "ann"), ("team", "t1"), ("provider", "openai"), ("model", "openai/small")],
)
async def test_a_new_budget_begins_with_what_one_that_was_there_was_charged_with(
    database: Database, scope: BudgetScope, target: str
) -> None:
    old, new = (Budget(id=name, scope=scope, target=target, amount=10**6, period="month") for name in ("old", "new"))
    await put(database, old)
    now = now_us()
    tried = (
        AttemptRecord(provider="gemini", model="m", at=now, duration=1, cost=30, error="upstream_error"),
        AttemptRecord(provider="openai", model="small", at=now, duration=1, cost=5),
    )
    records = [
        record(id="a", at=now),
        record(id="b", at=now, cost=20, uncharged=True),
        record(id="c", at=now, cost=35, uncharged=True, attempts=tried),
        record(id="d", at=now, cost=35, attempts=tried),
        record(id="e", at=now, cost=None, uncharged=True, status="lost"),
    ]
    await write(database, records)
    await charge(database, *records)
    await put(database, new)
    found = await spent(database, new, now)
    assert found == await spent(database, old, now)
    assert found[0] >= 705


async def test_a_budget_that_is_gone_is_not_charged(database: Database) -> None:
    budget = Budget(id="b", scope="global", amount=1000, period="day")
    await put(database, budget)
    async with database.begin() as connection:
        assert await budgets.drop(connection, "b")
        assert not await budgets.drop(connection, "b")
    await charge(database, record())
    assert await spent(database, budget) == (0, 0)


async def test_the_files_budgets_replace_those_it_had_before_and_no_others(database: Database) -> None:
    old = Budget(id="file:old", scope="global", amount=1, period="day", source="file")
    new = Budget(id="file:new", scope="global", amount=2, period="day", source="file")
    await put(database, Budget(id="api", scope="global", amount=3, period="day"), old)
    async with database.begin() as connection:
        assert await budgets.adopt(connection, [new])
    async with database.begin() as connection:
        assert not await budgets.adopt(connection, [new])
        assert [budget.id for budget in await budgets.all_in_force(connection)] == ["api", "file:new"]


async def test_a_changed_amount_keeps_what_was_spent(database: Database) -> None:
    budget = Budget(id="b", scope="global", amount=1000, period="month")
    await put(database, budget)
    await charge(database, record(at=now_us()))
    await put(database, Budget(id="b", scope="global", amount=2000, period="month"))
    assert await spent(database, budget, now_us()) == (700, 0)
