"""What the rules of `wye.insights` ask beside sums: keys nobody uses, and from when on metrics are shown."""

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from wye.store.reports import Reach, seen
from wye.store.tables import chores, keys, usage_hours
from wye.store.upsert import insert

_RESET = "telemetry_reset"


async def idle_keys(
    connection: AsyncConnection, reach: Reach, made_before: int, unused_since: int
) -> list[tuple[str, str, int, int | None]]:
    """Return keys in force, made before a time and not used since another (microseconds): id, name, made, last used."""
    used = select(usage_hours.c.key_id).where(usage_hours.c.hour >= unused_since // 3_600_000_000)
    c = keys.c
    where = [
        c.revoked_at.is_(None),
        c.created_at < made_before,
        func.coalesce(c.expires_at, unused_since + 10**18) > unused_since,
        func.coalesce(c.last_used_at, 0) < unused_since,
        c.id.not_in(used),
        seen(keys, reach),
    ]
    statement = select(c.id, c.name, c.created_at, c.last_used_at).where(*where).order_by(c.created_at).limit(100)
    return [(name, told, made, last) for name, told, made, last in await connection.execute(statement)]


async def shown_since(connection: AsyncConnection) -> int:
    """Return from when on metrics are shown, in microseconds since the epoch; 0 where they were never reset."""
    return await connection.scalar(select(chores.c.done_at).where(chores.c.name == _RESET)) or 0


async def show_from(connection: AsyncConnection, at: int, *, by: str) -> None:
    """Show metrics from a time on; nothing of the books is touched."""
    row = {"name": _RESET, "holder": by, "held_until": 0, "done_at": at}
    write = insert(connection, chores).values(**row)
    await connection.execute(write.on_conflict_do_update(index_elements=["name"], set_=row))
