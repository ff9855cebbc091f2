"""Seeds the books with made-up requests, as the ledger would write them."""

from collections.abc import Sequence
from typing import Any, Final

from msgspec import structs
from sqlalchemy import Table
from sqlalchemy.ext.asyncio import AsyncConnection

from wye.core.folding import fold
from wye.core.record import HOUR_US, AttemptRecord, UsageRecord
from wye.store import sums
from wye.store.database import Database
from wye.store.tables import attempts, usage_events
from wye.store.upsert import insert

NOW: Final = 495_480 * HOUR_US + 30 * 60_000_000
"""Saturday, 11 July 2026, half past midnight UTC: what tests call now."""
_RENAMED: Final = {
    "user": "user_id",
    "key": "key_id",
    "team": "team_id",
    "parent": "parent_id",
    "conversation": "conversation_id",
}
_numbers = iter(range(10**9))


def used(*, hours_ago: float = 0, **more: Any) -> UsageRecord:
    """Return the record of a request that went well `hours_ago` before `NOW`; `more` says what was different."""
    plain: dict[str, Any] = {
        "id": f"req_{next(_numbers):08x}",
        "at": NOW - round(hours_ago * HOUR_US),
        "user": "ann",
        "status": "ok",
        "provider": "openai",
        "model": "gpt-4o",
        "asked": "openai/gpt-4o",
        "surface": "openai_chat",
        "input_tokens": 100,
        "output_tokens": 50,
        "cost": 750_000_000,
        "first_token": 200_000,
        "duration": 1_000_000,
        "tries": 1,
    }
    return UsageRecord(**{**plain, **more})


def failed(error: str = "overloaded", *, hours_ago: float = 0, **more: Any) -> UsageRecord:
    """Return the record of a request whose one call failed."""
    ended: dict[str, Any] = {
        "status": "error", "error": error, "cost": 0, "output_tokens": 0, "input_tokens": 0, "first_token": None,
    }  # fmt: skip
    record = used(hours_ago=hours_ago, **{**ended, **more})
    call = attempt(record, error=error)
    return structs.replace(record, attempts=(call,))


def attempt(record: UsageRecord, **more: Any) -> AttemptRecord:
    """Return a call of a request, to where it was answered unless `more` says another place."""
    plain = {
        "provider": record.provider or "", "model": record.model or "", "at": record.at, "duration": record.duration,
    }  # fmt: skip
    return AttemptRecord(**{**plain, **more})


async def write(database: Database, records: Sequence[UsageRecord]) -> None:
    """Write records into the books."""
    async with database.begin() as connection:
        await _insert(connection, usage_events, [_event(record) for record in records])
        calls = [_call(record, number) for record in records for number in range(len(record.attempts))]
        await _insert(connection, attempts, calls)
        await sums.add(connection, fold(records))


async def _insert(connection: AsyncConnection, table: Table, rows: list[dict[str, Any]]) -> None:
    if rows:
        await connection.execute(insert(connection, table).on_conflict_do_nothing(), rows)


def _event(record: UsageRecord) -> dict[str, Any]:
    row = {_RENAMED.get(name, name): value for name, value in structs.asdict(record).items() if name != "attempts"}
    return {**row, "tags": list(record.tags) or None}


def _call(record: UsageRecord, number: int) -> dict[str, Any]:
    owner = {"usage_id": record.id, "position": number, "user_id": record.user, "team_id": record.team}
    return {**structs.asdict(record.attempts[number]), **owner}
