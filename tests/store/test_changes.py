"""Replicas hear of each other's changes, once each, and of none that was undone."""

import asyncio

import pytest
from tests.support.databases import config_for
from tests.support.gateway import PATIENCE

from wye.core.errors import ConfigurationError, StoreUnavailableError
from wye.store.changes import Changes, announce, versions
from wye.store.database import Database


class Ear:
    """Counts what it hears, or fails."""

    def __init__(self, *errors: Exception) -> None:
        self.heard = 0
        self._errors = list(errors)

    async def __call__(self) -> None:
        if self._errors:
            raise self._errors.pop(0)
        self.heard += 1


async def change(database: Database, topic: str = "keys") -> int:
    async with database.begin() as connection:
        return await announce(connection, topic)


async def test_a_version_grows_with_each_change_of_its_topic_only(database: Database) -> None:
    assert [await change(database), await change(database), await change(database, "budgets")] == [1, 2, 1]
    async with database.read() as connection:
        found = await versions(connection)
    assert (found["keys"], found["budgets"]) == (2, 1)


async def test_a_hearer_is_called_once_at_first_and_once_per_look_that_finds_a_change(database: Database) -> None:
    changes, keys, budgets = Changes(database), Ear(), Ear()
    changes.on("keys", keys)
    changes.on("budgets", budgets)
    await changes.look()
    await changes.look()
    assert (keys.heard, budgets.heard) == (1, 1)
    await change(database)
    await change(database)
    await changes.look()
    assert (keys.heard, budgets.heard) == (2, 1)


async def test_a_change_that_is_undone_is_heard_by_nobody(database: Database) -> None:
    changes, ear = Changes(database), Ear()
    changes.on("keys", ear)
    await changes.look()

    async def fail() -> None:
        async with database.begin() as connection:
            await announce(connection, "keys")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    await changes.look()
    assert ear.heard == 1


async def test_who_could_not_read_what_changed_is_called_again(database: Database) -> None:
    changes, ear = Changes(database), Ear(StoreUnavailableError("away"))
    changes.on("keys", ear)
    await changes.look()
    assert (ear.heard, changes.age) == (0, float("inf"))
    await changes.look()
    assert ear.heard == 1
    assert changes.age < 60


async def test_one_hearers_mistake_does_not_make_others_deaf(database: Database) -> None:
    changes, broken, ear = Changes(database), Ear(ZeroDivisionError()), Ear()
    failures: list[str] = []
    changes.failed = lambda topic, error: failures.append(f"{topic} {type(error).__name__}")
    changes.on("keys", broken)
    changes.on("keys", ear)
    await changes.look()
    assert ear.heard == 1
    assert failures == ["keys ZeroDivisionError"]


async def test_of_two_that_look_at_once_what_was_read_last_counts(database: Database) -> None:
    changes, known, slow = Changes(database), [0], asyncio.Event()

    async def refresh() -> None:
        async with database.read() as connection:
            found = (await versions(connection)).get("keys", 0)
        if not slow.is_set():  # the first to read is the last to be told
            slow.set()
            await asyncio.sleep(0.05)
        known[0] = found

    changes.on("keys", refresh)
    first = asyncio.create_task(changes.look())
    await slow.wait()
    await change(database)
    await changes.look()  # as after a change over the API
    await first
    assert known == [1]


async def test_what_a_database_refuses_is_told_once_and_is_not_the_end_of_looking(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = ConfigurationError("store.url: wye is not permitted to log in", param="store.url")
    changes, ear = Changes(database, interval=0.001), Ear(refused)  # as where it happens between two queries
    failures: list[str] = []
    changes.failed = lambda topic, error: failures.append(f"{topic} {type(error).__name__}")
    changes.on("keys", ear)
    read, looks = database.read, 0

    def nobody_may_sign_in() -> object:
        nonlocal looks
        looks += 1
        if looks < 3:
            raise refused
        return read()

    monkeypatch.setattr(database, "read", nobody_may_sign_in)
    await changes.start()
    assert changes.age == float("inf")
    async with asyncio.timeout(PATIENCE):
        while ear.heard < 1:  # noqa: ASYNC110 - nothing tells a test
            await asyncio.sleep(0.001)
    await changes.aclose()
    assert failures == ["changes ConfigurationError"]


async def test_how_old_what_is_known_may_be_grows_while_the_database_is_away(database: Database) -> None:
    now = [100.0]
    changes = Changes(database, clock=lambda: now[0])
    await changes.look()
    now[0] = 107.0
    assert changes.age == 7.0
    database.close_until_upgraded("away")
    await changes.look()
    assert changes.age == 7.0
    database.open_again()
    await changes.look()
    assert changes.age == 0.0


async def test_another_process_hears_by_itself(database: Database) -> None:
    other = Database(config_for(database.config.url.reveal()))
    changes, ear = Changes(other, interval=0.02), Ear()
    changes.on("keys", ear)
    await changes.start()
    assert ear.heard == 1
    await change(database)
    async with asyncio.timeout(PATIENCE):
        while ear.heard < 2:  # noqa: ASYNC110 - nothing tells a test
            await asyncio.sleep(0.01)
    await changes.aclose()
    await other.aclose()
