"""The limits that keys, users and teams have written down."""

from typing import Final

import msgspec
from sqlalchemy import Table, select
from sqlalchemy.ext.asyncio import AsyncConnection

from wye.core.limits import Limit, LimitScope, LimitSet
from wye.store import tables

TOPICS: Final = ("keys", "users", "teams")
"""What `changes` calls those who have them."""
_WHERE: Final[tuple[tuple[LimitScope, Table], ...]] = (
    ("key", tables.keys),
    ("user", tables.users),
    ("team", tables.teams),
)


async def all_in_force(connection: AsyncConnection) -> list[Limit]:
    """Return every limit."""
    found: list[Limit] = []
    for scope, table in _WHERE:
        query = select(table.c.id, table.c.limits).where(table.c.limits.is_not(None))
        for name, written in await connection.execute(query):
            limits = msgspec.convert(written, LimitSet)
            if limits != LimitSet():
                found.append(Limit(scope=scope, target=name, limits=limits))
    return found
