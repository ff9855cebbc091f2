"""The house is kept by one replica at a time: months are made ahead, and what is old goes."""

import asyncio
import datetime
from typing import Any

import pytest
from sqlalchemy import Table, func, select, text
from tests.support.databases import config_for
from tests.support.gateway import PATIENCE
from tests.support.postgres import postgres_server

from wye.core.errors import ConfigurationError, StoreUnavailableError
from wye.store import RetentionConfig, retention
from wye.store.database import Database
from wye.store.housekeeper import EVERY_SECONDS, Housekeeper
from wye.store.opened import Store
from wye.store.retention import DAY_US, sweep
from wye.store.tables import attempts, leases, response_items, responses, usage_events
from wye.store.upgrade import check

CONFIG = RetentionConfig(usage_days=60, requests_days=30)


def at(*date: int) -> int:
    return int(datetime.datetime(*date, tzinfo=datetime.UTC).timestamp()) * 1_000_000  # type: ignore[misc,arg-type]


NOW = at(2026, 11, 21)


def event(name: str, when: int) -> dict[str, Any]:
    base = {"user_id": "u", "operation": "chat", "surface": "", "asked": "", "status": "ok", "duration": 1}
    return {"id": name, "at": when, **base}


async def add(database: Database, table: Table, *rows: dict[str, Any]) -> None:
    async with database.begin() as connection:
        await connection.execute(table.insert(), list(rows))


async def names(database: Database, column: Any) -> set[str]:
    async with database.read() as connection:
        return set(await connection.scalars(select(column)))


async def partitions(database: Database) -> dict[str, int]:
    """The rows in each partition."""
    async with database.read() as connection:
        found = await connection.execute(
            text("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'usage_events'::regclass")
        )
        return {
            name: (await connection.execute(text(f"SELECT count(*) FROM {name}"))).scalar_one()  # noqa: S608
            for name in sorted(found.scalars())
        }


def keeper(database: Database, now: int = NOW) -> Housekeeper:
    return Housekeeper(database, CONFIG, clock=lambda: now)


async def test_one_replica_does_it_and_none_again_within_the_hour(database: Database) -> None:
    hour = round(EVERY_SECONDS * 1_000_000)
    done = await asyncio.gather(*(keeper(database).tidy() for _ in range(5)))
    assert sorted(done) == [False] * 4 + [True]
    assert not await keeper(database, NOW + hour - 1).tidy()
    assert await keeper(database, NOW + hour).tidy()


async def test_what_one_replica_began_and_did_not_end_another_does_later(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise StoreUnavailableError("away")

    one = keeper(database)
    with monkeypatch.context() as patched:
        patched.setattr("wye.store.housekeeper.sweep", fail)
        with pytest.raises(StoreUnavailableError):
            await one.tidy()
    assert not await keeper(database, NOW + 60_000_000).tidy()  # the first may still be at it
    assert await keeper(database, NOW + 1801 * 1_000_000).tidy()


async def test_what_is_old_goes_and_what_is_not_stays(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH", 3)
    ages = {"young": 1, "month": 31, "old": 61, "older": 400, "oldest": 900}
    await add(database, usage_events, *(event(name, NOW - days * DAY_US) for name, days in ages.items()))
    base = {"user_id": "u", "provider": "p", "model": "m", "duration": 1}
    await add(
        database,
        attempts,
        *(
            {"usage_id": name, "position": n, "at": NOW - days * DAY_US, **base}
            for name, days in ages.items()
            for n in (0, 1)
        ),
    )
    answer = {"user_id": "u", "provider": "p", "body": b"{}", "created_at": 0}
    await add(
        database, responses, *({"id": name, "used_at": NOW - days * DAY_US, **answer} for name, days in ages.items())
    )
    items = {"user_id": "u", "kind": "said", "position": 0, "body": b"{}"}
    await add(database, response_items, *({"response_id": name, **items} for name in ages))
    gone = await sweep(database, CONFIG, NOW)
    assert await names(database, usage_events.c.id) == {"young", "month"}
    assert await names(database, attempts.c.usage_id) == {"young"}
    assert await names(database, responses.c.id) == {"young"}
    assert await names(database, response_items.c.response_id) == {"young"}
    assert (gone["attempts"], gone["responses"], gone["usage_events"]) == (8, 4, 3)
    assert await sweep(database, CONFIG, NOW) == {}


async def test_slices_of_processes_that_were_not_heard_of_for_a_day_go(database: Database) -> None:
    row = {"kind": "rate", "subject": "key:k:requests:60", "starts_at": 0, "amount": 10, "updated_at": 0}
    ends = {"dead": NOW - DAY_US - 1, "away": NOW - DAY_US, "alive": NOW + 1}
    await add(database, leases, *({"id": name, "holder": name, "expires_at": at, **row} for name, at in ends.items()))
    assert await sweep(database, CONFIG, NOW) == {"leases": 1}
    assert await names(database, leases.c.holder) == {"away", "alive"}


# --- Months on PostgreSQL ---


@pytest.mark.parametrize("store_config", ["postgresql"], indirect=True)
async def test_there_is_a_partition_for_this_month_and_the_next_two(database: Database) -> None:
    await keeper(database).tidy()
    await add(database, usage_events, event("a", NOW), event("b", at(2026, 12, 1)), event("c", at(2026, 12, 1) - 1))
    await add(database, usage_events, event("d", at(2027, 1, 31, 23)), event("e", at(2027, 2, 1)), event("f", 5))
    assert await partitions(database) == {
        "usage_events_2026_11": 2,
        "usage_events_2026_12": 1,
        "usage_events_2027_01": 1,
        "usage_events_default": 2,
    }
    assert (await check(database)).condition == "current"  # partitions are no foreign tables


@pytest.mark.parametrize("store_config", ["postgresql"], indirect=True)
async def test_rows_that_came_before_their_partition_are_brought_home(database: Database) -> None:
    await add(database, usage_events, event("a", NOW), event("b", at(2027, 1, 1)), event("old", at(2026, 10, 31)))
    await keeper(database).tidy()
    found = await partitions(database)
    assert found["usage_events_2026_11"] == found["usage_events_2027_01"] == found["usage_events_default"] == 1
    assert await names(database, usage_events.c.id) == {"a", "b", "old"}


@pytest.mark.parametrize("store_config", ["postgresql"], indirect=True)
async def test_an_old_month_is_dropped_as_a_whole_once_all_of_it_is_old(database: Database) -> None:
    await keeper(database, at(2026, 9, 15)).tidy()  # September, October, November
    rows = [event("september", at(2026, 9, 30)), event("october", at(2026, 10, 1)), event("november", NOW)]
    await add(database, usage_events, *rows)
    config = RetentionConfig(usage_days=21, requests_days=21)
    gone = await sweep(database, config, NOW)  # 31 October
    assert gone == {"months of usage_events": 1, "usage_events": 1}
    assert "usage_events_2026_09" not in await partitions(database)
    assert await names(database, usage_events.c.id) == {"november"}


@pytest.mark.parametrize("store_config", ["postgresql"], indirect=True)
async def test_the_same_event_twice_is_one_in_every_partition(database: Database) -> None:
    from wye.store.upsert import insert

    await keeper(database).tidy()
    for _ in range(2):
        async with database.begin() as connection:
            rows = [event("a", NOW), event("b", 5)]
            await connection.execute(insert(connection, usage_events).on_conflict_do_nothing(), rows)
    async with database.read() as connection:
        assert await connection.scalar(select(func.count()).select_from(usage_events)) == 2


# --- Beginning ---


async def test_a_gateway_starts_while_the_database_is_away_and_upgrades_it_when_it_is_there() -> None:
    with postgres_server() as server:
        server.stop()
        store = Store(config_for(server.url()))
        said: list[str] = []
        store.housekeeper.noticed = said.append
        await store.start()
        with pytest.raises(StoreUnavailableError, match="does not answer"):
            await names(store.database, usage_events.c.id)
        server.start()
        async with asyncio.timeout(PATIENCE):
            while store.database.closed:  # noqa: ASYNC110 - nothing tells a test
                await asyncio.sleep(0.02)
        assert await names(store.database, usage_events.c.id) == set()
        assert "the database was empty" in said[0]
        await store.aclose()


async def test_a_database_that_lets_nobody_in_when_it_is_back_is_used_once_it_does() -> None:
    with postgres_server() as server:
        server.psql("CREATE ROLE clerk SUPERUSER NOLOGIN")
        server.stop()
        store = Store(config_for(server.url().replace("wye@", "clerk@")))
        said: list[str] = []
        store.housekeeper.noticed = said.append
        await store.start()
        server.start()
        async with asyncio.timeout(PATIENCE):
            while not said:  # noqa: ASYNC110 - nothing tells a test
                await asyncio.sleep(0.02)
        server.psql("ALTER ROLE clerk LOGIN")
        async with asyncio.timeout(PATIENCE):
            while store.database.closed:  # noqa: ASYNC110 - nothing tells a test
                await asyncio.sleep(0.02)
        await store.aclose()
    assert "not permitted to log in" in said[0]
    assert "the database was empty" in said[1]


async def test_a_gateway_does_not_start_on_a_database_that_is_not_ours(database: Database) -> None:
    async with database.begin() as connection:
        await connection.execute(text("CREATE TABLE their_orders (id INTEGER)"))
    store = Store(database.config)
    with pytest.raises(ConfigurationError, match="their_orders"):
        await store.start()
    await store.aclose()
