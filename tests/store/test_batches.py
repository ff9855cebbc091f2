"""A page of batches can be told from the last one, also where it is as long as it may be."""

from wye.store import batches
from wye.store.batches import PAGE, Batch
from wye.store.database import Database


async def test_the_longest_page_has_room_for_one_that_says_there_are_more(database: Database) -> None:
    async with database.begin() as connection:
        for at in range(PAGE + 2):
            row = Batch(
                id=f"batch_{at}", user_id="ann", endpoint="/v1/messages", input_file_id="", created_at=at, expires_at=at
            )
            await batches.add(connection, "ann", row)
    async with database.read() as connection:
        assert len(await batches.page(connection, "ann", limit=PAGE + 1)) == PAGE + 1
        assert len(await batches.page(connection, "ann", limit=PAGE)) == PAGE
