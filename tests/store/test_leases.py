"""Processes never hold more together than there is, whatever they ask for and in whatever order."""

import asyncio
import random

from msgspec import structs

from wye.core.leases import Ask, Kind
from wye.core.limits import Budget
from wye.core.record import UsageRecord
from wye.store import budgets
from wye.store.database import Database, now_us
from wye.store.leases import StoreLeases

ONE = "0123abcd"
FOREVER = Ask(kind="budget", subject="b", starts_at=0, ends_at=None, amount=1000, booked=0, floor=0, wanted=100)


def asking(kind: Kind = "rate", *, booked: int = 0, floor: int = 0, wanted: int = 0, amount: int = 1000) -> Ask:
    return structs.replace(FOREVER, kind=kind, booked=booked, floor=floor, wanted=wanted, amount=amount)


def process(database: Database, name: str, seconds: float = 60) -> StoreLeases:
    return StoreLeases(database, name, seconds=seconds, timeout=10)


async def with_budget(database: Database, amount: int = 1000) -> None:
    async with database.begin() as connection:
        await budgets.put(connection, Budget(id="b", scope="global", amount=amount, period="total"))


async def charge(database: Database, cost: int, holder: str) -> None:
    record = UsageRecord(id=f"req_{'0' * 14}{holder}0000", at=now_us(), user="u", status="ok", cost=cost)
    async with database.begin() as connection:
        await budgets.charge(connection, [record])


async def test_a_process_gets_what_it_wants_while_there_is_some(database: Database) -> None:
    await with_budget(database)
    one, two = process(database, ONE), process(database, "two")
    [first] = await one.exchange([asking("budget", wanted=600)])
    [second] = await two.exchange([asking("budget", wanted=600)])
    assert (first.granted, first.remaining, first.holders) == (600, 400, 1)
    assert (second.granted, second.remaining, second.holders) == (400, 0, 2)


async def test_an_ask_that_is_repeated_changes_nothing(database: Database) -> None:
    one = process(database, ONE)
    asked = [asking(wanted=300)]
    assert await one.exchange(asked) == await one.exchange(asked)


async def test_what_is_spent_is_counted_once_when_it_comes_into_the_books(database: Database) -> None:
    await with_budget(database)
    one, two = process(database, ONE), process(database, "two")
    await one.exchange([asking("budget", wanted=600)])
    await charge(database, 500, ONE)
    [grant] = await two.exchange([asking("budget", wanted=1000)])
    assert (grant.granted, grant.spent) == (400, 500)


async def test_a_debt_is_paid_from_what_is_granted_next(database: Database) -> None:
    await with_budget(database)
    one, two = process(database, ONE), process(database, "two")
    await one.exchange([asking("budget", wanted=100)])
    await charge(database, 150, ONE)
    [other] = await two.exchange([asking("budget", wanted=850)])
    assert other.granted == 850
    [grant] = await one.exchange([asking("budget", booked=150, floor=150, wanted=300)])
    assert (grant.granted, grant.remaining) == (150, 0)


async def test_what_is_given_back_is_there_for_others(database: Database) -> None:
    one, two = process(database, ONE), process(database, "two")
    await one.exchange([asking(wanted=1000)])
    await one.exchange([asking(booked=10, floor=30, wanted=30)])
    [grant] = await two.exchange([asking(wanted=1000)])
    assert grant.granted == 970


async def test_the_slice_of_a_process_that_is_gone_is_anybodys_but_what_it_spent_is_not(database: Database) -> None:
    await with_budget(database)
    gone, two = process(database, ONE, seconds=0), process(database, "two")
    await gone.exchange([asking(booked=200, floor=200, wanted=700), asking("budget", wanted=700)])
    await charge(database, 200, ONE)
    rate, budget = await two.exchange([asking(wanted=1000), asking("budget", wanted=1000)])
    assert (rate.granted, budget.granted) == (800, 800)


async def test_what_a_process_spent_that_is_gone_counts_no_longer_than_it_is_said_to(database: Database) -> None:
    gone, two = process(database, ONE, seconds=0), process(database, "two")
    await gone.exchange([asking(booked=200, floor=200, wanted=700)])
    for counts_for, granted in ((3_600_000_000, 800), (None, 800), (1000, 1000)):
        await asyncio.sleep(0.01)
        [grant] = await two.exchange([structs.replace(asking(wanted=1000), counts_for=counts_for)])
        assert grant.granted == granted


async def test_what_a_process_gives_back_when_it_stops_is_there_at_once(database: Database) -> None:
    one, two = process(database, ONE), process(database, "two")
    await one.exchange([asking(booked=1, floor=1, wanted=1000)])
    await one.aclose()
    assert [grant.granted for grant in await two.exchange([asking(wanted=1000)])] == [999]


async def test_nothing_is_given_out_of_a_budget_that_is_not_there(database: Database) -> None:
    [grant] = await process(database, ONE).exchange([asking("budget", floor=3, wanted=10)])
    assert (grant.granted, grant.remaining) == (3, 0)


async def test_processes_that_ask_at_the_same_time_never_have_more_than_there_is(database: Database) -> None:
    await with_budget(database)
    everybody = [process(database, f"p{number}") for number in range(6)]
    chance = random.Random(5)
    have: dict[tuple[str, int], int] = {}

    async def ask(number: int) -> None:
        for _ in range(6):
            kinds: list[Kind] = ["rate", "budget"]
            asks = [asking(kind, wanted=chance.randrange(0, 500)) for kind in kinds]
            for kind, grant in zip(kinds, await everybody[number].exchange(asks), strict=True):
                have[kind, number] = grant.granted

    await asyncio.gather(*(ask(number) for number in range(6)))
    for kind in ("rate", "budget"):
        assert 0 < sum(granted for (of, _), granted in have.items() if of == kind) <= 1000
