"""Requests that limits and budgets did not let in, by the hour: no book has them, and operators ask for them."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from wye.store.reports import Reach, seen
from wye.store.tables import refusals
from wye.store.upsert import insert

_AT_MOST: Final = 50


class Refusal(NamedTuple):
    """Whose requests were refused in an hour, and by what; an absent key or team is empty."""

    hour: int
    user_id: str
    team_id: str
    key_id: str
    by: str
    scope: str
    target: str
    measure: str


async def add(connection: AsyncConnection, counts: Mapping[Refusal, int]) -> None:
    """Add to what was counted before."""
    statement = insert(connection, refusals)
    more = {"count": refusals.c.count + statement.excluded.count}
    statement = statement.on_conflict_do_update(index_elements=list(Refusal._fields), set_=more)
    # In the order of their keys, so that two processes never wait for each other's.
    await connection.execute(statement, [{**one._asdict(), "count": count} for one, count in sorted(counts.items())])


async def since(connection: AsyncConnection, reach: Reach, hour: int) -> list[tuple[Refusal, int]]:
    """Return what was refused from an hour on, most often first; `hour` of each is when that began."""
    c = refusals.c
    names = (c.user_id, c.team_id, c.key_id, c.by, c.scope, c.target, c.measure)
    total = func.sum(c.count)
    query = select(func.min(c.hour), *names, total).where(c.hour >= hour, seen(refusals, reach)).group_by(*names)
    rows = await connection.execute(query.order_by(total.desc(), *names).limit(_AT_MOST))
    return [(Refusal(*row[:-1]), int(row[-1])) for row in rows]
