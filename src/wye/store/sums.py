"""Adds sums by the hour to those that are there already, in the transaction that writes the events they are of.

The statements are written out once for each kind of database: to build one of this many columns, and to look it up
among those that were built, costs several times as much as to run it.
"""

from collections.abc import Sequence
from typing import Any, Final, TypeAlias

from msgspec import structs
from sqlalchemy import Table
from sqlalchemy.ext.asyncio import AsyncConnection

from wye.core.sums import SUMMED, Folded
from wye.store.tables import conversation_hours, latency_buckets, tag_hours, usage_hours
from wye.store.upsert import insert

_Row: TypeAlias = tuple[int | str, ...]
_written: Final[dict[tuple[str, str], str]] = {}


async def add(connection: AsyncConnection, folded: Folded) -> None:
    """Add what events came to; only events that were not in the books before may be in it."""
    # Rows have their tables' columns in order, and go in the order of their keys, so that two processes never wait
    # for each other's.
    hours = [(*place, *structs.astuple(sums)) for place, sums in sorted(folded.hours.items(), key=_key)]
    tags = [(tag, *place, *structs.astuple(sums)) for (tag, place), sums in sorted(folded.tags.items(), key=_key)]
    talks = [
        (name, *place, *structs.astuple(sums)) for (name, place), sums in sorted(folded.conversations.items(), key=_key)
    ]
    latencies = [(*spot, count) for spot, count in sorted(folded.latencies.items())]
    await _add(connection, usage_hours, SUMMED, hours)
    await _add(connection, tag_hours, SUMMED, tags)
    await _add(connection, conversation_hours, SUMMED, talks)
    await _add(connection, latency_buckets, ("count",), latencies)


def _key(item: tuple[Any, Any]) -> Any:
    return item[0]


async def _add(connection: AsyncConnection, table: Table, summed: Sequence[str], rows: Sequence[_Row]) -> None:
    if rows:
        await connection.exec_driver_sql(_statement(connection, table, summed), [*rows])


def _statement(connection: AsyncConnection, table: Table, summed: Sequence[str]) -> str:
    """Return a statement as the driver takes it."""
    dialect = connection.dialect
    known = _written.get((dialect.name, table.name))
    if known is None:
        statement = insert(connection, table)
        grown = {name: table.c[name] + statement.excluded[name] for name in summed}
        grows = statement.on_conflict_do_update(index_elements=[*table.primary_key], set_=grown)
        known = _written[dialect.name, table.name] = str(grows.compile(dialect=dialect))
    return known
