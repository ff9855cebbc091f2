"""What a database promises: transactions whole, nobody waits for ever, and back again after it was away."""

import asyncio
import stat
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError, ProgrammingError
from tests.support.databases import config_for
from tests.support.postgres import Server, postgres_server

from wye.core.errors import ConfigurationError, InvalidRequestError, StoreUnavailableError
from wye.core.secret import Secret
from wye.store.config import StoreConfig
from wye.store.database import Database, now_us
from wye.store.tables import keys, settings, teams
from wye.store.upgrade import upgrade

NOW = now_us()


def team(name: str) -> dict[str, object]:
    return {"id": name, "name": name, "created_at": NOW, "updated_at": NOW}


async def count(database: Database) -> int:
    async with database.read() as connection:
        return (await connection.execute(select(func.count()).select_from(teams))).scalar_one()


async def test_a_transaction_that_fails_leaves_nothing(database: Database) -> None:

    async def fail() -> None:
        async with database.begin() as connection:
            await connection.execute(teams.insert().values(team("a")))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert await count(database) == 0


async def test_a_reference_to_nobody_is_refused_without_its_values_in_the_error(database: Database) -> None:
    row = {"id": "k", "hash": "CANARY", "prefix": "p", "name": "n", "user_id": "nobody"}
    with pytest.raises(IntegrityError) as raised:
        async with database.begin() as connection:
            await connection.execute(keys.insert().values(**row, created_at=NOW, updated_at=NOW))
    assert "CANARY" not in str(raised.value)


async def test_a_mistake_in_a_query_is_not_a_database_that_is_away(database: Database) -> None:
    with pytest.raises(Exception) as raised:  # noqa: PT011 - the two drivers have no closer word in common
        async with database.read() as connection:
            await connection.execute(text("SELECT * FROM no_such_table"))
    assert not isinstance(raised.value, StoreUnavailableError)
    assert database.condition == "ok"


async def test_many_writers_at_once_all_write(database: Database) -> None:
    other = Database(database.config)  # another process's, as far as the database can tell

    async def write(at: int) -> None:
        async with (database, other)[at % 2].begin() as connection:
            found = await connection.execute(select(settings.c.version).where(settings.c.key == "n").with_for_update())
            version = found.scalar_one()
            await asyncio.sleep(0)
            await connection.execute(settings.update().where(settings.c.key == "n").values(version=version + 1))

    async with database.begin() as connection:
        await connection.execute(settings.insert().values(key="n", value=0, version=0, updated_at=0, updated_by="me"))
    await asyncio.gather(*(write(at) for at in range(20)))
    await other.aclose()
    async with database.read() as connection:
        assert await connection.scalar(select(settings.c.version)) == 20


async def test_a_reader_does_not_wait_for_a_writer_and_does_not_see_what_is_not_done(database: Database) -> None:
    async with database.begin() as connection:
        await connection.execute(teams.insert().values(team("a")))
        assert await count(database) == 0
    assert await count(database) == 1


async def test_who_cannot_write_in_time_is_told_so(store_config: StoreConfig) -> None:
    one = Database(store_config)
    two = Database(StoreConfig(url=store_config.url, timeout=0.2))
    async with one.begin() as connection:
        await connection.execute(teams.insert().values(team("a")))
        with pytest.raises(StoreUnavailableError):
            async with two.begin() as other:
                await other.execute(teams.insert().values(team("a")))
    await one.aclose()
    await two.aclose()


async def test_a_statement_that_takes_too_long_is_ended(postgres: Server) -> None:
    database = Database(StoreConfig(url=Secret(postgres.url()), timeout=0.2))
    with pytest.raises(StoreUnavailableError, match="timeout"):
        async with database.read() as connection:
            await connection.execute(text("SELECT pg_sleep(20)"))
    await database.aclose()


async def test_sqlite_is_one_file_that_nobody_else_may_read_in_wal_mode(tmp_path: Path) -> None:
    file = tmp_path / "wye.db"
    database = Database(config_for(f"sqlite:///{file}"))
    await upgrade(database)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    async with database.read() as connection:
        assert await connection.scalar(text("PRAGMA journal_mode")) == "wal"
        assert await connection.scalar(text("PRAGMA foreign_keys")) == 1
        assert await connection.scalar(text("PRAGMA synchronous")) == 1
        assert await connection.scalar(text("PRAGMA busy_timeout")) == 20_000
    await database.aclose()


@pytest.mark.parametrize("place", ["no/such/folder/wye.db", "", "file/wye.db", "/proc/wye.db"])
async def test_an_sqlite_file_that_can_be_nowhere_is_a_mistake_that_says_what_to_write(
    tmp_path: Path, place: str
) -> None:
    (tmp_path / "file").touch()
    database = Database(config_for(f"sqlite:///{tmp_path / place}"))
    with pytest.raises(ConfigurationError, match="name one in a folder that can be"):
        await upgrade(database)
    await database.aclose()


async def test_a_full_disk_is_an_outage_and_leaves_the_database_as_it_was(tmp_path: Path) -> None:
    database = Database(config_for(f"sqlite:///{tmp_path / 'wye.db'}"))
    await upgrade(database)
    async with database.read() as connection:
        await connection.execute(text("PRAGMA max_page_count = 1"))  # as large as it may get

    async def write() -> None:
        async with database.begin() as connection:
            await connection.execute(teams.insert().values({**team("a"), "name": "x" * 100_000}))

    with pytest.raises(StoreUnavailableError, match="full"):
        await write()
    assert database.condition == "away"
    assert await count(database) == 0
    await database.aclose()


async def test_who_leaves_in_the_middle_leaves_a_database_that_works(database: Database) -> None:
    async def use(at: int) -> None:
        async with database.begin() as connection:
            await connection.execute(teams.insert().values(team(f"t{at}")))
            await count(database)

    for at in range(60):
        task = asyncio.create_task(use(at))
        await asyncio.sleep(at * 0.0002)
        task.cancel()
        await asyncio.wait([task])
    before = await count(database)
    await use(1000)
    assert await count(database) == before + 1


async def test_a_writer_that_another_task_keeps_waiting_is_told_so_in_time(tmp_path: Path) -> None:
    database = Database(StoreConfig(url=Secret(f"sqlite:///{tmp_path / 'wye.db'}"), timeout=0.1))
    await upgrade(database)
    async with database.begin():
        with pytest.raises(StoreUnavailableError, match="took too long"):
            async with database.begin():
                pass
    await database.aclose()


@pytest.mark.parametrize("url", ["mysql://x/y", "wye.db", "sqlite://", "sqlite:///:memory:"])
def test_a_url_that_is_none_is_refused_with_what_to_write(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"sqlite:///wye\.db"):
        Database(StoreConfig(url=Secret(url)))


async def test_a_database_that_does_not_exist_is_a_mistake_in_the_url_and_its_password_is_not_shown(
    postgres: Server,
) -> None:
    url = postgres.url("no_such").replace("wye@", "wye:CANARY@")
    database = Database(config_for(url))
    with pytest.raises(ConfigurationError, match="no_such") as raised:
        await count(database)
    assert "CANARY" not in str(raised.value)
    await database.aclose()


# --- PostgreSQL away ---


@pytest.fixture
def server() -> Iterator[Server]:
    with postgres_server() as running:
        yield running


@pytest_asyncio.fixture
async def away(server: Server) -> AsyncIterator[tuple[Server, Database]]:
    database = Database(StoreConfig(url=Secret(server.url()), timeout=1, connect_timeout=1))
    await upgrade(database)
    yield server, database
    await database.aclose()


async def test_a_server_that_was_stopped_and_started_is_used_again_at_once(away: tuple[Server, Database]) -> None:
    server, database = away
    conditions: list[str] = []
    database.noticed = lambda condition, _why: conditions.append(condition)
    assert await asyncio.gather(*(count(database) for _ in range(8))) == [0] * 8  # several connections are open
    server.stop()
    for _ in range(3):
        with pytest.raises(StoreUnavailableError):
            await count(database)
    server.start()
    assert await asyncio.gather(*(count(database) for _ in range(8))) == [0] * 8
    assert conditions == ["away", "ok"]


async def test_a_server_that_was_restarted_between_two_queries_is_not_noticed(away: tuple[Server, Database]) -> None:
    server, database = away
    assert await count(database) == 0
    server.kill()
    server.start()
    assert await count(database) == 0


async def test_a_transaction_whose_server_goes_is_away_and_not_committed(away: tuple[Server, Database]) -> None:
    server, database = away

    async def write() -> None:
        async with database.begin() as connection:
            await connection.execute(teams.insert().values(team("a")))
            server.stop()
            await connection.execute(teams.insert().values(team("b")))

    with pytest.raises(StoreUnavailableError):
        await write()
    server.start()
    assert await count(database) == 0


async def test_nobody_waits_long_for_a_server_that_hangs(away: tuple[Server, Database]) -> None:
    server, database = away
    assert await count(database) == 0
    server.hang()
    began = time.monotonic()
    results = await asyncio.gather(*(count(database) for _ in range(4)), return_exceptions=True)
    assert {type(result) for result in results} == {StoreUnavailableError}
    assert time.monotonic() - began < 15
    server.go_on()
    async with asyncio.timeout(20):
        while database.condition == "away":
            with suppress(StoreUnavailableError):
                await count(database)


async def test_an_sql_mistake_on_postgresql_is_no_outage(postgres: Server) -> None:
    database = Database(config_for(postgres.url()))
    with pytest.raises(ProgrammingError):
        async with database.read() as connection:
            await connection.execute(text("SELEKT 1"))
    await database.aclose()


@pytest.mark.parametrize("store_config", ["postgresql"], indirect=True)
async def test_a_character_that_postgresql_cannot_keep_is_the_callers_mistake(database: Database) -> None:
    async def write(**row: object) -> None:
        async with database.begin() as connection:
            await connection.execute(settings.insert().values(key="n", version=1, updated_at=0, **row))

    for row in ({"value": 0, "updated_by": "a\0b"}, {"value": {"a\0": 1}, "updated_by": "a"}):
        with pytest.raises(InvalidRequestError, match=r"U\+0000"):
            await write(**row)
    assert database.condition == "ok"
