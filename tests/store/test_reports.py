"""Sums are read from the books by anything they are kept by, for whoever may see them, and no further."""

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection
from tests.support.books import NOW, attempt, failed, used, write

from wye.core.record import HOUR_US
from wye.core.sums import Sums
from wye.store import reports, requests
from wye.store.database import Database
from wye.store.reports import Dimension, Filters, Line, Reach, Span, Step
from wye.store.requests import Sought

HOUR = NOW // HOUR_US
DAY = Span(HOUR - 23, HOUR + 1)
MONTH = Span(HOUR - 30 * 24, HOUR + 1)
ALL, ANN, TEAM = Reach(), Reach(user="ann"), Reach(user="ann", team="red")
NO_FILTERS = Filters()

RECORDS = [
    used(cost=100, tags=("x",), conversation="c1", key="k1"),
    used(cost=200, tags=("x", "y"), conversation="c1", hours_ago=2),
    used(cost=None, model="gpt-4o-mini", hours_ago=30),
    used(user="bob", team="red", cost=1000, provider="gemini", model="flash", conversation="c2", hours_ago=1),
    used(user="eve", team="blue", cost=5000, provider="gemini", model="flash", tags=("x",), hours_ago=200),
    failed(user="bob", team="red", key="k2", hours_ago=3),
]


async def names(
    connection: AsyncConnection, by: Dimension, reach: Reach = ALL, filters: Filters = NO_FILTERS, span: Span = MONTH
) -> dict[str, tuple[int, int]]:
    """Return how many requests there were and what they cost, by name."""
    lines = await reports.totals(connection, reach, span, filters, by=by)
    return {"/".join(line.name): (line.sums.requests, line.sums.cost) for line in lines}


async def test_sums_are_told_by_anything_they_are_kept_by(database: Database) -> None:
    await write(database, RECORDS)
    async with database.read() as connection:
        assert await names(connection, "model") == {
            "gemini/flash": (2, 6000), "openai/gpt-4o": (3, 300), "openai/gpt-4o-mini": (1, 0),
        }  # fmt: skip
        assert await names(connection, "provider") == {"gemini": (2, 6000), "openai": (4, 300)}
        assert await names(connection, "user") == {"eve": (1, 5000), "bob": (2, 1000), "ann": (3, 300)}
        assert await names(connection, "team") == {"blue": (1, 5000), "red": (2, 1000), "": (3, 300)}
        assert await names(connection, "key") == {"": (4, 6200), "k1": (1, 100), "k2": (1, 0)}
        assert await names(connection, "tag") == {"x": (3, 5300), "y": (1, 200)}
        assert await names(connection, "conversation") == {"c2": (1, 1000), "c1": (2, 300)}
        assert list(await names(connection, "user")) == ["eve", "bob", "ann"], "the dearest first"


async def test_a_user_sees_their_own_rows_a_team_the_teams_and_nobody_anybody_elses(database: Database) -> None:
    await write(database, RECORDS)
    async with database.read() as connection:
        for by in ("model", "provider", "user", "key", "team", "tag", "conversation"):
            mine = await names(connection, by, ANN)
            assert 1000 not in {cost for _, cost in mine.values()}, by
            assert sum(requests for requests, _ in mine.values()) <= 3, by
        assert await names(connection, "user", ANN) == {"ann": (3, 300)}
        assert await names(connection, "user", TEAM) == {"bob": (2, 1000), "ann": (3, 300)}
        assert await names(connection, "user", ANN, Filters(user="eve")) == {}
        assert await names(connection, "conversation", ANN, Filters(conversation="c2")) == {}
        assert await reports.failures(connection, ANN, 0) == []
        assert await reports.error_counts(connection, ANN, MONTH) == {}
        assert len(await reports.failures(connection, TEAM, 0)) == 1
        assert await requests.page(connection, ANN, MONTH, Filters(user="eve"), Sought()) == []
        assert {one.user for one in await requests.page(connection, TEAM, MONTH, NO_FILTERS, Sought())} == {
            "ann",
            "bob",
        }
        assert await requests.one(connection, ANN, RECORDS[3].id) is None
        assert {one.provider for one in await requests.times(connection, ANN, MONTH)} == {"openai"}
        assert await requests.settled_since(connection, ANN, 0, NOW, longest=NOW, limit=9) == [
            one for one in await requests.settled_since(connection, ALL, 0, NOW, longest=NOW, limit=9)
            if one.user == "ann"
        ]  # fmt: skip


async def test_filters_add_up(database: Database) -> None:
    await write(database, RECORDS)
    async with database.read() as connection:
        assert await names(connection, "model", filters=Filters(tag="x")) == {
            "gemini/flash": (1, 5000), "openai/gpt-4o": (2, 300),
        }  # fmt: skip
        assert await names(connection, "user", filters=Filters(tag="x", provider="openai")) == {"ann": (2, 300)}
        assert await names(connection, "model", filters=Filters(conversation="c1")) == {"openai/gpt-4o": (2, 300)}
        assert await names(connection, "model", filters=Filters(key="")) == {
            "gemini/flash": (2, 6000), "openai/gpt-4o": (1, 200), "openai/gpt-4o-mini": (1, 0),
        }  # fmt: skip
        assert await names(connection, "user", span=DAY) == {"bob": (2, 1000), "ann": (2, 300)}


async def test_there_is_one_line_of_everything_even_of_nothing(database: Database) -> None:
    async with database.read() as connection:
        assert await reports.totals(connection, ALL, DAY, NO_FILTERS) == [Line((), DAY.start, Sums())]
        assert await reports.totals(connection, ALL, DAY, NO_FILTERS, by="model") == []
        assert await reports.totals(connection, ALL, DAY, NO_FILTERS, by="model", names=[]) == []


@pytest.mark.parametrize(
    ("step", "hours_ago", "starts"),
    [
        # NOW is on Saturday, 11 July 2026, in the first hour of the day.
        ("hour", (0, 1, 1), (HOUR - 1, HOUR)),
        ("day", (0, 1, 25), (HOUR - 48, HOUR - 24, HOUR)),
        ("week", (0, 5 * 24, 6 * 24), (HOUR - 12 * 24, HOUR - 5 * 24)),
        ("month", (0, 10 * 24, 11 * 24), (HOUR - 40 * 24, HOUR - 10 * 24)),
    ],
)
@pytest.mark.parametrize("filters", [Filters(), Filters(conversation="c")])
async def test_time_is_cut_at_midnight_on_mondays_and_on_firsts(
    database: Database, step: Step, hours_ago: tuple[int, ...], starts: tuple[int, ...], filters: Filters
) -> None:
    await write(database, [used(hours_ago=hours, conversation="c", cost=7) for hours in hours_ago])
    span = Span(HOUR - 40 * 24, HOUR + 1)
    async with database.read() as connection:
        lines = await reports.totals(connection, ALL, span, filters, step=step)
        grouped = await reports.totals(connection, ALL, span, filters, by="model", step=step)
    assert tuple(line.start for line in lines) == starts
    assert sum(line.sums.requests for line in lines) == len(hours_ago)
    assert [(line.start, line.sums) for line in grouped] == [(line.start, line.sums) for line in lines]


async def test_what_belongs_to_conversations_comes_to_the_same_as_the_sums_by_the_hour(database: Database) -> None:
    await write(
        database,
        [used(conversation="c", estimated=True), failed(conversation="c"), used(conversation="c", cached=True)],
    )
    async with database.read() as connection:
        (from_events,) = await reports.totals(connection, ALL, DAY, NO_FILTERS, by="conversation")
        (from_hours,) = await reports.totals(connection, ALL, DAY, NO_FILTERS)
    # A cached answer's first token is no provider's; single calls are not on the request's row.
    loose = {"first_token", "first_tokens", "failures", "retries", "failovers"}
    assert [getattr(from_events.sums, name) for name in Sums.__struct_fields__ if name not in loose] == [
        getattr(from_hours.sums, name) for name in Sums.__struct_fields__ if name not in loose
    ]


async def test_sketches_of_hours_are_merged(database: Database) -> None:
    await write(database, [used(hours_ago=hours, duration=1_000_000) for hours in (0, 1, 2)])
    async with database.read() as connection:
        by_provider = await reports.latencies(connection, DAY)
        everything = await reports.latencies(connection, DAY, by=())
        elsewhere = await reports.latencies(connection, DAY, provider="gemini")
    assert sum(by_provider["openai",]["total"].values()) == 3
    assert len(by_provider["openai",]["total"]) == 1
    assert everything[()] == by_provider["openai",]
    assert not elsewhere


async def test_failures_are_told_the_latest_first(database: Database) -> None:
    first = used(hours_ago=1)
    rescued = used(hours_ago=0.5)
    calls = (attempt(rescued, provider="gemini", model="flash", error="timeout"), attempt(rescued))
    from msgspec import structs

    await write(database, [first, failed("overloaded", hours_ago=2), structs.replace(rescued, attempts=calls)])
    async with database.read() as connection:
        found = await reports.failures(connection, ALL, 0)
        assert [(one.provider, one.error) for one in found] == [("gemini", "timeout"), ("openai", "overloaded")]
        assert found[0].usage_id == rescued.id
        assert await reports.failures(connection, ALL, 0, provider="gemini") == found[:1]
        assert await reports.failures(connection, ALL, NOW) == []
        assert await reports.error_counts(connection, ALL, DAY) == {
            ("gemini", "timeout"): 1, ("openai", "overloaded"): 1,
        }  # fmt: skip


async def test_requests_are_paged_through_the_latest_first_and_none_is_missed(database: Database) -> None:
    records = [used(hours_ago=(number // 3) * 3) for number in range(60)]
    await write(database, records)
    seen: list[str] = []
    async with database.read() as connection:
        before: tuple[int, str] | None = None
        while page := await requests.page(connection, ALL, MONTH, NO_FILTERS, Sought(), before=before, limit=7):
            seen += [one.id for one in page]
            before = (page[-1].at, page[-1].id)
    wanted = sorted(records, key=lambda one: (one.at, one.id), reverse=True)
    assert seen == [one.id for one in wanted if one.at >= MONTH.start * HOUR_US]


async def test_what_is_rare_is_found_however_far_back(database: Database) -> None:
    many = [used(hours_ago=hours) for hours in range(200)]
    await write(database, [*many, *RECORDS])
    async with database.read() as connection:

        async def found(filters: Filters = NO_FILTERS, sought: Sought = Sought()) -> list[str]:  # noqa: B008
            page = await requests.page(connection, ALL, MONTH, filters, sought, limit=3)
            return [one.id for one in page]

        assert await found(Filters(user="eve")) == [RECORDS[4].id]
        assert await found(Filters(tag="y")) == [RECORDS[1].id]
        assert await found(Filters(team="blue", model="flash", provider="gemini")) == [RECORDS[4].id]
        assert await found(Filters(conversation="c2")) == [RECORDS[3].id]
        assert await found(sought=Sought(status="error")) == [RECORDS[5].id]
        assert await found(sought=Sought(error="overloaded")) == [RECORDS[5].id]
        assert await found(sought=Sought(status="lost")) == []
        assert await found(sought=Sought(parent="nobody")) == []


async def test_a_request_is_shown_as_it_was_written(database: Database) -> None:
    await write(database, RECORDS)
    async with database.read() as connection:
        for record in RECORDS:
            assert await requests.one(connection, ALL, record.id) == record
        assert await requests.one(connection, ALL, "req_nothing") is None


async def test_what_was_over_lately_is_found_whenever_it_began(database: Database) -> None:
    quick, slow = used(hours_ago=0.2, duration=1000), used(hours_ago=0.2, duration=11 * 60_000_000)
    await write(database, [quick, slow])
    async with database.read() as connection:
        found = await requests.settled_since(
            connection, ALL, NOW - 5 * 60_000_000, NOW, longest=20 * 60_000_000, limit=10
        )
    assert [one.id for one in found] == [slow.id]
