"""Sessions that were signed out of are known for as long as their cookies would hold, and no longer."""

from sqlalchemy import func, select

from wye.store import changes, sessions
from wye.store.database import Database, now_us
from wye.store.tables import ended_sessions

HOUR = 3_600_000_000


async def test_an_ended_session_is_known_until_its_cookie_would_have_ended(database: Database) -> None:
    async with database.begin() as connection:
        await sessions.end(connection, "over", now_us() - 1)
        await sessions.end(connection, "stolen", now_us() + HOUR)
    async with database.read() as connection:
        assert await sessions.ended(connection) == {"stolen"}


async def test_what_is_over_is_forgotten_when_the_next_one_ends(database: Database) -> None:
    for name, until in (("over", now_us() - 1), ("first", now_us() + HOUR), ("second", now_us() + HOUR)):
        async with database.begin() as connection:
            await sessions.end(connection, name, until)
    async with database.read() as connection:
        assert await connection.scalar(select(func.count()).select_from(ended_sessions)) == 2


async def test_one_that_ends_twice_ends_once_and_replicas_are_told(database: Database) -> None:
    for _ in range(2):
        async with database.begin() as connection:
            await sessions.end(connection, "mine", now_us() + HOUR)
    async with database.read() as connection:
        assert await sessions.ended(connection) == {"mine"}
        assert (await changes.versions(connection))[sessions.TOPIC] == 2
