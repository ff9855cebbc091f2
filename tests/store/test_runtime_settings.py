"""Runtime settings keep their versions, and two who change one at once do not undo each other."""

import asyncio

import pytest

from wye.core.errors import InvalidRequestError
from wye.store import runtime_settings
from wye.store.changes import versions
from wye.store.database import Database
from wye.store.runtime_settings import TOPIC, Setting


async def put(database: Database, key: str, value: object, version: int | None = None) -> Setting:
    async with database.begin() as connection:
        return await runtime_settings.put(connection, key, value, by="admin", version=version)


async def everything(database: Database) -> dict[str, Setting]:
    async with database.read() as connection:
        return await runtime_settings.everything(connection)


async def heard(database: Database) -> int:
    async with database.read() as connection:
        return (await versions(connection)).get(TOPIC, 0)


@pytest.mark.parametrize("value", [5, "text", False, [1, {"a": None}], {"b": 0.5}])
async def test_a_setting_is_what_was_put(database: Database, value: object) -> None:
    told = await put(database, "routing.strategy", value)
    assert await everything(database) == {"routing.strategy": told}
    assert (told.value, told.version, told.updated_by) == (value, 1, "admin")


async def test_what_the_house_keeps_for_itself_is_no_setting(database: Database) -> None:
    await put(database, "_pepper", "secret")
    await put(database, "routing.deadline", 5)
    assert set(await everything(database)) == {"routing.deadline"}


async def test_each_change_makes_a_version_and_is_announced(database: Database) -> None:
    await put(database, "a", 1)
    assert (await put(database, "a", 2)).version == 2
    assert await heard(database) == 2
    async with database.begin() as connection:
        assert await runtime_settings.remove(connection, "a")
        assert not await runtime_settings.remove(connection, "a")
    assert await heard(database) == 3
    assert await everything(database) == {}


async def test_a_change_from_an_old_version_changes_nothing(database: Database) -> None:
    await put(database, "a", 1, version=0)
    await put(database, "a", 2, version=1)
    for old in (0, 1):
        with pytest.raises(InvalidRequestError) as raised:
            await put(database, "a", 3, version=old)
        assert raised.value.code == "version_conflict"
    assert (await everything(database))["a"].value == 2


async def test_of_many_changes_from_one_version_one_wins(database: Database) -> None:
    other = Database(database.config)
    put_by = [put((database, other)[at % 2], "a", at, version=0) for at in range(8)]
    results = await asyncio.gather(*put_by, return_exceptions=True)
    won = [result for result in results if isinstance(result, Setting)]
    assert len(won) == 1
    assert all(isinstance(result, Setting | InvalidRequestError) for result in results)
    assert (await everything(database))["a"] == won[0]
    await other.aclose()
