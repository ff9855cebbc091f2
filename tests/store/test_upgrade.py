"""A database is brought to this program's tables once, by whoever comes first, and never somebody else's."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text
from tests.support.databases import config_for
from tests.support.postgres import Server

from wye.core.errors import ConfigurationError, StoreUnavailableError
from wye.store.database import Database
from wye.store.opened import prepare
from wye.store.upgrade import Checked, check, refuse, upgrade


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database without tables."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'wye.db'}"
    server: Server = request.getfixturevalue("postgres")
    name = f"empty_{abs(hash(request.node.name)) % 10**9}"
    server.psql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    server.psql(f"CREATE DATABASE {name}")
    return server.url(name)


async def run(url: str, *statements: str) -> None:
    database = Database(config_for(url))
    async with database.begin() as connection:
        for statement in statements:
            await connection.execute(text(statement))
    await database.aclose()


async def checked(url: str) -> Checked:
    database = Database(config_for(url))
    try:
        return await check(database)
    finally:
        await database.aclose()


async def upgraded(url: str) -> Checked:
    database = Database(config_for(url))
    try:
        return await upgrade(database)
    finally:
        await database.aclose()


async def test_looking_at_an_empty_database_changes_nothing(empty: str, tmp_path: Path) -> None:
    assert (await checked(empty)).condition == "empty"
    assert (await checked(empty)).revision is None
    assert not list(tmp_path.iterdir())  # noqa: ASYNC240


async def test_an_empty_database_is_upgraded_once(empty: str) -> None:
    before = await upgraded(empty)
    assert (before.condition, before.revision) == ("empty", None)
    again = await upgraded(empty)
    assert (again.condition, again.revision) == ("current", before.head)
    assert (await checked(empty)).condition == "current"


async def test_many_that_upgrade_at_once_do_it_once(empty: str) -> None:
    before = await asyncio.gather(*(upgraded(empty) for _ in range(6)))
    assert sorted(found.condition for found in before) == ["current"] * 5 + ["empty"]
    assert (await checked(empty)).condition == "current"


async def test_a_database_with_tables_of_somebody_else_is_refused_and_left_alone(empty: str, postgres: Server) -> None:
    if empty.startswith("postgresql"):
        postgres.psql("CREATE SCHEMA wye", empty.rpartition("/")[2])
    await run(empty, "CREATE TABLE their_orders (id INTEGER PRIMARY KEY)")
    with pytest.raises(ConfigurationError, match="their_orders") as raised:
        await upgraded(empty)
    assert raised.value.param == "store.url"
    found = await checked(empty)
    assert (found.condition, found.foreign) == ("foreign", ("their_orders",))


async def test_a_table_of_somebody_else_among_ours_is_refused(empty: str) -> None:
    await upgraded(empty)
    await run(empty, "CREATE TABLE their_orders (id INTEGER PRIMARY KEY)")
    with pytest.raises(ConfigurationError, match="their_orders"):
        await upgraded(empty)


async def test_tables_in_other_schemas_are_nobodys_business(postgres: Server, empty: str) -> None:
    if empty.startswith("postgresql"):
        postgres.psql("CREATE TABLE public.their_orders (id INTEGER)", empty.rpartition("/")[2])
        await upgraded(empty)
        assert (await checked(empty)).condition == "current"


async def test_tables_that_only_look_like_ours_are_not(empty: str, postgres: Server) -> None:
    if empty.startswith("postgresql"):
        postgres.psql("CREATE SCHEMA wye", empty.rpartition("/")[2])
    await run(empty, "CREATE TABLE users (id INTEGER PRIMARY KEY)")
    with pytest.raises(ConfigurationError, match="users"):
        await upgraded(empty)


@pytest.mark.parametrize(("oldest", "condition"), [(2, "newer"), (1, "ahead")])
async def test_a_database_of_a_newer_program_is_used_only_where_that_one_says_so(
    empty: str, oldest: int, condition: str
) -> None:
    await upgraded(empty)
    await run(
        empty,
        "CREATE TABLE of_the_future (id INTEGER PRIMARY KEY)",
        "UPDATE wye_version SET version_num = 'r9999'",
        f"UPDATE changes SET version = {oldest} WHERE topic = 'schema.oldest'",  # noqa: S608
    )
    found = await checked(empty)
    assert (found.condition, found.revision) == (condition, "r9999")
    if condition == "ahead":
        assert (await upgraded(empty)).condition == "ahead"
        assert "newer wye" in (await prepare(config_for(empty)) or "")
        return
    with pytest.raises(ConfigurationError, match="newer than this program"):
        await upgraded(empty)


async def test_a_schema_made_by_an_operator_for_a_user_who_may_make_none_will_do(postgres: Server, empty: str) -> None:
    if not empty.startswith("postgresql"):
        return
    name = empty.rpartition("/")[2]
    postgres.psql("DROP ROLE IF EXISTS plain")
    postgres.psql("CREATE ROLE plain LOGIN")
    plain = empty.replace("wye@", "plain@")
    with pytest.raises(ConfigurationError, match="permission denied"):
        await upgraded(plain)
    postgres.psql("CREATE SCHEMA wye AUTHORIZATION plain", name)
    assert (await upgraded(plain)).condition == "empty"
    postgres.psql(f"DROP DATABASE {name} WITH (FORCE)")


async def test_a_database_that_is_away_is_said_and_waited_for(postgres: Server) -> None:
    url = postgres.url().replace(str(postgres.port), "1")
    with pytest.raises(StoreUnavailableError):
        await upgraded(url)
    assert "503" in (await prepare(config_for(url)) or "")


def test_refusing_says_which_database_without_its_password() -> None:
    config = config_for("postgresql://user:CANARY@host/db")
    found = Checked(database=config.shown, condition="newer", revision="r2", head="r1")
    with pytest.raises(ConfigurationError) as raised:
        refuse(found)
    assert "postgresql://host/db" in raised.value.message
    assert "CANARY" not in raised.value.message


async def test_another_programs_sqlite_file_is_left_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "theirs.db"
    with closing(sqlite3.connect(file)) as theirs:
        theirs.execute("CREATE TABLE orders (id INTEGER)")
    was = file.read_bytes()
    with pytest.raises(ConfigurationError):
        await upgraded(f"sqlite:///{file}")
    assert file.read_bytes() == was
