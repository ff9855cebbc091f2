"""Forgets what has been kept for long enough, a little at a time so that nobody waits for it."""

import asyncio
from typing import Any, Final

from sqlalchemy import Table, delete, select, text, tuple_

from wye.core.record import HOUR_US
from wye.store import partitions
from wye.store.config import RetentionConfig
from wye.store.database import Database
from wye.store.tables import (
    attempts,
    conversation_hours,
    evaluations,
    leases,
    refusals,
    responses,
    usage_events,
)

DAY_US: Final = 24 * 3600 * 1_000_000
BATCH: Final = 2000
"""Rows deleted in one transaction."""
_PAUSE_SECONDS: Final = 0.01


async def sweep(database: Database, config: RetentionConfig, now: int) -> dict[str, int]:
    """Delete what is older than `config` says at `now` (microseconds); return the rows, or whole months, by table."""
    usage = now - config.usage_days * DAY_US
    detail = now - config.requests_days * DAY_US
    gone = {}
    if database.dialect == "postgresql":
        gone["months of usage_events"] = await _drop_months(database, usage)
    gone["usage_events"] = await _delete(database, usage_events, usage_events.c.at, usage)
    hours = conversation_hours.c.hour
    gone["conversation_hours"] = await _delete(database, conversation_hours, hours, usage // HOUR_US)
    gone["refusals"] = await _delete(database, refusals, refusals.c.hour, detail // HOUR_US)
    gone["evaluations"] = await _delete(database, evaluations, evaluations.c.at, usage)
    gone["attempts"] = await _delete(database, attempts, attempts.c.at, detail)
    gone["responses"] = await _delete(database, responses, responses.c.used_at, detail)
    # What a process had spent counts for as long as its period may last; see `wye.store.leases`.
    gone["leases"] = await _delete(database, leases, leases.c.expires_at, now - DAY_US)
    return {name: rows for name, rows in gone.items() if rows}


async def _drop_months(database: Database, cutoff: int) -> int:
    async with database.read() as connection:
        over = await partitions.over_before(connection, cutoff)
    for name in over:
        async with database.begin() as connection:
            # Everybody who comes after us waits while we wait for whoever reads: rather try again in an hour.
            await connection.execute(text("SET LOCAL lock_timeout = '1s'"))
            await connection.execute(text(f"DROP TABLE {name}"))
    return len(over)


async def _delete(database: Database, table: Table, at: Any, cutoff: int) -> int:
    key = tuple_(*table.primary_key)
    old = select(*table.primary_key).where(at < cutoff).limit(BATCH)
    rows = 0
    while True:
        async with database.begin() as connection:
            # The age is said twice: by the outer one PostgreSQL knows which months it need not look into.
            gone = (await connection.execute(delete(table).where(at < cutoff, key.in_(old)))).rowcount
        rows += gone
        if gone < BATCH:
            return rows
        await asyncio.sleep(_PAUSE_SECONDS)
