"""Batches as their owners see them: made, listed, cancelled, forgotten. Who works on them is in `batch_work`."""

from typing import Any, Final, Literal, TypeAlias

from msgspec import Struct, structs
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from wye.store.changes import announce
from wye.store.tables import batches

PAGE: Final = 100
"""Rows of a page, at most; one more is returned to whoever asks for it, to tell whether there are any."""
TOPIC: Final = "batches"
"""What is announced of a batch that is new or to be cancelled, for whoever works on batches."""
Status: TypeAlias = Literal[
    "validating", "failed", "in_progress", "finalizing", "completed", "expired", "cancelling", "cancelled"
]


class Mistake(Struct, frozen=True, kw_only=True):
    """What is wrong with a batch's input file; `line` counts from 1, `param` is the member at fault."""

    code: str
    message: str
    line: int | None = None
    param: str | None = None


class Batch(Struct, frozen=True, kw_only=True):
    """A batch; the columns of `wye.store.tables.batches`, of which times are microseconds since the epoch."""

    id: str
    user_id: str
    key_id: str | None = None
    endpoint: str
    input_file_id: str
    status: Status = "validating"
    model: str | None = None
    metadata: dict[str, str] | None = None
    errors: tuple[Mistake, ...] = ()
    output_file_id: str | None = None
    error_file_id: str | None = None
    total: int = 0
    completed: int = 0
    failed: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    reasoning_tokens: int = 0
    cost: int = 0
    unknown_costs: int = 0
    created_at: int
    expires_at: int
    in_progress_at: int | None = None
    finalizing_at: int | None = None
    cancelling_at: int | None = None
    ended_at: int | None = None
    waits_for: str | None = None


async def add(connection: AsyncConnection, owner: str, row: Batch) -> None:
    """Add a batch of `owner`, which somebody will begin to work on."""
    await connection.execute(batches.insert().values(**{**structs.asdict(row), "user_id": owner, "errors": None}))
    await announce(connection, TOPIC)


async def one(connection: AsyncConnection, owner: str, batch_id: str) -> Batch | None:
    """Return a batch of `owner`."""
    query = select(batches).where(batches.c.user_id == owner, batches.c.id == batch_id)
    row = (await connection.execute(query)).mappings().first()
    return None if row is None else batch_of(row)


async def page(connection: AsyncConnection, owner: str, *, after: str | None = None, limit: int = PAGE) -> list[Batch]:
    """Return batches of `owner`, the latest first, those after the batch with the id `after` in that order."""
    at, name = batches.c.created_at, batches.c.id
    query = select(batches).where(batches.c.user_id == owner)
    if after is not None:
        edge = select(at).where(batches.c.user_id == owner, name == after).scalar_subquery()
        query = query.where((at < edge) | ((at == edge) & (name < after)))
    query = query.order_by(at.desc(), name.desc()).limit(min(limit, PAGE + 1))
    return [batch_of(row) for row in (await connection.execute(query)).mappings()]


async def cancel(connection: AsyncConnection, owner: str, batch_id: str, *, now: int) -> Batch | None:
    """Have no further line of a batch of `owner` asked, where it is not over; return it, or `None` for none."""
    going = batches.c.status.in_(("validating", "in_progress"))
    query = batches.update().where(batches.c.user_id == owner, batches.c.id == batch_id, going)
    if (await connection.execute(query.values(status="cancelling", cancelling_at=now, waits_for=None))).rowcount:
        await announce(connection, TOPIC)
    return await one(connection, owner, batch_id)


async def sweep(connection: AsyncConnection, *, before: int) -> int:
    """Forget batches that ended before a time, with all that was answered; return how many there were."""
    return (await connection.execute(delete(batches).where(batches.c.ended_at < before))).rowcount


def batch_of(row: Any) -> Batch:
    """Make a value of a row."""
    values = {name: row[name] for name in Batch.__struct_fields__}
    return Batch(**{**values, "errors": tuple(Mistake(**one) for one in row["errors"] or ())})
