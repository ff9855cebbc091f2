"""`usage_events` by month on PostgreSQL, so that an old month goes as one file and not row by row.

A partition `usage_events_2026_11` holds the rows of November 2026 (UTC). The housekeeper makes those of the months
to come; `usage_events_default` takes what fits none, so that no row is ever refused.
"""

import datetime
from typing import Final

from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncConnection

DEFAULT: Final = "usage_events_default"
AHEAD: Final = 2
"""Months there is a partition for beside this one."""


def create_default(connection: Connection) -> None:
    """Make the partition that takes any row, on PostgreSQL; part of the first migration."""
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"CREATE TABLE {DEFAULT} PARTITION OF usage_events DEFAULT"))


def starts(now: int, months: int = 0) -> tuple[str, int]:
    """Return the name of the partition that holds `now` (microseconds), or of one `months` later, and its beginning."""
    at = datetime.datetime.fromtimestamp(now / 1e6, datetime.UTC)
    year, month = divmod(at.year * 12 + at.month - 1 + months, 12)
    first = datetime.datetime(year, month + 1, 1, tzinfo=datetime.UTC)
    return f"usage_events_{year:04d}_{month + 1:02d}", int(first.timestamp()) * 1_000_000


async def make_ahead(connection: AsyncConnection, now: int) -> list[str]:
    """Make the partitions of this month and the next ones, and return the names of those that were not there.

    Rows of such a month that were put elsewhere meanwhile are brought home.
    """
    there = await _names(connection)
    made = []
    for months in range(AHEAD + 1):
        name, begin = starts(now, months)
        if name in there:
            continue
        _, end = starts(now, months + 1)
        strays = f"DELETE FROM {DEFAULT} WHERE at >= {begin} AND at < {end} RETURNING *"  # noqa: S608 - our own numbers
        for statement in (
            f"LOCK TABLE {DEFAULT} IN ACCESS EXCLUSIVE MODE",  # no stray may come between
            f"CREATE TABLE {name} (LIKE usage_events INCLUDING DEFAULTS INCLUDING INDEXES)",
            f"WITH strays AS ({strays}) INSERT INTO {name} SELECT * FROM strays",  # noqa: S608 - our own names
            f"ALTER TABLE usage_events ATTACH PARTITION {name} FOR VALUES FROM ({begin}) TO ({end})",
        ):
            await connection.execute(text(statement))
        made.append(name)
    return made


async def over_before(connection: AsyncConnection, cutoff: int) -> list[str]:
    """Return the partitions all of whose rows are older than `cutoff` (microseconds), oldest first."""
    current, _ = starts(cutoff)
    return sorted(name for name in await _names(connection) if name != DEFAULT and name < current)


async def _names(connection: AsyncConnection) -> set[str]:
    found = await connection.execute(
        text(
            "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
            " WHERE i.inhparent = 'usage_events'::regclass"
        )
    )
    return set(found.scalars())
