"""Files that users hand in, kept in pieces; what batches put out has a row here, and is read from their lines."""

from collections.abc import AsyncIterator
from typing import Any, Final, Literal, TypeAlias

from msgspec import Struct, structs
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from wye.store.database import Database
from wye.store.tables import batch_lines, batches, file_parts, files

PAGE: Final = 1000
"""Rows returned at once, at most."""
_LINES_AT_ONCE: Final = 16
Purpose: TypeAlias = Literal["batch", "batch_output"]


class File(Struct, frozen=True, kw_only=True):
    """A file; `size` is bytes, times are microseconds since the epoch.

    What a batch put out is of the batch `batch_id`, and has no parts of its own.
    """

    id: str
    user_id: str
    filename: str
    purpose: Purpose
    size: int
    batch_id: str | None = None
    created_at: int
    expires_at: int | None = None


async def begin(connection: AsyncConnection, owner: str, row: File) -> None:
    """Begin to keep a file of `owner`, which nobody sees before `finish`."""
    await connection.execute(files.insert().values(**{**structs.asdict(row), "user_id": owner, "whole": False}))


async def put(connection: AsyncConnection, file_id: str, position: int, data: bytes) -> None:
    """Add a part to a file that is begun."""
    await connection.execute(file_parts.insert().values(file_id=file_id, position=position, data=data))


async def finish(connection: AsyncConnection, owner: str, row: File) -> None:
    """Let a file be seen, with the name, size and time of `row`."""
    query = files.update().where(files.c.user_id == owner, files.c.id == row.id)
    values = {"filename": row.filename, "size": row.size, "expires_at": row.expires_at, "whole": True}
    await connection.execute(query.values(**values))


async def add_output(connection: AsyncConnection, owner: str, row: File) -> None:
    """Add what a batch of `owner` put out."""
    await connection.execute(files.insert().values(**{**structs.asdict(row), "user_id": owner, "whole": True}))


async def one(connection: AsyncConnection, owner: str, file_id: str, *, now: int) -> File | None:
    """Return a file of `owner` that has not expired by `now`."""
    query = select(files).where(*_of(owner, now), files.c.id == file_id)
    row = (await connection.execute(query)).mappings().first()
    return None if row is None else _file(row)


async def page(
    connection: AsyncConnection,
    owner: str,
    *,
    now: int,
    after: str | None = None,
    purpose: str | None = None,
    ascending: bool = False,
    limit: int = PAGE,
) -> list[File]:
    """Return files of `owner`, the latest first unless `ascending`, those after the file with the id `after`."""
    at, name = files.c.created_at, files.c.id
    query = select(files).where(*_of(owner, now))
    if purpose is not None:
        query = query.where(files.c.purpose == purpose)
    if after is not None:
        edge = select(at).where(files.c.user_id == owner, name == after).scalar_subquery()
        later = (at > edge) | ((at == edge) & (name > after))
        earlier = (at < edge) | ((at == edge) & (name < after))
        query = query.where(later if ascending else earlier)
    query = query.order_by(at, name) if ascending else query.order_by(at.desc(), name.desc())
    return [_file(row) for row in (await connection.execute(query.limit(min(limit, PAGE)))).mappings()]


async def drop(connection: AsyncConnection, owner: str, file_id: str) -> bool:
    """Delete a file of `owner` with all that is in it; tell whether there was one."""
    query = select(files.c.purpose, files.c.batch_id).where(files.c.user_id == owner, files.c.id == file_id)
    row = (await connection.execute(query)).first()
    if row is None:
        return False
    if row.batch_id is not None:
        of = select(batches.c.output_file_id == file_id).where(batches.c.id == row.batch_id, batches.c.user_id == owner)
        was_output = bool((await connection.execute(of)).scalar())
        lines = batch_lines.update().where(batch_lines.c.batch_id == row.batch_id, batch_lines.c.ok.is_(was_output))
        await connection.execute(lines.values(result=b""))
    gone = delete(files).where(files.c.user_id == owner, files.c.id == file_id)
    return (await connection.execute(gone)).rowcount > 0


async def pieces(database: Database, owner: str, row: File) -> AsyncIterator[bytes]:
    """Return the bytes of a file of `owner`, a piece at a time."""
    if row.batch_id is not None:
        async for some in _output(database, owner, row, row.batch_id):
            yield some
        return
    position = 0
    while True:
        query = (
            select(file_parts.c.data)
            .select_from(file_parts.join(files, files.c.id == file_parts.c.file_id))
            .where(files.c.user_id == owner, files.c.id == row.id, file_parts.c.position == position)
        )
        async with database.read() as connection:
            data = (await connection.execute(query)).scalar()
        if data is None:
            return
        yield bytes(data)
        position += 1


async def _output(database: Database, owner: str, row: File, batch_id: str) -> AsyncIterator[bytes]:
    """Return the lines of a batch that ended well, or of those that did not, a few at a time."""
    async with database.read() as connection:
        query = select(batches.c.output_file_id == row.id).where(batches.c.id == batch_id, batches.c.user_id == owner)
        ok = bool((await connection.execute(query)).scalar())
    lines, position = batch_lines.c, 0
    while True:
        wanted = (
            select(lines.position, lines.result)
            .where(lines.batch_id == batch_id, lines.ok.is_(ok), lines.position > position)
            .order_by(lines.position)
            .limit(_LINES_AT_ONCE)
        )
        async with database.read() as connection:
            found = (await connection.execute(wanted)).all()
        if not found:
            return
        position = found[-1].position
        yield b"".join(bytes(line.result) for line in found)


async def sweep(connection: AsyncConnection, *, before: int, begun_before: int, now: int) -> int:
    """Forget files older than `before`, expired ones, and those begun before a time that never became whole.

    Those of batches that are still under way stay. Return how many there were.
    """
    busy = select(batches.c.input_file_id).where(batches.c.ended_at.is_(None))
    old = files.c.created_at < before
    old |= files.c.expires_at < now
    old |= files.c.whole.is_(False) & (files.c.created_at < begun_before)
    return (await connection.execute(delete(files).where(old, files.c.id.not_in(busy)))).rowcount


def _of(owner: str, now: int) -> list[Any]:
    alive = files.c.expires_at.is_(None) | (files.c.expires_at > now)
    return [files.c.user_id == owner, files.c.whole.is_(True), alive]


def _file(row: Any) -> File:
    return File(**{name: row[name] for name in File.__struct_fields__})
