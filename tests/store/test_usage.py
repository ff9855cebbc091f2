"""What a caller chose to send is in the books whatever characters it has."""

from sqlalchemy import select

from wye.core.record import AttemptRecord, UsageRecord
from wye.store import usage
from wye.store.database import Database, now_us
from wye.store.tables import attempts, usage_events


async def test_a_request_with_a_character_that_no_database_keeps_is_booked_without_it(database: Database) -> None:
    odd = "a\0b"
    attempt = AttemptRecord(provider="p", model=odd, at=now_us(), duration=1)
    record = UsageRecord(
        id="r1", at=now_us(), user="u", status="ok", asked=odd, model=odd, provider="p", conversation=odd, tags=(odd,),
        attempts=(attempt, attempt), tries=2,
    )  # fmt: skip
    plain = UsageRecord(id="r2", at=now_us(), user="u", status="ok", asked="plain")
    async with database.begin() as connection:
        await usage.add(connection, [record, plain])
    events = usage_events.c
    async with database.read() as connection:
        rows = (await connection.execute(select(events.asked, events.conversation_id).order_by(events.id))).all()
        models = set(await connection.scalars(select(attempts.c.model)))
    assert [tuple(row) for row in rows] == [("a\ufffdb", "a\ufffdb"), ("plain", None)]
    assert models == {"a\ufffdb"}
