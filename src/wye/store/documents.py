"""Documents that users uploaded, and the passages they are searched by."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from msgspec import structs
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from wye.core.document import Document, Found, Kept, Passage
from wye.store import fulltext
from wye.store.tables import documents, passages

PAGE: Final = 500
"""Rows returned at once, at most."""
_SEEN: Final = documents.c.passages > 0
"""What is true of a document that is kept whole."""


def terms_of(pieces: Sequence[Passage]) -> list[str]:
    """Return what passages are found by; work for a thread. A heading is found with the text below it."""
    return [fulltext.fold(f"{piece.section}\n{piece.text}") for piece in pieces]


async def begin(connection: AsyncConnection, owner: str, row: Document) -> None:
    """Begin to keep a document of `owner`, which nobody sees before `finish`.

    Raises `IntegrityError` where it has one of that id or digest, or begins to.
    """
    values = {**structs.asdict(row), "user_id": owner, "passages": 0}
    await connection.execute(documents.insert().values(**values))


async def put(
    connection: AsyncConnection, owner: str, document_id: str, pieces: Sequence[Passage], terms: Sequence[str]
) -> None:
    """Add passages to a document that is begun; `terms` are theirs (`terms_of`)."""
    rows = [
        {**structs.asdict(piece), "document_id": document_id, "user_id": owner, "terms": found}
        for piece, found in zip(pieces, terms, strict=True)
    ]
    await connection.execute(passages.insert(), rows)


async def finish(connection: AsyncConnection, owner: str, document_id: str, count: int) -> None:
    """Let a document of `count` passages be seen."""
    query = documents.update().where(documents.c.user_id == owner, documents.c.id == document_id)
    await connection.execute(query.values(passages=count))


async def sweep(connection: AsyncConnection, owner: str, before: int) -> None:
    """Forget documents of `owner` that were begun before a time (microseconds) and never finished."""
    old = documents.c.created_at < before
    await connection.execute(documents.delete().where(documents.c.user_id == owner, documents.c.passages == 0, old))


async def one(connection: AsyncConnection, owner: str, document_id: str) -> Document | None:
    """Return a document of `owner`."""
    query = select(documents).where(documents.c.user_id == owner, documents.c.id == document_id, _SEEN)
    return _document((await connection.execute(query)).mappings().first())


async def same(connection: AsyncConnection, owner: str, digest: str) -> Document | None:
    """Return the document of `owner` whose file had this SHA-256."""
    query = select(documents).where(documents.c.user_id == owner, documents.c.digest == digest, _SEEN)
    return _document((await connection.execute(query)).mappings().first())


async def every(connection: AsyncConnection, owner: str, *, before: str | None, limit: int = PAGE) -> list[Document]:
    """Return documents of `owner`, the latest first, those older than the document with the id `before`."""
    at = documents.c.created_at
    query = select(documents).where(documents.c.user_id == owner, _SEEN)
    if before is not None:
        edge = select(at).where(documents.c.user_id == owner, documents.c.id == before).scalar_subquery()
        query = query.where((at < edge) | ((at == edge) & (documents.c.id < before)))
    query = query.order_by(at.desc(), documents.c.id.desc()).limit(min(limit, PAGE))
    return [Document(**row) for row in (await connection.execute(query)).mappings()]


async def kept(connection: AsyncConnection, owner: str) -> Kept:
    """Return how much `owner` keeps, with what it begins to keep."""
    sums = select(func.count(), func.coalesce(func.sum(documents.c.characters), 0)).where(documents.c.user_id == owner)
    row = (await connection.execute(sums)).one()
    return Kept(documents=int(row[0]), characters=int(row[1]))


async def passages_of(
    connection: AsyncConnection, owner: str, document_id: str, *, after: int = -1, limit: int = PAGE
) -> list[Passage]:
    """Return passages of a document of `owner` in order, those after position `after`."""
    columns = passages.c
    query = select(*_columns()).where(
        columns.user_id == owner, columns.document_id == document_id, columns.position > after
    )
    rows = await connection.execute(query.order_by(columns.position).limit(min(limit, PAGE)))
    return [Passage(**row) for row in rows.mappings()]


async def drop(connection: AsyncConnection, owner: str, document_id: str) -> bool:
    """Delete a document of `owner` with all that was kept of it; tell whether there was one."""
    query = documents.delete().where(documents.c.user_id == owner, documents.c.id == document_id)
    return (await connection.execute(query)).rowcount > 0


async def search(
    connection: AsyncConnection, owner: str, said: str, *, limit: int, within: Iterable[str] | None = None
) -> list[Found]:
    """Return the passages of `owner` that have words of `said`, the best first; of the documents `within` only."""
    asked = fulltext.matching(connection, passages, said)
    if asked is None:
        return []
    query = (
        select(*_columns(), passages.c.document_id, documents.c.title, documents.c.media_type, asked.rank.label("rank"))
        .select_from(asked.source.join(documents, documents.c.id == passages.c.document_id))
        .where(asked.condition, passages.c.user_id == owner, documents.c.user_id == owner, _SEEN)
        .order_by(asked.rank.desc(), passages.c.number)
        .limit(min(limit, PAGE))
    )
    if within is not None:
        query = query.where(passages.c.document_id.in_(list(within)))
    return [
        Found(
            document_id=row["document_id"],
            title=row["title"],
            media_type=row["media_type"],
            rank=float(row["rank"]),
            passage=Passage(**{name: row[name] for name in Passage.__struct_fields__}),
        )
        for row in (await connection.execute(query)).mappings()
    ]


def _columns() -> list[Any]:
    return [passages.c[name] for name in Passage.__struct_fields__]


def _document(row: Any) -> Document | None:
    return None if row is None else Document(**row)
