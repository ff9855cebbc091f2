"""Metrics and reports say what the books hold, no more for anybody than their own."""

import pytest
from msgspec import structs
from tests.support.books import NOW, attempt, failed, used, write

from wye.core.caller import ADMIN, LOCAL, Caller
from wye.core.errors import InvalidRequestError, PermissionDeniedError
from wye.core.record import HOUR_US
from wye.core.sketch import ERROR
from wye.insights import metrics, spans, usage
from wye.insights.reach import reach_of
from wye.store.database import Database
from wye.store.reports import Filters, Reach, Span

HOUR = NOW // HOUR_US
DAY = Span(HOUR - 23, HOUR + 1)
ALL = Reach()


def near(found: float | None, exact: float) -> bool:
    """Tell whether a percentile is as near as it promises to be."""
    return found is not None and abs(found - exact) <= exact * (ERROR + 1e-9)


async def test_a_provider_is_told_with_its_models_percentiles_and_last_errors(database: Database) -> None:
    ok = [used(duration=seconds * 1_000_000, hours_ago=seconds % 20) for seconds in range(1, 101)]
    rescued = used(provider="gemini", model="flash")
    calls = (attempt(rescued, provider="openai", model="gpt-4o", error="timeout"), attempt(rescued))
    await write(database, [*ok, structs.replace(rescued, attempts=calls), used(model="gpt-4o-mini", hours_ago=2)])
    async with database.read() as connection:
        found = await metrics.current(connection, ALL, DAY)
        alone = await metrics.current(connection, ALL, DAY, provider="gemini")
    openai = found.providers["openai"]
    assert set(openai.models) == {"gpt-4o", "gpt-4o-mini"}
    gpt = openai.models["gpt-4o"]
    assert (gpt.sums.requests, gpt.sums.failures, gpt.sums.failovers) == (100, 1, 1)
    assert near(gpt.total.p50, 50e6)
    assert near(gpt.total.p90, 90e6)
    assert near(gpt.total.p95, 95e6)
    assert near(gpt.total.p99, 99e6)
    assert near(gpt.first_token.p99, 200_000)
    assert [one.error for one in openai.errors] == ["timeout"]
    assert found.all.sums.requests == 102
    assert set(alone.providers) == {"gemini"}
    assert alone.all.sums.requests == 1
    assert not alone.providers["gemini"].errors


async def test_percentiles_of_a_user_are_of_their_own_requests(database: Database) -> None:
    await write(database, [used(duration=1_000_000), *[used(user="bob", duration=60_000_000) for _ in range(20)]])
    async with database.read() as connection:
        mine = await metrics.current(connection, Reach(user="ann"), DAY)
    assert near(mine.all.total.p99, 1e6)
    assert mine.all.sums.requests == 1


async def test_history_goes_by_the_hour(database: Database) -> None:
    await write(database, [used(hours_ago=2), used(hours_ago=2, provider="gemini"), failed()])
    async with database.read() as connection:
        lines = await metrics.history(connection, ALL, DAY)
        one = await metrics.history(connection, ALL, DAY, provider="gemini")
    assert {(line.start, line.name): line.sums.requests for line in lines} == {
        (HOUR - 2, ("openai",)): 1, (HOUR - 2, ("gemini",)): 1, (HOUR, ("openai",)): 1,
    }  # fmt: skip
    assert [line.start for line in lines] == sorted(line.start for line in lines)
    assert len(one) == 1


async def test_a_report_has_groups_their_steps_the_time_before_and_the_rest(database: Database) -> None:
    await write(
        database,
        [
            used(cost=500), used(cost=400, hours_ago=5), used(user="bob", cost=300), used(user="eve", cost=10),
            used(cost=70, hours_ago=30), used(user="eve", cost=5, hours_ago=30),
        ],
    )  # fmt: skip
    async with database.read() as connection:
        found = await usage.report(connection, ALL, DAY, Filters(), by="user", step="day", compare=True, limit=2)
    assert [(one.name, one.sums.cost) for one in found.groups] == [(("ann",), 900), (("bob",), 300)]
    assert [(step.start, step.sums.cost) for step in found.groups[0].steps] == [(HOUR - 24, 400), (HOUR, 500)]
    assert [one.before.cost for one in found.groups if one.before] == [70, 0]
    assert found.all.before is not None
    assert (found.all.sums.cost, found.all.before.cost) == (1210, 75)
    assert found.others is not None
    assert found.others.before is not None
    assert (found.others.sums.cost, found.others.before.cost, found.others.sums.requests) == (10, 5, 1)


async def test_models_are_compared(database: Database) -> None:
    await write(database, [used(), used(model="gpt-4o-mini", cost=1, duration=500_000), failed(model="gpt-4o-mini")])
    async with database.read() as connection:
        first, second = await usage.models(connection, ALL, DAY, Filters())
    assert (first.model, second.model) == ("gpt-4o", "gpt-4o-mini")
    assert (second.sums.requests, second.sums.errors) == (2, 1)
    assert near(second.total.p50, 500_000)


async def test_what_no_report_can_say_is_refused(database: Database) -> None:
    async with database.read() as connection:
        for wrong in (Filters(tag="x", conversation="c"), Filters(conversation="c")):
            with pytest.raises(InvalidRequestError, match="conversations are not kept by tag"):
                await usage.report(connection, ALL, DAY, wrong, by="tag")
        with pytest.raises(InvalidRequestError, match="at most 1000 steps"):
            await usage.report(connection, ALL, Span(0, 100_000), Filters(), step="hour")


def test_who_may_see_what() -> None:
    assert reach_of(ADMIN) == reach_of(LOCAL) == ALL
    user = Caller(user="ann", team="red", scopes=frozenset({"use", "read"}))
    assert reach_of(user) == Reach(user="ann")
    assert reach_of(structs.replace(user, scopes=frozenset({"manage"}))) == Reach(user="ann", team="red")
    with pytest.raises(PermissionDeniedError):
        reach_of(structs.replace(user, scopes=frozenset({"use"})))


@pytest.mark.parametrize(
    ("since", "until", "wanted"),
    [
        (None, None, Span(HOUR - 23, HOUR + 1)),
        ("1h", None, Span(HOUR, HOUR + 1)),
        ("2d", None, Span(HOUR - 47, HOUR + 1)),
        ("2026-07-10", None, Span(HOUR - 24, HOUR + 1)),
        ("2026-07-09", "2026-07-09", Span(HOUR - 48, HOUR - 24)),
        ("2026-07-10T22:30:00Z", None, Span(HOUR - 2, HOUR + 1)),
        ("2026-07-11T00:00:00+02:00", "2026-07-10T23:00:00", Span(HOUR - 2, HOUR)),
    ],
)
def test_time_is_said_as_people_say_it(since: str | None, until: str | None, wanted: Span) -> None:
    assert spans.span_of(NOW, since, until) == wanted


@pytest.mark.parametrize("wrong", ["yesterday", "", "2026-13-01", "-3h", "99999999999999h", "0001-01-01", "1900-01-01"])
def test_time_that_makes_no_sense_is_refused(wrong: str) -> None:
    with pytest.raises(InvalidRequestError):
        spans.span_of(NOW, wrong)
    with pytest.raises(InvalidRequestError):
        spans.span_of(NOW, "2026-07-12", "2026-07-11")


async def test_metrics_begin_where_they_were_reset_even_in_the_midst_of_an_hour(database: Database) -> None:
    await write(database, [used(hours_ago=2), used(hours_ago=0.4), used(hours_ago=0.1), used(hours_ago=0)])
    async with database.read() as connection:
        for reset, wanted in (
            (NOW - HOUR_US // 4, 2),
            (HOUR * HOUR_US, 3),
            ((HOUR - 2) * HOUR_US + 1, 4),
            (NOW + 1, 0),
        ):
            found = await metrics.current(connection, ALL, DAY, since=reset)
            lines = await metrics.history(connection, ALL, DAY, since=reset)
            assert found.all.sums.requests == wanted
            assert sum(line.sums.requests for line in lines) == wanted
            assert (found.all.total.p50 is None) == (wanted == 0)


async def test_the_whole_is_the_same_whether_it_is_read_or_made_of_its_groups(database: Database) -> None:
    await write(
        database, [used(), used(hours_ago=9, model="gpt-4o-mini"), failed(hours_ago=20), used(provider="gemini")]
    )
    async with database.read() as connection:
        read = await usage.report(connection, ALL, DAY, Filters(), step="day", compare=True)
        made = await usage.report(connection, ALL, DAY, Filters(), by="model", step="day", compare=True, limit=50)
        both = await usage.report(connection, ALL, DAY, Filters(), by="model", step="day", compare=True, limit=3)
    assert read.all.sums.requests == 4
    assert made.all == read.all == both.all
    assert made.others is None
    assert both.others is None, "three are all there are"
