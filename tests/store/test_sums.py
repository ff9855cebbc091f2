"""Sums by the hour grow by what is added, and are those of the events."""

from sqlalchemy import func, select
from tests.support.books import failed, used, write

from wye.core.folding import fold
from wye.store import sums
from wye.store.database import Database
from wye.store.tables import latency_buckets, tag_hours, usage_events, usage_hours


async def test_sums_grow_with_every_batch_and_are_those_of_the_events(database: Database) -> None:
    for _ in range(3):
        await write(database, [used(tags=("a", "b")), used(user="bob", cost=None), failed(key="key_1")])
    async with database.read() as connection:
        events = (await connection.execute(select(func.count(), func.sum(usage_events.c.cost)))).one()
        hours = (await connection.execute(select(func.sum(usage_hours.c.requests), func.sum(usage_hours.c.cost)))).one()
        rows = await connection.scalar(select(func.count()).select_from(usage_hours))
        tagged = await connection.execute(select(tag_hours.c.tag, tag_hours.c.requests))
        timed = await connection.scalar(select(func.sum(latency_buckets.c.count)))
    assert [int(value) for value in events] == [int(value) for value in hours] == [9, 3 * 750_000_000]
    assert rows == 3, "one for each user and key"
    assert {tuple(row) for row in tagged} == {("a", 3), ("b", 3)}
    assert timed == 12, "6 answers, of each the first token and the whole"


async def test_nothing_is_added_of_nothing(database: Database) -> None:
    async with database.begin() as connection:
        await sums.add(connection, fold([]))
        assert await connection.scalar(select(func.count()).select_from(usage_hours)) == 0
