"""Work that one process at a time does for all replicas: whoever is there takes it, and nobody while it is done."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from wye.store.tables import chores
from wye.store.upsert import insert


async def is_due(connection: AsyncConnection, name: str, *, now: int, every: int) -> bool:
    """Tell, without taking it, whether a chore is to be done now: nobody did it since `every`, and nobody is at it."""
    mine = select(chores.c.done_at, chores.c.held_until).where(chores.c.name == name)
    row = (await connection.execute(mine)).first()
    return row is None or (row.held_until <= now and row.done_at <= now - every)


async def take(connection: AsyncConnection, name: str, holder: str, *, now: int, every: int, within: int) -> bool:
    """Tell whether `holder`, a process, is to do a chore now: nobody did it since `every`, and nobody is at it.

    It has `within` to be done with it; then another may begin. Times are microseconds, `now` since the epoch.
    """
    first = insert(connection, chores).values(name=name, holder="", held_until=0, done_at=0)
    await connection.execute(first.on_conflict_do_nothing())
    free = (chores.c.held_until <= now) | (chores.c.holder == holder)
    mine = chores.update().where(chores.c.name == name, free, chores.c.done_at <= now - every)
    return (await connection.execute(mine.values(holder=holder, held_until=now + within))).rowcount == 1


async def done(connection: AsyncConnection, name: str, holder: str, *, now: int) -> None:
    """Say that a chore is done, where it is still `holder`'s."""
    mine = chores.update().where(chores.c.name == name, chores.c.holder == holder)
    await connection.execute(mine.values(held_until=0, done_at=now))
