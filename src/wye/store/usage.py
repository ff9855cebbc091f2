"""Writes the books: one row per request, the calls it was made of where they say more, and the sums of them all."""

import json
from collections.abc import Sequence
from itertools import chain
from operator import attrgetter
from typing import Any, Final

from msgspec import structs
from sqlalchemy import Boolean, Integer, bindparam, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from wye.core.folding import fold
from wye.core.record import UsageRecord
from wye.store import sums
from wye.store.tables import attempts, keys, usage_events
from wye.store.upsert import insert

_INSTEAD: Final = "\ufffd"
_USED_WITHIN: Final = 60_000_000
"""Microseconds that a key's last use may be behind: a key in constant use is not written to in every batch."""
_FIELDS: Final = {
    "user_id": "user", "key_id": "key", "team_id": "team", "parent_id": "parent", "conversation_id": "conversation",
}  # fmt: skip
_NAMES: Final = tuple(column.name for column in usage_events.c if column.name != "tags")
_row: Final = attrgetter(*(_FIELDS.get(name, name) for name in _NAMES))


def _sqlite(rows: int) -> str:
    names = ", ".join((*_NAMES, "tags"))
    marks = ", ".join("?" * (len(_NAMES) + 1))
    many = ", ".join([f"({marks})"] * rows)
    return f"INSERT INTO usage_events ({names}) VALUES {many} ON CONFLICT DO NOTHING"  # noqa: S608 - our own names


def _postgresql() -> str:
    """Return a statement that takes an array for each column: one parameter for any number of rows."""
    names = ", ".join((*_NAMES, "tags"))
    kinds = [
        "bool" if isinstance(kind, Boolean) else "bigint" if isinstance(kind, Integer) else "text"
        for kind in (usage_events.c[name].type for name in _NAMES)
    ]
    arrays = ", ".join(f"${number}::{kind}[]" for number, kind in enumerate((*kinds, "text"), 1))
    return (
        f"INSERT INTO usage_events ({names}) SELECT {', '.join(_NAMES)}, tags::jsonb "  # noqa: S608 - our own names
        f"FROM unnest({arrays}) AS given ({names}) ON CONFLICT DO NOTHING"
    )


_USED: Final = (
    keys.update()
    .where(keys.c.id == bindparam("used_key"))
    .where(or_(keys.c.last_used_at.is_(None), keys.c.last_used_at < bindparam("before")))
    .values(last_used_at=bindparam("used_at"))
)
_TOGETHER: Final = 100
"""Rows of one statement on SQLite: the thread that runs it gives way to requests, and waits for them, at each step."""
_SQLITE: Final = _sqlite(1)
_SQLITE_TOGETHER: Final = _sqlite(_TOGETHER)
_POSTGRESQL: Final = _postgresql()


class AlreadyWrittenError(Exception):
    """Some of the records are in the books already; the transaction must be undone, and `unwritten` asked."""


async def add(connection: AsyncConnection, records: Sequence[UsageRecord]) -> None:
    """Add records that are not in the books yet, and what they come to.

    Raises `AlreadyWrittenError` where any of them is there, or among them twice.
    """
    records = [_storable(record) for record in records]
    # Rows go in one order, so that two processes never wait for each other's.
    rows = [
        (*_row(record), json.dumps(record.tags) if record.tags else None)
        for record in sorted(records, key=attrgetter("id"))
    ]
    if await _insert(connection, rows) != len(rows):
        raise AlreadyWrittenError
    if calls := [_call(record, at) for record in records for at in range(len(record.attempts))]:
        await connection.execute(insert(connection, attempts).on_conflict_do_nothing(), calls)
    await sums.add(connection, fold(records))
    await _use_keys(connection, records)


async def _insert(connection: AsyncConnection, rows: Sequence[tuple[Any, ...]]) -> int:
    """Insert rows that are not there yet, and return how many were not."""
    if connection.dialect.name == "postgresql":
        arrays = tuple(list(column) for column in zip(*rows, strict=True))
        return (await connection.exec_driver_sql(_POSTGRESQL, arrays)).rowcount
    inserted, whole = 0, len(rows) - len(rows) % _TOGETHER
    for at in range(0, whole, _TOGETHER):
        together = tuple(chain.from_iterable(rows[at : at + _TOGETHER]))
        inserted += (await connection.exec_driver_sql(_SQLITE_TOGETHER, together)).rowcount
    if rest := [*rows[whole:]]:
        inserted += (await connection.exec_driver_sql(_SQLITE, rest)).rowcount
    return inserted


async def _use_keys(connection: AsyncConnection, records: Sequence[UsageRecord]) -> None:
    """Write down when keys were used last, to the minute."""
    used: dict[str, int] = {}
    for record in records:
        if record.key is not None:
            used[record.key] = max(record.at, used.get(record.key, 0))
    if used:
        # In the order of their ids, so that two processes never wait for each other's.
        rows = [{"used_key": key, "used_at": at, "before": at - _USED_WITHIN} for key, at in sorted(used.items())]
        await connection.execute(_USED, rows)


async def unwritten(connection: AsyncConnection, records: Sequence[UsageRecord]) -> list[UsageRecord]:
    """Return those of the records that are not in the books, each once."""
    found = await connection.scalars(
        select(usage_events.c.id).where(usage_events.c.id.in_([record.id for record in records]))
    )
    known = set(found)
    return list({record.id: record for record in reversed(records) if record.id not in known}.values())[::-1]


def _storable(record: UsageRecord) -> UsageRecord:
    """Return a record without U+0000 in what a caller chose, which PostgreSQL refuses."""
    if "\0" not in f"{record.asked}{record.model}{record.conversation}{''.join(record.tags)}":
        return record
    clean: dict[str, Any] = {
        name: value.replace("\0", _INSTEAD)
        for name in ("asked", "model", "conversation")
        if (value := getattr(record, name)) is not None
    }
    attempts_made = tuple(
        structs.replace(attempt, model=attempt.model.replace("\0", _INSTEAD)) for attempt in record.attempts
    )
    tags = tuple(tag.replace("\0", _INSTEAD) for tag in record.tags)
    return structs.replace(record, **clean, tags=tags, attempts=attempts_made)


def _call(record: UsageRecord, at: int) -> dict[str, Any]:
    of = {"usage_id": record.id, "position": at, "user_id": record.user, "team_id": record.team}
    return {**structs.asdict(record.attempts[at]), **of}
