"""Each rule speaks where it should, with the figures it rests on, and is silent on the other side of its threshold."""

from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import insert
from tests.support.books import NOW, failed, used, write
from tests.support.gateway import catalog_rows

from wye.core.limits import Budget
from wye.core.record import HOUR_US, PICO_PER_USD
from wye.core.sketch import bucket
from wye.core.sums import Sums
from wye.insights import rules
from wye.insights.findings import Findings, alternatives, find
from wye.insights.rules import Alert, Alternative, Refused, SpentBudget, Trend, UnusedKey
from wye.store import budgets, leftovers, refusals
from wye.store.database import Database
from wye.store.refusals import Refusal
from wye.store.reports import Reach
from wye.store.tables import keys

HOUR = NOW // HOUR_US
DAY_US = 24 * HOUR_US
USD = PICO_PER_USD


def calls(tries: int, failures: int) -> Sums:
    return Sums(tries=tries, failures=failures)


@pytest.mark.parametrize(
    ("hours", "wanted"),
    [
        ({HOUR: calls(20, 4)}, ("high", HOUR - 1)),
        ({HOUR: calls(20, 10)}, ("critical", HOUR - 1)),
        ({HOUR: calls(10, 3), HOUR - 1: calls(10, 2)}, ("high", HOUR - 1)),
        (
            {HOUR: calls(20, 8), HOUR - 2: calls(10, 5), HOUR - 3: calls(10, 3), HOUR - 9: calls(500, 0)},
            ("high", HOUR - 3),
        ),
        ({HOUR: calls(20, 3)}, None),
        ({HOUR: calls(9, 9)}, None),
        ({HOUR: calls(20, 5), HOUR - 5: calls(100, 20)}, None),
        ({HOUR - 3: calls(20, 20)}, None),
        ({}, None),
    ],
)  # fmt: skip
def test_a_provider_degrades(hours: dict[int, Sums], wanted: tuple[str, int] | None) -> None:
    found = list(rules.degrading_provider(Trend(provider="openai", hours=hours), NOW))
    assert [(one.severity, one.since // HOUR_US) for one in found] == ([wanted] if wanted else [])
    assert all(one.provider == "openai" and "failures" in one.evidence for one in found)


@pytest.mark.parametrize(
    ("recent", "earlier", "wanted"),
    [(2_100_000, 1_000_000, 1), (1_700_000, 1_000_000, 0), (100, 2_000_000, 0)],
)
def test_a_provider_gets_slower(recent: int, earlier: int, wanted: int) -> None:
    def told(counted: int) -> list[Alert]:
        sketches = {bucket(recent): counted}, {bucket(earlier): counted}
        trend = Trend(provider="openai", hours={}, recent_first_tokens=sketches[0], earlier_first_tokens=sketches[1])
        return list(rules.slower_provider(trend, NOW))

    assert len(told(20)) == wanted
    assert not told(19)


@pytest.mark.parametrize(
    ("recent", "before", "wanted"),
    [(5, 0, ["medium"]), (50, 100, ["high"]), (4, 0, []), (20, 120, []), (30, 120, ["medium"])],
)
def test_errors_burst(recent: int, before: int, wanted: Sequence[str]) -> None:
    kind = ("openai", "rate_limit_exceeded")
    found = list(rules.error_burst({kind: recent}, {kind: before}, NOW))
    assert [one.severity for one in found] == wanted


@pytest.mark.parametrize(
    ("today", "days", "wanted"),
    [
        (2 * USD, [USD] * 7, ["medium"]),
        (4 * USD, [USD, 0, USD, USD], ["high"]),
        (2 * USD - 1, [USD] * 7, []),
        (USD - 1, [1] * 7, []),
        (9 * USD, [USD, USD, 0], []),
    ],
)
def test_the_cost_jumps(today: int, days: list[int], wanted: Sequence[str]) -> None:
    found = list(rules.cost_jump(today, days, "openai/gpt-4o", NOW))
    assert [one.severity for one in found] == wanted
    assert all("openai/gpt-4o" in one.message for one in found)


def test_lost_requests_are_told() -> None:
    assert [one.evidence["lost"] for one in rules.lost_requests(Sums(requests=3, lost=2), NOW)] == [2]
    assert not list(rules.lost_requests(Sums(requests=3), NOW))


def test_unknown_prices_are_told() -> None:
    def told(**sums: int) -> int:
        return len(list(rules.unknown_costs({"here/m": Sums(**sums)})))

    assert told(requests=10, unknown_costs=1) == 1
    assert told(requests=11, unknown_costs=1) == 0
    assert told(requests=9, unknown_costs=9) == 0
    assert told(requests=20, lost=10, unknown_costs=10) == 0, "what was lost has a price, only nobody knows the tokens"


def test_a_cheaper_model_is_advised_where_it_pays() -> None:
    def told(cost: int, other: int) -> list[int | None]:
        row = Alternative(model="a/m", cost=cost, days=7, other="b/m", other_cost=other, tier="high")
        return [one.saves for one in rules.cheaper_model(row)]

    assert told(7 * USD, USD) == [6 * USD * 30 // 7]
    assert told(10 * USD, 6 * USD + 1) == []
    assert told(USD - 1, 0) == []


@pytest.mark.parametrize(
    ("made", "used_ago", "wanted"), [(31, None, 1), (90, 30, 1), (90, 29, 0), (29, None, 0), (31, 40, 1)]
)
def test_an_unused_key_is_told(made: int, used_ago: int | None, wanted: int) -> None:
    last = None if used_ago is None else NOW - used_ago * DAY_US
    key = UnusedKey(key="key_1", name="ci", created_at=NOW - made * DAY_US, last_used_at=last)
    assert len(list(rules.unused_key(key, NOW))) == wanted


@pytest.mark.parametrize(
    ("spent", "days_gone", "more", "wanted"),
    [
        (100, 15, {}, ("budget_exhausted", "critical")),
        (100, 15, {"hard": False}, ("budget_exhausted", "high")),
        (80, 29, {}, ("budget_running_out", "high")),
        (50, 29, {"warn_at": (0.5, 0.9)}, ("budget_running_out", "high")),
        (79, 10, {}, ("budget_running_out", "medium")),
        (30, 10, {}, None),
        (10, 1, {}, None),
        (0, 10, {}, None),
    ],
)
def test_a_budget_runs_out(spent: int, days_gone: int, more: dict[str, Any], wanted: tuple[str, str] | None) -> None:
    budget = Budget(**{"id": "b", "scope": "global", "amount": 100 * USD, "period": "month", **more})
    starts = NOW - days_gone * DAY_US
    found = SpentBudget(budget=budget, spent=spent * USD, starts_at=starts, ends_at=starts + 31 * DAY_US)
    alerts = list(rules.budget_running_out(found, NOW))
    assert [(one.code, one.severity) for one in alerts] == ([wanted] if wanted else [])


def test_the_alternative_is_the_cheapest_of_the_same_tier_that_can_do_the_same() -> None:
    models = catalog_rows().models
    spent = {"openai/gpt-4o": Sums(input_tokens=10**6, output_tokens=10**6, cost=12_500_000_000_000)}
    (found,) = alternatives(spent, models)
    row, other = models["openai/gpt-4o"], models[found.other]
    assert other.quality_tier == row.quality_tier == found.tier
    assert other.capabilities >= row.capabilities
    assert found.other_cost < found.cost
    assert not alternatives({"nobody/knows": Sums(cost=1)}, models)


# On the books.


async def said(database: Database, reach: Reach, **more: int) -> Findings:
    async with database.read() as connection:
        return await find(connection, reach, NOW, catalog_rows().models, **more)


async def test_the_books_give_reason_for_every_rule(database: Database) -> None:
    usual = [used(hours_ago=hours, cost=USD // 10) for hours in range(2, 8 * 24, 3)]
    dear = [used(cost=5 * USD, input_tokens=10**6, first_token=9_000_000) for _ in range(20)]
    slow = [used(hours_ago=hours, cost=0) for hours in range(2, 22)]
    bad = [failed("overloaded", provider="gemini", model="flash") for _ in range(12)]
    unknown = [used(provider="here", model="m", cost=None) for _ in range(10)]
    lost = [used(status="lost", cost=None)]
    await write(database, [*usual, *dear, *slow, *bad, *unknown, *lost])
    async with database.begin() as connection:
        old = NOW - 60 * DAY_US
        row = {"id": "key_1", "hash": "h", "prefix": "wye_", "name": "ci", "user_id": "local"}
        await connection.execute(insert(keys).values(**row, created_at=old, updated_at=old))
        await budgets.put(connection, Budget(id="b", scope="global", amount=USD, period="total"))
        await budgets.charge(connection, dear)
    found = await said(database, Reach())
    assert {one.code for one in found.alerts} == {
        "degrading_provider", "slower_provider", "error_burst", "cost_jump", "lost_requests", "budget_exhausted",
    }  # fmt: skip
    assert {one.code for one in found.recommendations} == {"unknown_price", "cheaper_model", "unused_key"}
    assert found.alerts[0].severity == "critical"
    assert found.recommendations[0].code == "cheaper_model", "what saves most first"


async def test_nobody_is_told_of_others(database: Database) -> None:
    await write(database, [failed("overloaded") for _ in range(12)])
    assert (await said(database, Reach(user="bob"))) == Findings(alerts=[], recommendations=[])
    assert {one.code for one in (await said(database, Reach(user="ann"))).alerts} == {
        "degrading_provider", "error_burst",
    }  # fmt: skip


async def test_what_was_before_a_reset_is_not_told_again(database: Database) -> None:
    await write(database, [failed("overloaded", hours_ago=1) for _ in range(12)])
    async with database.begin() as connection:
        assert await leftovers.shown_since(connection) == 0
        await leftovers.show_from(connection, NOW - 1, by="admin")
        await leftovers.show_from(connection, NOW, by="admin")
        since = await leftovers.shown_since(connection)
    assert since == NOW
    assert not (await said(database, Reach(), since=since)).alerts
    assert (await said(database, Reach())).alerts


@pytest.mark.parametrize(
    ("count", "by", "measure", "wanted"),
    [
        (19, "limit", "requests_per_minute", None),
        (20, "limit", "requests_per_minute", ("low", "20 times in the last hour by requests_per_minute of team t1")),
        (5000, "budget", "month", ("medium", "5,000 times in the last hour by the budget of the month of team t1")),
    ],
)
def test_a_key_is_refused_often(count: int, by: str, measure: str, wanted: tuple[str, str] | None) -> None:
    found = Refused(user="ann", key="k1", by=by, scope="team", target="t1", measure=measure, count=count, since=NOW)
    told = [(one.severity, one.message.removeprefix("key k1 was refused ")) for one in rules.refused_requests(found)]
    assert told == ([wanted] if wanted else [])


async def test_refusals_of_the_last_hour_are_found_and_older_ones_are_not(database: Database) -> None:
    def of(hour: int, key: str) -> Refusal:
        return Refusal(hour, "ann", "", key, "limit", "key", key, "requests_per_minute")

    async with database.begin() as connection:
        await refusals.add(connection, {of(HOUR, "k1"): 15, of(HOUR - 1, "k1"): 15, of(HOUR - 2, "old"): 500})
        found = await find(connection, Reach(user=None), NOW, {})
        strangers = await find(connection, Reach(user="bob"), NOW, {})
    assert [(one.code, one.since, one.evidence["refused"]) for one in found.alerts] == [
        ("refused_requests", (HOUR - 1) * HOUR_US, 30)
    ]
    assert strangers.alerts == []
