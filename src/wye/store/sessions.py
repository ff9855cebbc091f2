"""Which browsers' sessions were signed out of: all that is written down of a session, for as long as it would hold."""

from typing import Final

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from wye.store.changes import announce
from wye.store.database import now_us
from wye.store.tables import ended_sessions
from wye.store.upsert import insert

TOPIC: Final = "sessions"
"""What `changes` calls them."""


async def end(connection: AsyncConnection, name: str, until: int) -> None:
    """Write down that a session has ended which would have held `until` then (microseconds since the epoch).

    Those that would have ended by now are forgotten with it: their cookies open nothing.
    """
    await connection.execute(delete(ended_sessions).where(ended_sessions.c.until <= now_us()))
    row = insert(connection, ended_sessions).values(name=name, until=until)
    await connection.execute(row.on_conflict_do_nothing(index_elements=["name"]))
    await announce(connection, TOPIC)


async def ended(connection: AsyncConnection) -> set[str]:
    """Return the names of those whose cookies would hold otherwise."""
    query = select(ended_sessions.c.name).where(ended_sessions.c.until > now_us())
    return set(await connection.scalars(query))
