"""Who works on which batch, and what has been done of it: one process at a time, for as long as it says that it does.

A process that holds a batch says so again and again (`renew`); one that does not for long enough has lost it to
whoever takes it over. All that is written of a batch is written by its holder only: what a process finds out that has
lost it goes nowhere.
"""

from collections.abc import Collection, Sequence
from typing import Any

from msgspec import Struct, structs
from sqlalchemy import case, delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from wye.store import files
from wye.store.batches import Batch, Mistake, Status, batch_of
from wye.store.files import File
from wye.store.tables import batch_lines, batches


class Line(Struct, frozen=True, kw_only=True):
    """A request of a batch; `position` is its line in the file, counted from 1."""

    position: int
    custom_id: str
    body: bytes


class Unasked(Struct, frozen=True, kw_only=True):
    """A line of which nobody needs what it asks; `size` is the bytes of that."""

    position: int
    custom_id: str
    size: int


class Spent(Struct, frozen=True, kw_only=True):
    """What the tries of one line took together; `cost` is picodollars, `None` where any of it is unknown."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    reasoning_tokens: int = 0
    cost: int | None = 0


class Result(Struct, frozen=True, kw_only=True):
    """What became of a line: `text` is the line of the output file (`ok`) or of the error file, with its end."""

    position: int
    ok: bool
    text: bytes
    spent: Spent = Spent()


class Held(Struct, frozen=True, kw_only=True):
    """A batch that is held: by whom it may be written."""

    holder: str
    owner: str
    batch_id: str


async def is_free(connection: AsyncConnection, *, now: int, besides: Collection[str] = ()) -> bool:
    """Tell whether there is a batch to be worked on, `besides` some, that nobody works on."""
    query = select(batches.c.id).where(*_free(now, besides)).limit(1)
    return (await connection.execute(query)).first() is not None


async def claim(
    connection: AsyncConnection, holder: str, *, now: int, until: int, besides: Collection[str] = ()
) -> Batch | None:
    """Take a batch that is to be worked on and that nobody works on, for `holder` until a time; the oldest first.

    `besides` are those that the process works on already, whatever their leases say: its clock may have jumped.
    """
    free = _free(now, besides)
    oldest = select(batches.c.id).where(*free).order_by(batches.c.created_at).limit(1)
    if (found := (await connection.execute(oldest)).scalar()) is None:
        return None
    query = batches.update().where(batches.c.id == found, *free).values(holder=holder, held_until=until)
    row = (await connection.execute(query.returning(*batches.c))).mappings().first()
    return None if row is None else batch_of(row)


def _free(now: int, besides: Collection[str]) -> tuple[Any, ...]:
    c = batches.c
    return c.ended_at.is_(None), c.held_until <= now, c.id.not_in(tuple(besides))


async def renew(connection: AsyncConnection, held: Held, *, until: int, waits_for: str | None) -> Status | None:
    """Hold a batch for longer; return what is to become of it, `None` where it is somebody else's now."""
    values = {"held_until": until, "waits_for": waits_for}
    row = (await connection.execute(_mine(held).values(**values).returning(batches.c.status))).first()
    return None if row is None else row.status


async def release(connection: AsyncConnection, held: Held) -> None:
    """Let others take a batch over at once."""
    await connection.execute(_mine(held).values(holder=None, held_until=0))


async def begin_anew(connection: AsyncConnection, held: Held) -> None:
    """Forget the lines of a batch whose file is to be read from its beginning."""
    mine = select(batches.c.id).where(*_is(held))
    await connection.execute(delete(batch_lines).where(batch_lines.c.batch_id.in_(mine)))


async def add_lines(connection: AsyncConnection, held: Held, lines: Sequence[Line]) -> None:
    """Add lines of the file."""
    rows = [{"batch_id": held.batch_id, **structs.asdict(line)} for line in lines]
    await connection.execute(batch_lines.insert(), rows)


async def checked(connection: AsyncConnection, held: Held, *, now: int, total: int, model: str | None) -> bool:
    """Say that the file is in order; tell whether the batch is to go on, and has not been cancelled meanwhile."""
    query = _mine(held).where(batches.c.status == "validating")
    values = {"status": "in_progress", "in_progress_at": now, "total": total, "model": model}
    return (await connection.execute(query.values(**values))).rowcount > 0


async def refused(connection: AsyncConnection, held: Held, *, now: int, mistakes: Sequence[Mistake]) -> None:
    """End a batch whose file is not in order."""
    await begin_anew(connection, held)
    told = [structs.asdict(mistake) for mistake in mistakes]
    await connection.execute(_mine(held).values(status="failed", ended_at=now, errors=told, holder=None))


async def unasked(connection: AsyncConnection, held: Held, *, after: int, limit: int) -> list[Unasked]:
    """Return what lines are called that have no result yet, in their order, those after a position."""
    lines = batch_lines.c
    query = select(lines.position, lines.custom_id, func.length(lines.body).label("size")).where(
        lines.batch_id == held.batch_id, lines.position > after, lines.result.is_(None)
    )
    rows = (await connection.execute(query.order_by(lines.position).limit(limit))).all()
    return [Unasked(position=row.position, custom_id=row.custom_id, size=row.size or 0) for row in rows]


async def waiting(connection: AsyncConnection, held: Held, *, after: int, limit: int, size: int) -> list[Line]:
    """Return lines in their order that have no result yet, those after a position.

    Their bodies have `size` bytes together at most, unless the first one alone has more.
    """
    last, left = after, size
    for line in await unasked(connection, held, after=after, limit=limit):
        left -= line.size
        if left < 0 and last != after:
            break
        last = line.position
    lines = batch_lines.c
    query = select(lines.position, lines.custom_id, lines.body).where(
        lines.batch_id == held.batch_id, lines.position > after, lines.position <= last, lines.result.is_(None)
    )
    rows = (await connection.execute(query.order_by(lines.position))).all()
    return [Line(position=row.position, custom_id=row.custom_id, body=bytes(row.body or b"")) for row in rows]


async def answered(connection: AsyncConnection, held: Held, results: Sequence[Result]) -> Status | None:
    """Keep what became of lines; return what is to become of the batch, `None` where it is somebody else's now.

    A line that has a result keeps it, and counts no more: whoever was not told that this was done may do it again.
    """
    c, lines, new = batches.c, batch_lines.c, list[Result]()
    held_row = (await connection.execute(select(c.status).where(*_is(held)).with_for_update())).first()
    if held_row is None:
        return None
    for result in results:
        query = batch_lines.update().where(
            lines.batch_id == held.batch_id, lines.position == result.position, lines.result.is_(None)
        )
        if (await connection.execute(query.values(result=result.text, ok=result.ok, body=None))).rowcount:
            new.append(result)
    spent = [result.spent for result in new]
    values: dict[str, Any] = {
        name: c[name] + sum(getattr(one, name) for one in spent)
        for name in ("input_tokens", "output_tokens", "cache_read_tokens", "reasoning_tokens")
    }
    values["completed"] = c.completed + sum(result.ok for result in new)
    values["failed"] = c.failed + sum(not result.ok for result in new)
    values["cost"] = c.cost + sum(one.cost or 0 for one in spent)
    values["unknown_costs"] = c.unknown_costs + sum(one.cost is None for one in spent)
    if new:
        await connection.execute(_mine(held).values(**values))
    status: Status = held_row.status
    return status


async def finalize(connection: AsyncConnection, held: Held, *, now: int) -> None:
    """Say that no further line is asked; one that is being cancelled is still said to be."""
    going = batches.c.status == "in_progress"
    await connection.execute(
        _mine(held).values(status=case((going, "finalizing"), else_=batches.c.status), finalizing_at=now)
    )


async def end(connection: AsyncConnection, held: Held, status: Status, *, now: int, output: File, errors: File) -> None:
    """End a batch. `output` and `errors` are put in its owner's files, each where there is a line in it."""
    told: dict[str, Any] = {}
    for name, file, ok in (("output_file_id", output, True), ("error_file_id", errors, False)):
        lines = batch_lines.c
        query = select(func.count(), func.sum(func.length(lines.result)))
        count, size = (await connection.execute(query.where(lines.batch_id == held.batch_id, lines.ok.is_(ok)))).one()
        if count:
            await files.add_output(connection, held.owner, structs.replace(file, size=int(size)))
            told[name] = file.id
    done = _mine(held).values(status=status, ended_at=now, waits_for=None, holder=None, **told)
    if not (await connection.execute(done)).rowcount:
        raise LostError


class LostError(Exception):
    """The batch is somebody else's now: nothing of the transaction is to stay."""


def _mine(held: Held) -> Any:
    return batches.update().where(*_is(held))


def _is(held: Held) -> tuple[Any, ...]:
    c = batches.c
    return c.id == held.batch_id, c.user_id == held.owner, c.holder == held.holder, c.ended_at.is_(None)
