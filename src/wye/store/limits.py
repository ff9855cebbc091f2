"""The limits that are written down for users and teams; those of a key come with whoever shows it."""

from collections.abc import Mapping
from typing import Final

import msgspec
from sqlalchemy import Table, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from wye.core.limits import Limit, Limits, LimitScope
from wye.store import tables

TOPIC: Final = "limits"
"""What `changes` calls them."""
_TABLES: Final[Mapping[LimitScope, Table]] = {"user": tables.users, "team": tables.teams}


async def all_in_force(connection: AsyncConnection) -> list[Limit]:
    """Return every limit."""
    found: list[Limit] = []
    for scope, table in _TABLES.items():
        query = select(table.c.id, table.c.limits).where(table.c.limits.is_not(None)).order_by(table.c.id)
        for name, written in await connection.execute(query):
            found.append(Limit(scope=scope, target=name, limits=msgspec.convert(written, Limits)))
    return found


async def put(connection: AsyncConnection, limit: Limit) -> Limits | None:
    """Write down the limits of a user or a team; return what they were, `None` where there is no such user or team."""
    table = _TABLES[limit.scope]
    before = (await connection.execute(select(table.c.limits).where(table.c.id == limit.target))).first()
    if before is None:
        return None
    limits = msgspec.to_builtins(limit.limits) or None
    await connection.execute(update(table).where(table.c.id == limit.target).values(limits=limits))
    return msgspec.convert(before[0] or {}, Limits)
