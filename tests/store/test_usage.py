"""What a caller chose to send is in the books whatever characters it has."""

from sqlalchemy import select

from wye.core.record import AttemptRecord, UsageRecord
from wye.store import people, usage
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


async def test_keys_say_when_they_were_used_last_to_the_minute(database: Database) -> None:
    at = 1_800_000_000_000_000
    key = people.Key(
        id="k", hash="h", prefix="p", name="", user_id="local", created_by=None, created_at=at, updated_at=at
    )
    async with database.begin() as connection:
        await people.add_key(connection, key)
    seen = []
    for number, later in enumerate((0, 30_000_000, -3_600_000_000, 61_000_000)):
        records = [
            UsageRecord(id=f"r{number}-{at_once}", at=at + later - at_once, user="local", key="k", status="ok")
            for at_once in range(2)
        ]
        other = UsageRecord(id=f"o{number}", at=at + later, user="local", status="ok", key="gone")
        async with database.begin() as connection:
            await usage.add(connection, [*records, other])
        async with database.read() as connection:
            found = await people.key(connection, "local", "k")
        assert found is not None
        seen.append(None if found.last_used_at is None else found.last_used_at - at)
    assert seen == [0, 0, 0, 61_000_000]
