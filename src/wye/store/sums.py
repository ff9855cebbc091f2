"""Adds sums by the hour to those that are there already, in the transaction that writes the events they are of."""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import structs
from sqlalchemy import Table
from sqlalchemy.ext.asyncio import AsyncConnection

from wye.core.sums import SUMMED, Folded, Place
from wye.store.tables import latency_buckets, tag_hours, usage_hours
from wye.store.upsert import insert


async def add(connection: AsyncConnection, folded: Folded) -> None:
    """Add what events came to; only events that were not in the books before may be in it."""
    # Rows go in the order of their keys, so that two processes never wait for each other's.
    hours = [{**_place(place), **structs.asdict(sums)} for place, sums in sorted(folded.hours.items(), key=_key)]
    tags = [
        {"tag": tag, **_place(place), **structs.asdict(sums)}
        for (tag, place), sums in sorted(folded.tags.items(), key=_key)
    ]
    names = ("hour", "provider", "model", "kind", "bucket")
    latencies = [
        {**dict(zip(names, spot, strict=True)), "count": count} for spot, count in sorted(folded.latencies.items())
    ]
    await _add(connection, usage_hours, SUMMED, hours)
    await _add(connection, tag_hours, SUMMED, tags)
    await _add(connection, latency_buckets, ("count",), latencies)


def _key(item: tuple[Any, Any]) -> Any:
    return item[0]


def _place(place: Place) -> Mapping[str, Any]:
    names = ("hour", "user_id", "key_id", "team_id", "provider", "model")
    return dict(zip(names, place, strict=True))


async def _add(
    connection: AsyncConnection, table: Table, summed: Sequence[str], rows: Sequence[Mapping[str, Any]]
) -> None:
    if not rows:
        return
    statement = insert(connection, table)
    grown = {name: table.c[name] + statement.excluded[name] for name in summed}
    await connection.execute(statement.on_conflict_do_update(index_elements=[*table.primary_key], set_=grown), rows)
